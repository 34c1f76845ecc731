"""Turns the feeds of a provider into a dlt source: one resource per table, with its keys, types and disposition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
from dlt.extract import DltResource, DltSource

from connectors.engine import rows
from connectors.engine.destinations import TYPE_HINT
from connectors.plan import Reporter, SyncError, TablePlan
from connectors.providers.feed import Column, Feed, FileChunk, ReadRequest

CURSOR_KEY = "cursor"


class Extracted:
    """What was read so far, by table."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.bytes: dict[str, int] = {}

    def add(self, table: str, chunk: FileChunk) -> None:
        """Count a chunk."""
        self.rows[table] = self.rows.get(table, 0) + chunk.row_count
        self.bytes[table] = self.bytes.get(table, 0) + chunk.bytes


def source(name: str, feeds: Sequence[Feed], folder: Path, reporter: Reporter, extracted: Extracted) -> DltSource:
    """Return a dlt source named `name` that reads `feeds` one after the other into files in `folder`."""
    resources = [_resource(feed, folder, reporter, extracted) for feed in feeds]
    return DltSource(dlt.Schema(name), name, resources)


def _resource(feed: Feed, folder: Path, reporter: Reporter, extracted: Extracted) -> DltResource:
    table = feed.table

    def files() -> Iterator[Any]:
        state = dlt.current.resource_state(table.name)
        since = state.get(CURSOR_KEY) if _is_incremental(table) else None
        for chunk in feed.read(ReadRequest(since, folder)):
            file = chunk if isinstance(chunk, FileChunk) else rows.write(chunk, table.name, feed.columns, folder)
            extracted.add(table.name, file)
            reporter.rows(table.name, extracted=extracted.rows[table.name])
            yield dlt.mark.with_file_import(str(file.path), "csv", file.row_count)
            # dlt linked or copied the file into its package.
            file.path.unlink()
            if _is_incremental(table) and file.cursor is not None:
                state[CURSOR_KEY] = max(file.cursor, state.get(CURSOR_KEY, file.cursor))
            reporter.check()

    return dlt.resource(
        files,
        name=table.name,
        table_name=table.name,
        write_disposition=_disposition(table),
        primary_key=list(table.keys) or None,
        columns={column.name: _hints(column) for column in feed.columns},
        file_format="csv",
        max_table_nesting=0,
    )


def _is_incremental(table: TablePlan) -> bool:
    return table.mode == "merge" and bool(table.cursor)


def _disposition(table: TablePlan) -> Any:
    if table.mode == "replace":
        return "replace"
    if not table.keys:
        # dlt would silently append, and every run would double the rows.
        raise SyncError("misconfigured", f"{table.name} is to be merged, but has no key.")
    return {"disposition": "merge", "strategy": "delete-insert"}


def _hints(column: Column) -> Any:
    hints: dict[str, Any] = {"name": column.name, "data_type": column.data_type, "nullable": column.nullable}
    if column.postgres_type:
        hints[TYPE_HINT] = column.postgres_type
    return hints
