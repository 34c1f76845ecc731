"""The rows of one account of a declared API, page by page; only what changed since the last run, where it can say."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.plan import Reporter, SyncPlan, TablePlan
from connectors.providers.feed import Feed, ReadRequest, RowChunk
from connectors.providers.rest_api import access, fields
from connectors.providers.rest_api.declaration import FieldSpec
from connectors.providers.rest_api.reader import (
    ApiReader,
    ResourcePage,
    cursor_of,
    declared_in,
    moment_of,
    open_reader,
    with_parent,
)

# A page in the log now and then is enough: a child has one for each of its parents.
_LOG_SECONDS = 5
_MOST_NAMED = 20


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:  # noqa: ARG001
    """Open a session, sign in, and give a feed per table of the plan. Raises `SyncError`."""

    def pause(seconds: float) -> None:
        reporter.check()
        time.sleep(seconds)

    is_exact = any(spec.type == "decimal" for one in declared_in(plan.source).resources for spec in one.fields)
    with open_reader(plan.source, plan.entity_ref, pause, is_exact=is_exact) as reader:
        access.check_with(reader)
        yield tuple(_Table(reader, table, reporter).feed() for table in plan.tables)


class _Table:
    """One table of the plan, and the resource that it is read from."""

    def __init__(self, reader: ApiReader, table: TablePlan, reporter: Reporter) -> None:
        self._reader, self._table, self._reporter = reader, table, reporter
        self._resource = access.resource_named(reader.declared, table.name)
        self._fields = self._known()
        self._unknown: set[str] = set()
        self._logged_at = 0.0
        self._tell()

    def feed(self) -> Feed:
        """Return the feed of the table."""
        return Feed(self._table, fields.columns_of(self._read_fields(), self._table.keys), self._read)

    def _known(self) -> tuple[FieldSpec, ...]:
        """Return the fields that are declared or were found before; of a new resource, those of a first page."""
        resource = self._resource
        if not resource.fields:
            found = access.sample(self._reader, resource)
            # Nothing was ever there: the keys alone make a table, and text takes whatever comes.
            return found or tuple(FieldSpec(name, "text", name) for name in self._table.keys or ("id",))
        return with_parent(resource.fields, resource, self._reader.declared)

    def _read_fields(self) -> tuple[FieldSpec, ...]:
        """Return what is read: what is copied, and what filters look at."""
        looked_at = {one.column for one in self._table.filters}
        wanted = {*self._table.columns, *self._table.keys, self._table.cursor, *looked_at}
        return tuple(spec for spec in self._fields if not self._table.columns or spec.name in wanted)

    def _tell(self) -> None:
        found: Mapping[str, str] = {spec.name: spec.type for spec in self._fields}
        self._reporter.columns(self._table.name, found)

    def _read(self, request: ReadRequest) -> Iterator[RowChunk]:
        rows_of = fields.Rows(self._table.name, self._read_fields())
        known = fields.Rows(self._table.name, self._fields)
        highest = _Highest(self._table.cursor, request.since)
        is_asked = self._table.cursor == cursor_of(self._resource, self._reader.declared)
        is_empty = True
        for page in self._reader.read(self._resource, request.since if is_asked else None):
            self._note_new(known.new_in(page.records), page.records)
            rows = rows_of.of(page.records, page.number)
            highest.see(rows)
            self._log(page)
            is_empty = False
            yield RowChunk(rows, len(page.page.answer.body), highest.text)
        if is_empty:
            # A child without parents: the table is there, and holds nothing.
            yield RowChunk([], 0, highest.text)
        self._log_skipped()

    def _note_new(self, names: set[str], records: Sequence[Mapping[str, Any]]) -> None:
        """Tell of fields that discovery did not know, so that a change of the API is seen. They are not copied."""
        new = names - self._unknown
        if not new:
            return
        self._unknown |= new
        found = [spec for spec in fields.find(records, self._fields) if spec.name in new]
        told_of = (*self._fields, *found)
        self._reporter.columns(self._table.name, {spec.name: spec.type for spec in told_of})
        told = ", ".join(f"“{name[:60]}”" for name in sorted(new)[:_MOST_NAMED])
        more = f" and {len(new) - _MOST_NAMED} more" if len(new) > _MOST_NAMED else ""
        self._reporter.log("warning", "extract", f"{self._table.name} has fields that are not copied: {told}{more}")

    def _log(self, page: ResourcePage) -> None:
        now = time.monotonic()
        if page.number > 1 and now - self._logged_at < _LOG_SECONDS:
            return
        self._logged_at = now
        answer = page.page.answer
        said = f"{answer.status} in {answer.seconds * 1000:.0f} ms, {len(page.records)} rows"
        self._reporter.log("info", "extract", f"{self._table.name} page {page.number}, {said}")

    def _log_skipped(self) -> None:
        if count := self._reader.skipped.get(self._table.name):
            said = f"{self._table.name}: {count} of {self._resource.parent} are gone by now and were passed over"
            self._reporter.log("warning", "extract", said)


class _Highest:
    """The highest value of a cursor so far: compared as moments or numbers where all are, else as text."""

    def __init__(self, column: str, since: str | None) -> None:
        self._column = column
        self.text = since
        self._value = None if since is None else _comparable(since)

    def see(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Look at the rows of a chunk."""
        if not self._column:
            return
        for row in rows:
            value = row.get(self._column)
            if value is None:
                continue
            text = str(value)
            found = _comparable(text)
            if self._value is None or found > self._value:
                self._value, self.text = found, text


def _comparable(text: str) -> tuple[int, float, str]:
    """Return what a cursor's value is compared by; texts that are neither moments nor numbers come last, by letters."""
    try:
        return (0, float(text), "")
    except ValueError:
        pass
    try:
        return (1, moment_of(text).timestamp(), "")
    except (ValueError, OverflowError):
        return (2, 0.0, text)
