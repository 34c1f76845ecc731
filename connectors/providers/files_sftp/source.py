"""The rows of the files, table by table."""

from __future__ import annotations

from connectors.file_sources import reading
from connectors.file_sources.sftp import opened
from connectors.plan import Reporter, SyncPlan
from connectors.providers.feed import Feeds


def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Feeds:
    """Open the place and give a feed per table. Raises `SyncError`. Arrays are JSON at every destination."""
    del arrays_as_json
    return reading.open_feeds(opened, plan, reporter)
