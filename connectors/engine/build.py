"""Turns the feeds of a provider into a dlt source: one resource per table, with its keys, types and disposition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import dlt
from dlt.common.schema.typing import TColumnSchema, TWriteDispositionConfig
from dlt.extract import DltResource, DltSource

from connectors.destinations.bookkeeping import Standing
from connectors.engine import append, generations
from connectors.engine.append import CURSOR, Append
from connectors.engine.destinations.common import TYPE_HINT, Intake
from connectors.engine.resync import first_cursor
from connectors.engine.rows import RowFiles
from connectors.engine.shaping import shaped
from connectors.engine.warehouse_files import as_parquet, bounds, fitted
from connectors.plan import Reporter, SyncError, TablePlan
from connectors.providers.feed import Chunk, Column, Feed, FileChunk, ReadRequest, RowChunk

# dlt cuts its own statements at this, also inside a quoted name: what stands behind it would be run at the destination.
_CUTS = ";"
# dlt builds file names from a table's name with the first four, and writes another character for the next ones.
_NOT_IN_NAMES = frozenset(".%{}\n\r'\"▶" + _CUTS)


@dataclass(slots=True)
class Extraction:
    """Where files are written while reading, who is told, and what was read so far, by table."""

    folder: Path
    reporter: Reporter
    rows: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    # Tables whose cursor stands where the run before left it: rows were read again, but none is newer.
    unmoved: set[str] = field(default_factory=set)
    # What is added to which table, known once the table has been read.
    appends: dict[str, Append] = field(default_factory=dict)
    intake: Intake = field(default_factory=Intake)

    def count(self, table: str, chunk: Chunk) -> None:
        """Add a chunk, report the table's total, and ask whether to go on. May raise `Stopped`."""
        rows = chunk.row_count if isinstance(chunk, FileChunk) else len(chunk.rows)
        self.rows[table] = self.rows.get(table, 0) + rows
        self.bytes[table] = self.bytes.get(table, 0) + chunk.bytes
        self.reporter.rows(table, extracted=self.rows[table])
        self.reporter.check()


def source(name: str, feeds: Sequence[Feed], extraction: Extraction, standing: Standing) -> DltSource:
    """Return a dlt source named `name` that reads `feeds` one after the other.

    A table that is not `standing` at the destination is read from its beginning, wherever its cursor is: somebody may
    have dropped it. Raises `SyncError("misconfigured")` for a table that cannot be written as it is set.
    """
    resources = [_resource(shaped(feed), extraction, standing) for feed in feeds]
    return DltSource(dlt.Schema(name), name, resources)


def _resource(feed: Feed, extraction: Extraction, standing: Standing) -> DltResource:
    table = feed.table
    _check_name(table.name)
    _check_columns(table.name, feed.columns)
    intake = extraction.intake
    columns = fitted(feed.columns) if intake.is_fitted else feed.columns
    form: Literal["csv", "parquet"] = "parquet" if intake.is_parquet else "csv"

    def files() -> Iterator[Any]:
        state = dlt.current.resource_state(table.name)
        append.prepare(table, state, standing.marks.get(table.name), is_standing=table.name in standing.ours)
        reached = state.get(CURSOR)
        since = first_cursor(table, reached) if _is_incremental(table) else None
        for file in _files(feed, ReadRequest(since, extraction.folder), extraction):
            path = as_parquet(file.path, columns) if intake.is_parquet else file.path
            yield dlt.mark.with_file_import(str(path), form, file.row_count)
            # dlt linked or copied the file into its package.
            for one in {path, file.path}:
                one.unlink()
            if _is_incremental(table) and file.cursor is not None:
                state[CURSOR] = file.cursor
        if table.generation:
            state[generations.STATE_KEY] = table.generation
        if _is_incremental(table) and reached is not None and state.get(CURSOR) == reached:
            extraction.unmoved.add(table.name)
        if table.mode == "append":
            extraction.appends[table.name] = append.begin(table, state, since)

    resource: DltResource = dlt.resource(
        files(),
        name=table.name,
        table_name=table.name,
        write_disposition=_disposition(table),
        primary_key=list(table.keys) if feed.is_key_unique else [],
        merge_key=[] if feed.is_key_unique else list(table.keys),
        columns={column.name: _hints(column, intake) for column in columns},
        file_format=form,
        max_table_nesting=0,
    )
    return resource


def _files(feed: Feed, request: ReadRequest, extraction: Extraction) -> Iterator[FileChunk]:
    """Read the feed; rows are gathered into files. A table without rows gives a file without rows."""
    gathered = RowFiles(feed.table.name, feed.columns, extraction.folder)
    for read in feed.read(request):
        chunk = _only_newer(feed, read, request.since)
        extraction.count(feed.table.name, chunk)
        file = gathered.add(chunk) if isinstance(chunk, RowChunk) else chunk
        if file is not None:
            yield file
    rest = gathered.finish()
    if rest is not None:
        yield rest


def _only_newer(feed: Feed, chunk: Chunk, since: str | None) -> Chunk:
    """Leave out records of an API that were read before, where they would be there twice. Files are right already."""
    if feed.table.mode != "append" or isinstance(chunk, FileChunk):
        return chunk
    return replace(chunk, rows=append.newer(chunk.rows, feed.table.cursor, since))


def _check_name(name: str) -> None:
    if unusable := sorted(_NOT_IN_NAMES & set(name)):
        told = " or ".join(f"“{character}”" for character in unusable)
        raise SyncError("misconfigured", f"The table “{name}” cannot be copied with {told} in its name.")


def _check_columns(table: str, columns: Sequence[Column]) -> None:
    if unusable := [column.name for column in columns if _CUTS in column.name]:
        told = f"The column “{unusable[0]}” of {table} cannot be copied with “{_CUTS}” in its name. Leave it out."
        raise SyncError("misconfigured", told)


def _is_incremental(table: TablePlan) -> bool:
    return table.mode != "replace" and bool(table.cursor)


def _disposition(table: TablePlan) -> TWriteDispositionConfig:
    if table.mode == "replace":
        return "replace"
    if table.mode == "append":
        if not table.cursor:
            raise SyncError("misconfigured", f"{table.name} is to be appended to, but has no cursor.")
        # Like a merge, rows gather in the staging dataset; our own job then adds them (`connectors.engine.append`).
        return {"disposition": "merge", "strategy": "delete-insert"}
    if not table.keys:
        # dlt would silently append, and every run would double the rows.
        raise SyncError("misconfigured", f"{table.name} is to be merged, but has no key.")
    return {"disposition": "merge", "strategy": "delete-insert"}


def _hints(column: Column, intake: Intake) -> TColumnSchema:
    # Nothing is NOT NULL at the destination, keys included: a source may get another key, and what once was created
    # could then never be filled again, nor a new key be added beside rows that are there.
    hints: TColumnSchema = {"name": column.name, "data_type": column.data_type, "nullable": True}
    if intake.is_fitted and column.data_type == "decimal" and (digits := bounds(column)):
        hints["precision"], hints["scale"] = digits
        return hints
    # dlt keeps hints that begin with “x-” and stores them with the schema.
    return cast("TColumnSchema", {**hints, TYPE_HINT: column.postgres_type}) if column.postgres_type else hints
