"""From text that a person or a cursor holds to a value that can be compared with a column of a type.

What fits and what does not is the same for every source: `connectors.engine.shaping` reads rows of APIs by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from connectors.plan import SyncError
from connectors.providers.feed import DataType
from connectors.providers.sql.shapes import ColumnShape

Value = int | Decimal | float | bool | date | datetime | time | str

_BOOLEANS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
_KINDS: Mapping[DataType, str] = {
    "bigint": "whole number",
    "decimal": "number",
    "double": "number",
    "bool": "“true” or “false”",
    "date": "day such as 2027-01-31",
    "timestamp": "time such as 2027-01-31T12:00:00+00:00",
    "time": "time of day such as 12:00:00",
}
# What is compared as it is written.
AS_TEXT = frozenset(("text", "json", "binary"))


def typed(text: str, column: ColumnShape) -> Value:
    """Return the value that `text` says for the column; a time without a zone, in UTC. Raises `ValueError`."""
    if column.data_type in AS_TEXT:
        return text
    try:
        return _READERS[column.data_type](text.strip())
    except InvalidOperation as error:
        raise ValueError(text) from error


def of_filter(text: str, column: ColumnShape) -> Value:
    """Return the value that a row filter compares with. Raises `SyncError("misconfigured")` where it does not fit."""
    try:
        return typed(text, column)
    except ValueError:
        said = f"The row filter on “{column.name}” compares with “{text}”, which is no {_KINDS[column.data_type]}."
        raise SyncError("misconfigured", said) from None


def of_cursor(text: str, column: ColumnShape) -> Value:
    """Return the value that a cursor reached. Raises `SyncError` where the column has another type since."""
    try:
        return typed(text, column)
    except ValueError:
        said = (
            f"The cursor “{column.name}” stands at a value that is no {_KINDS[column.data_type]} any more. Re-sync it."
        )
        raise SyncError("schema_changed", said) from None


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[text.lower()]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _day(text: str) -> date:
    """Read a day; of a moment its day, since a re-sync begins at one."""
    return datetime.fromisoformat(text).date()


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


_READERS: Mapping[DataType, Callable[[str], Value]] = {
    "bigint": int,
    "decimal": _number,
    "double": float,
    "bool": _boolean,
    "date": _day,
    "timestamp": _moment,
    "time": time.fromisoformat,
}
