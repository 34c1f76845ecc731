"""The rows of a DuckDB file, as files of text. All tables are read in one transaction, so they show one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.plan import Reporter, SyncPlan
from connectors.providers.duckdb_file import link
from connectors.providers.duckdb_file.session import opened
from connectors.providers.feed import Feed
from connectors.providers.sql import questions, reader


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:
    """Open the file and give a feed per table. Raises `SyncError`, also for a table that is gone."""
    del arrays_as_json  # a list may hold anything, so it is always JSON
    with opened(link.path_of(plan.source)) as session:
        questions.check_schema(session, plan.entity_ref)
        yield reader.feeds(session, plan, reporter)
