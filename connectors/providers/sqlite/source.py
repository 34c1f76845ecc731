"""The rows of a SQLite file, as files of text. All tables are read in one transaction, so they show one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.plan import Reporter, SyncPlan
from connectors.providers.feed import Feed
from connectors.providers.sql import reader
from connectors.providers.sqlite.session import opened


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:
    """Open the file and give a feed per table. Raises `SyncError`, also for a table that is gone."""
    del arrays_as_json  # there are none
    with opened(plan.source, seconds=None) as session:
        yield reader.feeds(session, plan, reporter)
