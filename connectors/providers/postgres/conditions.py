"""Row filters and protected columns in PostgreSQL's own words. Values are quoted by the driver, never pasted.

The same rows and texts come out as of `connectors.engine.shaping` and `connectors.protect`, which say what is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from connectors import protect
from connectors.plan import Protection, RowFilter, SyncError
from connectors.providers.feed import Column

_COMPARES: Mapping[str, sql.SQL] = {
    "eq": sql.SQL("="),
    "ne": sql.SQL("IS DISTINCT FROM"),
    "lt": sql.SQL("<"),
    "le": sql.SQL("<="),
    "gt": sql.SQL(">"),
    "ge": sql.SQL(">="),
}
_WITHOUT_VALUE: Mapping[str, sql.SQL] = {"is_null": sql.SQL("IS NULL"), "is_not_null": sql.SQL("IS NOT NULL")}
# What has no order, or none that its text shows.
_AS_TEXT = {"json", "binary", "text"}


def where(filters: Sequence[RowFilter], columns: Iterable[Column]) -> list[sql.Composable]:
    """Return one condition per filter. Raises `SyncError` for a column that is gone."""
    known = {column.name: column for column in columns}
    if gone := sorted({one.column for one in filters} - set(known)):
        raise SyncError("source_object_missing", f"A row filter names the column {', '.join(gone)}, which is gone.")
    return [_condition(one, known[one.column]) for one in filters]


def check(connection: psycopg.Connection[Any], filters: Sequence[RowFilter], columns: Iterable[Column]) -> None:
    """Look whether every value can be compared with its column. Raises `SyncError("misconfigured")` with words.

    A value that cannot be read ends the transaction: nothing could be copied then.
    """
    exact = {column.name: _type_of(column) for column in columns}
    for one in filters:
        for value in _values(one):
            statement = sql.SQL("SELECT {}::{} IS NULL").format(
                sql.Placeholder(), sql.SQL(exact.get(one.column, "text"))
            )
            try:
                connection.execute(statement, (value,))
            except psycopg.DataError:
                message = f"The row filter on “{one.column}” compares with “{value}”, which is no {exact[one.column]}."
                raise SyncError("misconfigured", message) from None


def shown(name: sql.Composable, how: Protection, key: str) -> sql.Composed:
    """Return the expression whose text is copied in place of the column `name`."""
    text = sql.SQL("({})::text").format(name)
    if how == "hash":
        return sql.SQL("encode(sha256(convert_to({} || {}, 'UTF8')), 'hex')").format(sql.Literal(key), text)
    few = sql.Literal(protect.SHOWN)
    hidden = sql.SQL("CASE WHEN length({text}) <= {few} THEN length({text}) ELSE length({text}) - {few} END").format(
        text=text, few=few
    )
    return sql.SQL("repeat({}, {}) || substr({}, {} + 1)").format(sql.Literal(protect.HIDDEN), hidden, text, hidden)


def _condition(one: RowFilter, column: Column) -> sql.Composed:
    name = sql.Identifier(column.name)
    text = sql.SQL("{}::text").format(name)
    if one.operator in _WITHOUT_VALUE:
        return sql.SQL("{} {}").format(name, _WITHOUT_VALUE[one.operator])
    if one.operator == "contains":
        return sql.SQL("strpos({}, {}) > 0").format(text, sql.Literal(one.value))
    if one.operator == "starts_with":
        return sql.SQL("starts_with({}, {})").format(text, sql.Literal(one.value))
    left = text if column.data_type in _AS_TEXT else name
    values = [sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(_type_of(column))) for value in _values(one)]
    if one.operator == "in":
        return sql.SQL("{} = ANY (ARRAY[{}]::{}[])").format(left, sql.SQL(", ").join(values), sql.SQL(_type_of(column)))
    return sql.SQL("{} {} {}").format(left, _COMPARES[one.operator], values[0])


def _values(one: RowFilter) -> list[str]:
    if one.operator in _WITHOUT_VALUE or one.operator in {"contains", "starts_with"}:
        return []
    return [line for line in one.value.splitlines() if line.strip()] if one.operator == "in" else [one.value]


def _type_of(column: Column) -> str:
    """The type that a value is compared as, in the catalogue's words; they come from the server, not from a person."""
    if column.data_type in _AS_TEXT:
        return "text"
    return column.postgres_type or "text"
