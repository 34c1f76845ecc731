"""The rows of a Oracle source, as files of text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.plan import Reporter, SyncPlan
from connectors.providers.feed import Feed
from connectors.providers.oracle.session import opened
from connectors.providers.sql import questions, reader


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:
    """Sign in, open one snapshot and give a feed per table. Raises `SyncError`, also for a table that is gone."""
    del arrays_as_json  # there are none
    with opened(plan.source, is_snapshot=True) as session:
        questions.check_schema(session, plan.entity_ref)
        yield reader.feeds(session, plan, reporter)
