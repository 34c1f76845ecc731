"""The columns of a table whose files differ: all that any of them has, each wide enough for all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.files import types
from connectors.files.opening import DataFile
from connectors.providers.feed import Column

_WHOLE = ("smallint", "integer", "bigint")
_EXACT = (*_WHOLE, "numeric")
_NUMBERS = (*_EXACT, "real", "double precision")


def columns_of(files: Iterable[DataFile]) -> tuple[Column, ...]:
    """Return the columns of all files, those of the first one first. A column without a value decides nothing."""
    found: dict[str, Column] = {}
    untold: set[str] = set()
    for file in files:
        for column in file.columns:
            if column.name not in found or column.name in untold:
                found[column.name] = column
                untold.discard(column.name)
                if column.name in file.untold:
                    untold.add(column.name)
            elif column.name not in file.untold:
                found[column.name] = wider(found[column.name], column)
    return tuple(found.values())


def wider(one: Column, other: Column) -> Column:
    """Return the column that holds the values of both; text where there is no nearer type."""
    if one == other:
        return one
    kinds = {one.postgres_type, other.postgres_type}
    for family in (_WHOLE, _EXACT, _NUMBERS):
        if kinds <= set(family):
            return _column(one.name, family[-1])
    if all(kind == "numeric" or kind in _WHOLE or re.fullmatch(r"numeric\(\d+,\d+\)", kind) for kind in kinds):
        return _column(one.name, "numeric")
    return types.column(one.name, types.TEXT)


def _column(name: str, postgres_type: str) -> Column:
    kinds = {kind.postgres_type: kind for kind in (types.BIGINT, types.NUMERIC, types.DOUBLE)}
    return types.column(name, kinds[postgres_type])
