"""What a declared type of SQLite becomes, and how each value is written as text.

SQLite keeps any value in any column. A column is taken as it is declared, and a value that does not fit its declaration
is refused with words; a column that is declared as nothing, or a file whose types are not to be trusted, is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from connectors.plan import SyncError
from connectors.providers.feed import DataType
from connectors.providers.sql.shapes import LOCAL_TIME, UTC_TIME, ColumnShape

Stored = int | float | str | bytes
Writer = Callable[[Stored], str]

_WORDS: tuple[tuple[str, DataType, str], ...] = (
    ("BOOL", "bool", "boolean"),
    ("TIMESTAMPTZ", "timestamp", UTC_TIME),
    ("TIMESTAMP WITH TIME ZONE", "timestamp", UTC_TIME),
    ("TIMESTAMP", "timestamp", LOCAL_TIME),
    ("DATETIME", "timestamp", LOCAL_TIME),
    ("JSON", "json", "json"),
    ("POINT", "text", "text"),
    ("INT", "bigint", "bigint"),
    ("CHAR", "text", "text"),
    ("CLOB", "text", "text"),
    ("TEXT", "text", "text"),
    ("BLOB", "binary", "bytea"),
    ("REAL", "double", "double precision"),
    ("FLOA", "double", "double precision"),
    ("DOUB", "double", "double precision"),
    ("DEC", "decimal", "numeric"),
    ("NUM", "decimal", "numeric"),
    ("MONEY", "decimal", "numeric"),
)
_KINDS: Mapping[type, str] = {int: "a whole number", float: "a number", str: "a text", bytes: "bytes"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?")
_BOOLEANS = {1: "true", 0: "false", "true": "true", "false": "false", "t": "true", "f": "false"}


class _Unfit(Exception):  # noqa: N818 - caught one level up
    """A value that is no value of its column's type."""


def column(name: str, declared: str, *, is_text: bool) -> ColumnShape:
    """Describe a column by the type that it is declared with; with `is_text` all are text."""
    said = declared.upper()
    found: tuple[DataType, str] = ("text", "text")
    if not is_text:
        found = ("date", "date") if said == "DATE" else next((
            (data_type, exact) for word, data_type, exact in _WORDS if word in said
        ), found)  # fmt: skip
    return ColumnShape(name, declared, *found)


def writer(table: str, column: ColumnShape, *, is_text: bool) -> Writer:
    """Return what writes a value of the column as text, and raises `SyncError("bad_record")` where it does not fit."""
    write = _any if is_text or not column.type_name else _WRITERS.get(column.postgres_type, _text)

    def told(value: Stored) -> str:
        try:
            return write(value)
        except (_Unfit, ValueError, InvalidOperation, OverflowError):
            kind = _KINDS[type(value)]
            said = f"“{column.name}” is declared as {column.type_name}, and one of its values is {kind} that is none"
            raise SyncError("bad_record", f"{table}: {said}. Correct it, or copy the file's columns as text.") from None

    return told


def moment(text: object) -> str | None:
    """Return a time in one form, in UTC, so that two can be compared; None for what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    in_utc = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    return in_utc.isoformat(sep=" ", timespec="microseconds")


def _any(value: Stored) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return _number(value) if isinstance(value, float) else str(value)


def _text(value: Stored) -> str:
    if isinstance(value, bytes):
        raise _Unfit
    return _any(value)


def _whole(value: Stored) -> str:
    if not isinstance(value, int):
        raise _Unfit
    return str(value)


def _number(value: Stored) -> str:
    if not isinstance(value, (int, float)):
        raise _Unfit
    text = repr(value)
    return text.replace("inf", "Infinity") if "inf" in text else text


def _exact(value: Stored) -> str:
    number = Decimal(value if isinstance(value, str) else _number(value))
    if not number.is_finite():
        raise _Unfit
    return str(value) if isinstance(value, str) else _number(value)


def _boolean(value: Stored) -> str:
    known = value.lower() if isinstance(value, str) else value
    if isinstance(known, bytes) or known not in _BOOLEANS:
        raise _Unfit
    return _BOOLEANS[known]


def _day(value: Stored) -> str:
    if not isinstance(value, str):
        raise _Unfit
    return date.fromisoformat(value).isoformat()


def _local(value: Stored) -> str:
    """Write a time without a zone; one with a zone as it is in UTC."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        datetime.fromisoformat(value)
        return value
    return _whole_moment(value)


def _in_utc(value: Stored) -> str:
    return f"{_whole_moment(value)}+00"


def _whole_moment(value: Stored) -> str:
    found = moment(value) if isinstance(value, str) else None
    if found is None:
        raise _Unfit
    return found


def _bytes(value: Stored) -> str:
    if isinstance(value, (int, float)):
        raise _Unfit
    return f"\\x{(value.encode() if isinstance(value, str) else value).hex()}"


_WRITERS: Mapping[str, Writer] = {
    "bigint": _whole,
    "double precision": _number,
    "numeric": _exact,
    "boolean": _boolean,
    "date": _day,
    LOCAL_TIME: _local,
    UTC_TIME: _in_utc,
    "bytea": _bytes,
}
