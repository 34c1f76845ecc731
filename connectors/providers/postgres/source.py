"""The rows of a PostgreSQL source, as files of text that `COPY` makes.

All tables of one sync are read in one REPEATABLE READ transaction, so they show one moment. The server writes each
value as text, and a Postgres destination reads that text back: nothing passes through Python types, so nothing is
rounded, shifted or re-encoded, memory stays flat, and it is the fastest way measured (facts: moving data with dlt).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any
from uuid import uuid4

import psycopg
from psycopg import sql

from connectors import postgres, protect
from connectors.failures import postgres_failure
from connectors.plan import Reporter, SyncError, SyncPlan, TablePlan
from connectors.providers.feed import Column, Feed, FileChunk, ReadRequest
from connectors.providers.postgres import access, appending, catalog, conditions

# One file is one load job: large enough to be fast, small enough that several load at once and progress shows.
FILE_BYTES = 32 * 1024 * 1024
# How many rows are read between two reports; reporting also notices a cancel.
REPORT_ROWS = 5_000
# Rows of transactions that began before the last sync and ended after it carry an older time than its cursor.
LAG = appending.LAG


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:
    """Sign in, open one snapshot and give a feed per table. Raises `SyncError`, also for a table that is gone."""
    connection = postgres.connect(plan.source, "source")
    try:
        access.check_schema(connection, plan.entity_ref or access.schema_of(plan.source))
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        ends = _ends(connection, plan, reporter)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        shapes = _shapes(connection, plan, reporter)
        yield tuple(
            _feed(_Reader(connection, reporter, table, shape, arrays_as_json, ends.get(table.name)))
            for table, shape in zip(plan.tables, shapes, strict=True)
        )
    except psycopg.Error as error:
        raise postgres_failure(error, "source") from None
    finally:
        connection.close()


def _ends(connection: psycopg.Connection[Any], plan: SyncPlan, reporter: Reporter) -> dict[str, _End]:
    """Say up to where tables may be read that are appended to by something that is no time; see `appending`."""
    found: dict[str, _End] = {}
    for table in plan.tables:
        if table.mode != "append":
            continue
        for shape in catalog.shapes(connection, _schema(plan, table), [table.name]):
            of = {column.name: column.data_type for column in shape.columns}.get(table.cursor)
            if of is not None and of not in appending.TIMES:
                found[table.name] = _End(*appending.settled(connection, shape, table.cursor, reporter.check))
    return found


def _shapes(connection: psycopg.Connection[Any], plan: SyncPlan, reporter: Reporter) -> list[catalog.TableShape]:
    found: dict[tuple[str, str], catalog.TableShape] = {}
    for schema in {_schema(plan, table) for table in plan.tables}:
        names = [table.name for table in plan.tables if _schema(plan, table) == schema]
        found.update({(schema, shape.name): shape for shape in catalog.shapes(connection, schema, names)})
    for shape in found.values():
        reporter.columns(shape.name, dict(shape.type_names))
    missing = [table.name for table in plan.tables if (_schema(plan, table), table.name) not in found]
    if missing:
        raise SyncError("source_object_missing", f"Not found at the source: {', '.join(missing)}.")
    return [found[_schema(plan, table), table.name] for table in plan.tables]


def _schema(plan: SyncPlan, table: TablePlan) -> str:
    return table.source_schema or plan.entity_ref or access.schema_of(plan.source)


@dataclass(frozen=True, slots=True)
class _End:
    """The highest cursor value to read, and whether nothing below it can still come."""

    cursor: str | None
    is_settled: bool


@dataclass(slots=True)
class _Reader:
    """Reads one table into files."""

    connection: psycopg.Connection[Any]
    reporter: Reporter
    table: TablePlan
    shape: catalog.TableShape
    arrays_as_json: bool
    end: _End | None = None
    rows: int = field(default=0)

    def columns(self) -> tuple[Column, ...]:
        """The selected columns, and the keys always. Raises `SyncError` when a selected one is gone."""
        keys = self.table.keys or self.shape.keys
        wanted = {*self.table.columns, *keys, *([self.table.cursor] if self.table.cursor else [])}
        present = {column.name for column in self.shape.columns}
        missing = wanted - present
        if missing:
            raise SyncError("source_object_missing", f"{self.table.name} has no column {', '.join(sorted(missing))}.")
        hidden = dict(self.table.protected)
        return tuple(
            replace(c, data_type="text", postgres_type=protect.TYPE) if c.name in hidden else c
            for c in self.shape.columns
            if not self.table.columns or c.name in wanted
        )

    def read(self, request: ReadRequest) -> Iterator[FileChunk]:
        """Write the rows into files in `request.folder`: at least one, so that an empty table is replaced too."""
        try:
            conditions.check(self.connection, self.table.filters, self.shape.columns)
            cursor = self._last_cursor(request) if self.table.mode == "append" else self._highest_cursor()
            yield from self._files(request, cursor or request.since)
        except psycopg.Error as error:
            raise postgres_failure(error, "source") from None

    def _files(self, request: ReadRequest, cursor: str | None) -> Iterator[FileChunk]:
        with self.connection.cursor().copy(self._copy_statement(request.since, cursor)) as copy:
            lines = iter(copy)
            is_more = True
            while is_more:
                started, before = time.monotonic(), self.rows
                path = request.folder / f"{uuid4().hex}.csv"
                with path.open("wb") as file:
                    file.write(self._header())
                    is_more = self._fill(file, lines)
                    size = file.tell()
                self._log(self.rows - before, size, time.monotonic() - started)
                yield FileChunk(path, self.rows - before, size, cursor)

    def _fill(self, file: IO[bytes], lines: Iterator[Any]) -> bool:
        """Write rows until the file is full. Returns whether there may be more; the server sends a row a message."""
        size = 0
        for line in lines:
            size += file.write(line)
            self.rows += 1
            if self.rows % REPORT_ROWS == 0:
                self.reporter.rows(self.table.name, extracted=self.rows)
                self.reporter.check()
            if size >= FILE_BYTES:
                return True
        return False

    def _log(self, rows: int, size: int, seconds: float) -> None:
        self.reporter.rows(self.table.name, extracted=self.rows)
        self.reporter.log(
            "info", "extract", f"{self.table.name}: {rows:,} rows, {size / 1_000_000:.1f} MB in {seconds:.2f} s"
        )

    def _header(self) -> bytes:
        quoted = (f'"{column.name.replace(chr(34), chr(34) * 2)}"' for column in self.columns())
        return (",".join(quoted) + "\n").encode()

    def _highest_cursor(self) -> str | None:
        """Return the highest cursor value of the snapshot as text, None without a cursor or without rows.

        A time that is yet to come (a typing error, “infinity”) does not count: everything that changes until then would
        never be read.
        """
        if not self._is_incremental:
            return None
        cursor = sql.Identifier(self.table.cursor)
        is_time = self._cursor_column.data_type in {"timestamp", "date"}
        past = sql.SQL(" WHERE {} <= now()").format(cursor) if is_time else sql.SQL("")
        statement = sql.SQL("SELECT max({})::text FROM {}{}").format(cursor, self._name, past)
        row = self.connection.execute(statement).fetchone()
        return str(row[0]) if row and row[0] is not None else None

    def _last_cursor(self, request: ReadRequest) -> str | None:
        """Return the highest cursor value that is appended now, None for nothing."""
        if self.end is not None:
            if self.end.is_settled:
                return self.end.cursor
            told = f"{self.table.name}: somebody has been writing into it for long; new rows wait for the next sync."
            self.reporter.log("warning", "extract", told)
            return request.since
        cursor = sql.Identifier(self.table.cursor)
        due = appending.due(cursor, self._cursor_column.data_type)
        statement = sql.SQL("SELECT max({})::text FROM {} WHERE {}").format(cursor, self._name, due)
        row = self.connection.execute(statement).fetchone()
        return str(row[0]) if row and row[0] is not None else request.since

    def _copy_statement(self, since: str | None, until: str | None) -> sql.Composed:
        rows = sql.SQL("SELECT {} FROM {}{}").format(
            sql.SQL(", ").join(self._expression(column) for column in self.columns()),
            self._name,
            self._where(since, until),
        )
        # Every value is quoted and NULL is a bare \N, so an empty string and NULL never look alike.
        return sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, NULL '\\N', FORCE_QUOTE *, ENCODING 'UTF8')").format(rows)

    def _expression(self, column: Column) -> sql.Composed:
        name = sql.Identifier(column.name)
        if how := dict(self.table.protected).get(column.name):
            return sql.SQL("{} AS {}").format(conditions.shown(name, how, self.table.protection_key), name)
        if self.arrays_as_json and column.name in self.shape.arrays:
            return sql.SQL("to_jsonb({}) AS {}").format(name, name)
        return sql.Composed([name])

    def _where(self, since: str | None, until: str | None) -> sql.Composable:
        wanted = conditions.where(self.table.filters, self.shape.columns)
        if self.table.mode == "append":
            wanted.append(self._new(since, until))
        elif since is not None and self._is_incremental:
            wanted.append(self._beyond(since))
        return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(wanted) if wanted else sql.SQL("")

    def _beyond(self, since: str) -> sql.Composable:
        cursor = sql.Identifier(self.table.cursor)
        exact = self._cursor_column.postgres_type
        value = sql.SQL("{}::{}").format(sql.Literal(since), sql.SQL(exact))
        if self._cursor_column.data_type in {"timestamp", "date"}:
            value += sql.SQL(" - {}::interval").format(sql.Literal(LAG))
        # A row without a cursor value cannot be told to be old, so it is read each time.
        return sql.SQL("({} >= {} OR {} IS NULL)").format(cursor, value, cursor)

    def _new(self, since: str | None, until: str | None) -> sql.Composable:
        """Return the condition for rows beyond `since`, up to `until`: none is read twice, so none is there twice.

        A row without a cursor value would be read each time or never; it is left out.
        """
        if until is None:
            return sql.SQL("false")
        cursor, exact = sql.Identifier(self.table.cursor), sql.SQL(self._cursor_column.postgres_type or "text")
        beyond = sql.SQL("{} > {}::{}").format(cursor, sql.Literal(since), exact) if since else sql.SQL("true")
        return sql.SQL("({} AND {} <= {}::{})").format(beyond, cursor, sql.Literal(until), exact)

    @property
    def _cursor_column(self) -> Column:
        return next(column for column in self.shape.columns if column.name == self.table.cursor)

    @property
    def _is_incremental(self) -> bool:
        return self.table.mode == "merge" and bool(self.table.cursor)

    @property
    def _name(self) -> sql.Identifier:
        return sql.Identifier(self.shape.schema, self.shape.name)


def _feed(reader: _Reader) -> Feed:
    return Feed(table=reader.table, columns=reader.columns(), read=reader.read)
