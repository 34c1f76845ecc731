"""Chooses columns and rows of feeds that hand over rows, and protects their values: what databases do by themselves.

A filter compares as its column's type says. NULL meets `is_null`, and `ne` since it is another value than any; text is
compared as it is written, upper and lower case apart. A feed of files has been shaped by its source already.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors import protect
from connectors.engine.rows import plain_text
from connectors.plan import Protection, RowFilter, SyncError, TablePlan
from connectors.providers.feed import Chunk, Column, DataType, Feed, ReadRequest, RowChunk

Row = dict[str, Any]
Condition = Callable[[Row], bool]

_BOOLEANS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
_COMPARES: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_KINDS: Mapping[DataType, str] = {
    "bigint": "whole number",
    "decimal": "number",
    "double": "number",
    "bool": "“true” or “false”",
    "date": "day such as 2027-01-31",
    "timestamp": "time such as 2027-01-31T12:00:00+00:00",
    "time": "time of day such as 12:00:00",
}


def shaped(feed: Feed) -> Feed:
    """Return the feed with the chosen columns, and rows filtered and protected.

    Raises `SyncError("misconfigured")` for a filter whose value does not fit its column.
    """
    table = feed.table
    types = {column.name: column.data_type for column in feed.columns}
    conditions = [condition(one, types.get(one.column, "text")) for one in table.filters]
    columns = tuple(_protected_column(column, table) for column in feed.columns if _is_chosen(column, table))

    def read(request: ReadRequest) -> Iterator[Chunk]:
        for chunk in feed.read(request):
            yield _shaped_rows(chunk, table, conditions, types) if isinstance(chunk, RowChunk) else chunk

    return replace(feed, columns=columns, read=read)


def condition(one: RowFilter, data_type: DataType) -> Condition:
    """Return the test of one filter on a row. Raises `SyncError("misconfigured")` where its value is no such type."""
    name = one.column
    if one.operator in {"is_null", "is_not_null"}:
        is_wanted = one.operator == "is_null"
        return lambda row: (row.get(name) is None) == is_wanted
    if one.operator in {"contains", "starts_with"}:
        found_in = str.startswith if one.operator == "starts_with" else operator.contains
        return lambda row: row.get(name) is not None and found_in(_text(row[name], data_type), one.value)
    if one.operator == "in":
        values = [_typed(one, line, data_type) for line in one.value.splitlines() if line.strip()]
        return lambda row: row.get(name) is not None and _of_row(row, one, data_type) in values
    value = _typed(one, one.value, data_type)
    if one.operator == "ne":
        return lambda row: row.get(name) is None or _of_row(row, one, data_type) != value
    compare = _COMPARES[one.operator]
    return lambda row: row.get(name) is not None and compare(_of_row(row, one, data_type), value)


def _is_chosen(column: Column, table: TablePlan) -> bool:
    """Keys are copied in any case: without them nothing could be merged."""
    wanted = {*table.columns, *table.keys, table.cursor}
    return not table.columns or column.name in wanted or not column.nullable


def _protected_column(column: Column, table: TablePlan) -> Column:
    is_protected = column.name in dict(table.protected)
    return replace(column, data_type="text", postgres_type=protect.TYPE) if is_protected else column


def _shaped_rows(
    chunk: RowChunk, table: TablePlan, conditions: Sequence[Condition], types: Mapping[str, DataType]
) -> RowChunk:
    rows = [row for row in chunk.rows if all(meets(row) for meets in conditions)] if conditions else chunk.rows
    if table.protected:
        rows = [_protected_row(row, table.protected, table.protection_key, types) for row in rows]
    return replace(chunk, rows=rows)


def _protected_row(row: Row, wanted: Sequence[tuple[str, Protection]], key: str, types: Mapping[str, DataType]) -> Row:
    hidden = {
        name: protect.protected(_text(row[name], types.get(name, "text")), how, key)
        for name, how in wanted
        if row.get(name) is not None
    }
    return {**row, **hidden}


def _text(value: Any, data_type: DataType) -> str:
    """Return a value's text as it would be copied; what is no plain value as JSON."""
    is_nested = isinstance(value, (dict, list))
    return plain_text(value, "json" if is_nested else data_type)


def _of_row(row: Row, one: RowFilter, data_type: DataType) -> Any:
    try:
        return _cast(_text(row[one.column], data_type), data_type)
    except (ValueError, InvalidOperation):
        kind = _KINDS.get(data_type, data_type)
        raise SyncError("bad_record", f"“{one.column}” of a record is no {kind}, so it cannot be filtered.") from None


def _typed(one: RowFilter, text: str, data_type: DataType) -> Any:
    try:
        return _cast(text.strip() if data_type in _KINDS else text, data_type)
    except (ValueError, InvalidOperation):
        kind = _KINDS.get(data_type, data_type)
        message = f"The row filter on “{one.column}” compares with “{text}”, which is no {kind}."
        raise SyncError("misconfigured", message) from None


def _cast(text: str, data_type: DataType) -> Any:
    """Read a value's text. Raises `ValueError` or `InvalidOperation`."""
    if data_type == "bool":
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    if data_type == "timestamp":
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _READERS[data_type](text)


_READERS: Mapping[DataType, Callable[[str], Any]] = {
    "bigint": int,
    "decimal": Decimal,
    "double": float,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "text": str,
    "json": str,
    "binary": str,
}
