"""Finds the type of a column from its values' texts: the narrowest that keeps each of them as it is.

What would come back changed is text: “007” is no number, nor is one with more digits than every destination keeps.
The patterns are also what later rows are held to, in DuckDB's own regular expressions, which know these too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any

from connectors.providers.feed import Column, DataType

_HIGHEST = 2**63
_WHOLE = r"-?(0|[1-9][0-9]{0,18})"
# A DECIMAL(38, 18), the widest that every destination has.
_DECIMAL = r"-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?"
# A double keeps 17 digits, so a longer fraction counts where all before them are zeros.
_DOUBLE = rf"{_DECIMAL}([eE][+-]?[0-9]{{1,3}})?|-?0\.0*[1-9][0-9]{{0,16}}|(?i:-?inf(inity)?|nan)"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:[0-9]{2})?)"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of columns: how it is told, the pattern that its texts follow whole, and DuckDB's type for a check."""

    data_type: DataType
    postgres_type: str
    pattern: str = ""
    duck_type: str = "VARCHAR"


TEXT = Kind("text", "text")
JSON = Kind("json", "jsonb")
BOOLEAN = Kind("bool", "boolean", "(?i:true|false)", "BOOLEAN")
BIGINT = Kind("bigint", "bigint", _WHOLE, "BIGINT")
NUMERIC = Kind("decimal", "numeric", _DECIMAL, "DECIMAL(38, 18)")
DOUBLE = Kind("double", "double precision", _DOUBLE, "DOUBLE")
DATE = Kind("date", "date", _DAY, "DATE")
ZONED = Kind("timestamp", "timestamp with time zone", rf"{_DAY}[ T]{_CLOCK}{_ZONE}", "TIMESTAMPTZ")
TIMESTAMP = Kind("timestamp", "timestamp without time zone", rf"{_DAY}[ T]{_CLOCK}", "TIMESTAMP")
TIME = Kind("time", "time without time zone", _CLOCK, "TIME")
# The narrowest first.
_KINDS = (BOOLEAN, BIGINT, NUMERIC, DOUBLE, DATE, ZONED, TIMESTAMP, TIME)
# JSON has types of its own; of its strings only moments are more than text.
_OF_STRINGS = (DATE, ZONED, TIMESTAMP)
_BY_TYPE = {kind.postgres_type: kind for kind in (TEXT, JSON, *_KINDS)}

_PARSERS: dict[str, Callable[[str], object]] = {
    "BIGINT": int,
    "DATE": date.fromisoformat,
    "TIMESTAMPTZ": datetime.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "TIME": time.fromisoformat,
}


def kind_of(column: Column) -> Kind | None:
    """Return the kind that `column` was found to be; None for one that only Parquet has."""
    return _BY_TYPE.get(column.postgres_type)


def column(name: str, kind: Kind) -> Column:
    """Return the column of this name and kind."""
    return Column(name, kind.data_type, postgres_type=kind.postgres_type)


def of_texts(values: Sequence[str], kinds: Iterable[Kind] = _KINDS) -> Kind:
    """Return the kind of a column with these values, as text; those that are empty say nothing."""
    told = [value for value in values if value]
    if not told:
        return TEXT
    return next((kind for kind in kinds if all(_fits(kind, value) for value in told)), TEXT)


def of_json(values: Iterable[Any]) -> Kind:
    """Return the kind of a field with these values, as JSON has them; None says nothing."""
    told = [value for value in values if value is not None]
    types = {type(value) for value in told}
    if types & {dict, list}:
        return JSON
    if types == {bool}:
        return BOOLEAN
    if types == {int}:
        return of_texts([str(value) for value in told], (BIGINT, NUMERIC))
    if types and types <= {int, float}:
        return DOUBLE
    return of_texts(told, _OF_STRINGS) if types == {str} else TEXT


def objects(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the objects of these JSON lines; one that holds none is passed over here and refused when it is read."""
    found = []
    for line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _fits(kind: Kind, value: str) -> bool:
    if not _compiled(kind.pattern).fullmatch(value):
        return False
    try:
        read = _PARSERS[kind.duck_type](value) if kind.duck_type in _PARSERS else None
    except ValueError:
        return False
    return not isinstance(read, int) or -_HIGHEST <= read < _HIGHEST


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
