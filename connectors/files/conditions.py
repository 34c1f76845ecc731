"""Row filters and protected columns in DuckDB's words, for rows of files. Values are bound, never pasted.

The same rows and texts come out as of `connectors.engine.shaping` and `connectors.protect`, which say what is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors import protect
from connectors.plan import Protection, RowFilter
from connectors.providers.feed import Column

# Takes a value and gives the mark that stands for it in the statement.
Bind = Callable[[str], str]

_COMPARES: Mapping[str, str] = {"eq": "=", "ne": "IS DISTINCT FROM", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_DUCK_TYPES: Mapping[str, str] = {
    "bigint": "BIGINT",
    "decimal": "DECIMAL(38, 18)",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMPTZ",
}
_TRUE = {"true", "t", "yes", "1"}


def condition(one: RowFilter, column: Column, text: str, bind: Bind) -> str:
    """Return the condition on `text`, the expression of the column's text. The filter's value fits the column."""
    if one.operator == "is_null":
        return f"{text} IS NULL"
    if one.operator == "is_not_null":
        return f"{text} IS NOT NULL"
    if one.operator == "contains":
        return f"contains({text}, {bind(one.value)})"
    if one.operator == "starts_with":
        return f"starts_with({text}, {bind(one.value)})"
    left = _typed(text, column)
    if one.operator == "in":
        values = [_typed(bind(_plain(line, column)), column) for line in one.value.splitlines() if line.strip()]
        return f"{left} IN ({', '.join(values)})" if values else "false"
    return f"{left} {_COMPARES[one.operator]} {_typed(bind(_plain(one.value, column)), column)}"


def shown(text: str, how: Protection, key: str, bind: Bind) -> str:
    """Return the expression of what is copied in place of `text`."""
    if how == "hash":
        return f"sha256({bind(key)} || {text})"
    few = protect.SHOWN
    hidden = f"CASE WHEN length({text}) <= {few} THEN length({text}) ELSE length({text}) - {few} END"
    return f"repeat('{protect.HIDDEN}', {hidden}) || substr({text}, {hidden} + 1)"


def _typed(text: str, column: Column) -> str:
    duck_type = _DUCK_TYPES.get(column.data_type)
    return f"TRY_CAST({text} AS {duck_type})" if duck_type else f"CAST({text} AS VARCHAR)"


def _plain(value: str, column: Column) -> str:
    if column.data_type == "bool":
        return "true" if value.strip().lower() in _TRUE else "false"
    return value.strip() if column.data_type in _DUCK_TYPES else value
