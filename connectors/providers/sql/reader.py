"""Reads the tables of a plan from an open session, one after the other, into files of text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from uuid import uuid4

from connectors.plan import Reporter, SyncError, SyncPlan, TablePlan
from connectors.providers.feed import Feed, FileChunk, ReadRequest
from connectors.providers.sql import conditions
from connectors.providers.sql.dialect import Reading, Session, Sql, where
from connectors.providers.sql.lines import header
from connectors.providers.sql.shapes import ColumnShape, TableShape, chosen, declared

# One file is one load job: large enough to be fast, small enough that several load at once and progress shows.
FILE_BYTES = 32 * 1024 * 1024
# How many rows are read between two reports; reporting also notices a cancel.
REPORT_ROWS = 5_000


def feeds(session: Session, plan: SyncPlan, reporter: Reporter) -> tuple[Feed, ...]:
    """Return a feed per table of the plan, in its order. Raises `SyncError`, also for a table that is gone."""
    with told(session):
        shapes = _shapes(session, plan, reporter)
    readers = [
        _Reader(session, reporter, table, shape, chosen(table, shape))
        for table, shape in zip(plan.tables, shapes, strict=True)
    ]
    return tuple(Feed(one.table, declared(one.table, one.columns), one.read) for one in readers)


@contextmanager
def told(session: Session) -> Iterator[None]:
    """Turn what the driver raises inside into a `SyncError`."""
    try:
        yield
    except session.errors as error:
        raise session.failure(error) from None
    except UnicodeError:
        raise SyncError("bad_record", "A value that is said to be text is none in its own encoding.") from None


def _shapes(session: Session, plan: SyncPlan, reporter: Reporter) -> list[TableShape]:
    found: dict[tuple[str, str], TableShape] = {}
    schemas = [table.source_schema or plan.entity_ref for table in plan.tables]
    for schema in dict.fromkeys(schemas):
        names = [table.name for table, own in zip(plan.tables, schemas, strict=True) if own == schema]
        found.update({(schema, shape.name): shape for shape in session.shapes(schema, names)})
    for shape in found.values():
        reporter.columns(shape.name, {column.name: column.type_name for column in shape.columns})
        if shape.warning:
            reporter.log("warning", "check_access", f"{shape.name}: {shape.warning}")
    wanted = [(schema, table.name) for schema, table in zip(schemas, plan.tables, strict=True)]
    if missing := [name for schema, name in wanted if (schema, name) not in found]:
        raise SyncError("source_object_missing", f"Not found at the source: {', '.join(missing)}.")
    return [found[one] for one in wanted]


@dataclass(slots=True)
class _Reader:
    """Reads one table into files."""

    session: Session
    reporter: Reporter
    table: TablePlan
    shape: TableShape
    columns: tuple[ColumnShape, ...]
    rows: int = field(default=0)

    def read(self, request: ReadRequest) -> Iterator[FileChunk]:
        """Write the rows into files in `request.folder`: at least one, so that an empty table is replaced too."""
        with told(self.session):
            highest = self._highest(request.since)
            reading = self._reading(request.since, highest)
            lines = self.session.lines(reading)
            is_more = True
            while is_more:
                started, before = time.monotonic(), self.rows
                path = request.folder / f"{uuid4().hex}.csv"
                with path.open("wb") as file:
                    file.write(header(column.name for column in self.columns))
                    is_more = self._fill(file, lines)
                    size = file.tell()
                self._log(self.rows - before, size, time.monotonic() - started)
                yield FileChunk(path, self.rows - before, size, highest or request.since)

    def _fill(self, file: IO[bytes], lines: Iterator[bytes]) -> bool:
        """Write rows until the file is full. Returns whether there may be more."""
        size = 0
        for line in lines:
            self.rows += 1
            if b"\0" in line:
                said = "holds the character NUL (U+0000) in a text, which no destination can store"
                raise SyncError("bad_record", f"{self.table.name}: row {self.rows:,} as read {said}.")
            size += file.write(line)
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

    def _reading(self, since: str | None, highest: str | None) -> Reading:
        dialect, table, shape = self.session.dialect, self.table, self.shape
        wanted = conditions.filters(dialect, table, shape)
        if table.mode == "append":
            wanted += conditions.added(dialect, table, shape, since, highest)
        elif self._is_incremental:
            wanted += conditions.changed(dialect, table, shape, since)
        return Reading(shape, self.columns, dict(table.protected), table.protection_key, wanted)

    def _highest(self, since: str | None) -> str | None:
        """Return the highest cursor value of the snapshot that counts, as text; None without a cursor or rows."""
        if not self._is_incremental:
            return None
        dialect, column, is_appended = (
            self.session.dialect,
            self.shape.column(self.table.cursor),
            self.table.mode == "append",
        )
        counts = where(conditions.due(dialect, column, self.session.ahead, is_appended=is_appended))
        name = dialect.quoted(column.name)
        inner = f"SELECT max({dialect.compared(column)}) AS {name} FROM {dialect.table(self.shape)}{counts.text}"  # noqa: S608 - quoted
        found = self.session.value(Sql(f"SELECT {column.text.format(name)} FROM ({inner}) m", counts.values))  # noqa: S608
        if found is None or not is_appended or column.is_time:
            return found
        return self.session.settled(self.shape, column, since, found)

    @property
    def _is_incremental(self) -> bool:
        return self.table.mode in {"merge", "append"} and bool(self.table.cursor)
