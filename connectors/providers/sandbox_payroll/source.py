"""The rows of one company of the payroll API, page by page; only what changed since the last run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from connectors.plan import Reporter, SyncError, SyncPlan, TablePlan
from connectors.providers.feed import Feed, ReadRequest, RowChunk
from connectors.providers.sandbox_payroll import access
from connectors.providers.sandbox_payroll.client import Client
from connectors.providers.sandbox_payroll.manifest import COLLECTIONS, CURSOR

# Records that were being written while the last run read are found again; merging by key doubles nothing.
LAG = timedelta(minutes=5)


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:  # noqa: ARG001
    """Open a session, sign in, and give a feed per table of the plan. Raises `SyncError`."""

    def pause(seconds: float) -> None:
        reporter.check()
        time.sleep(seconds)

    with Client(plan.source, pause) as client:
        access.ask_for_company(client, plan.entity_ref)
        for name, collection in COLLECTIONS.items():
            if any(table.name == name for table in plan.tables):
                reporter.columns(name, {column.name: column.data_type for column in collection.columns})
        yield tuple(_feed(client, plan.entity_ref, table, reporter) for table in plan.tables)


def _feed(client: Client, company: str, table: TablePlan, reporter: Reporter) -> Feed:
    if table.name not in COLLECTIONS:
        raise SyncError("source_object_missing", f"The API has no “{table.name}”.")
    collection = COLLECTIONS[table.name]

    def read(request: ReadRequest) -> Iterator[RowChunk]:
        filters = {"updated_since": _with_lag(request.since)} if request.since else {}
        highest = request.since
        for page in client.pages(f"companies/{company}/{collection.path}", filters=filters):
            reporter.log(
                "info",
                "extract",
                f"{table.name} page {page.number}, {page.status} in {page.seconds * 1000:.0f} ms, "
                f"{len(page.records)} rows",
            )
            changed = [str(record[CURSOR]) for record in page.records if record.get(CURSOR)]
            highest = max([*changed, *([highest] if highest else [])], default=None)
            yield RowChunk(page.records, page.bytes, highest)

    return Feed(table=table, columns=collection.columns, read=read)


def _with_lag(since: str) -> str:
    """Return the moment from which on to ask. The API writes whole seconds in UTC, so texts sort like times."""
    return (datetime.fromisoformat(since) - LAG).isoformat()
