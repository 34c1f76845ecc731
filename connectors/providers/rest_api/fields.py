"""Types of JSON's values: found from a sample, and kept to while reading.

A column's type never depends on what a run happens to meet. What does not fit is refused with its place, and text takes
everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from connectors.plan import SyncError
from connectors.providers.feed import Column, DataType, JsonText
from connectors.providers.rest_api import json_paths
from connectors.providers.rest_api.declaration import FieldSpec

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?P<zone>Z|z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_LENGTH = len("2026-01-31")
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_WORDS: Mapping[str, str] = {
    "bigint": "a whole number of 64 bits",
    "double": "a number",
    "decimal": "a decimal number",
    "bool": "true or false",
    "timestamp": "a moment such as 2026-01-31T12:00:00Z",
    "date": "a day such as 2026-01-31",
    "text": "a text",
    "json": "plain JSON",
}
NUL = "\x00"
_NUL_SAID = "holds a NUL character, which no database stores in a text"
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class UnfitError(ValueError):
    """A value does not fit its column's type."""


def find(records: Iterable[Mapping[str, Any]], known: Sequence[FieldSpec] = ()) -> tuple[FieldSpec, ...]:
    """Return the fields that are `known`, and those that `records` have beside them with the narrowest type for all.

    A field that is always empty is text, which takes everything.
    """
    covered = {spec.name for spec in known} | {spec.path.partition(".")[0] for spec in known if spec.path != spec.name}
    found: dict[str, DataType | None] = {}
    for record in records:
        for name, value in record.items():
            if name in covered or NUL in name:
                continue
            if value is None:
                found.setdefault(name, None)
            else:
                before = found.get(name)
                found[name] = _of(value) if before is None else _both(before, _of(value))
    return (*known, *(FieldSpec(name, kind or "text", name) for name, kind in found.items()))


def columns_of(fields: Iterable[FieldSpec], keys: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns that fields become; a key is never empty. Decimal numbers keep all their digits."""
    exact = {"decimal": "numeric"}
    return tuple(
        Column(spec.name, spec.type, nullable=spec.name not in keys, postgres_type=exact.get(spec.type, ""))
        for spec in fields
    )


class Rows:
    """Makes rows of records: the declared fields, each in its type."""

    def __init__(self, resource: str, fields: Sequence[FieldSpec]) -> None:
        self._resource = resource
        self._taken = tuple((spec, _taker(spec), _CONVERT[spec.type]) for spec in fields)
        self._known = {spec.name for spec in fields} | {spec.path.partition(".")[0] for spec in fields}

    def of(self, records: Sequence[Mapping[str, Any]], page: int) -> list[dict[str, Any]]:
        """Return the rows of a page. Raises `SyncError("bad_record")` that names the page, the record and the field."""
        rows = []
        for number, record in enumerate(records, start=1):
            row = {}
            for spec, take, convert in self._taken:
                value = take(record)
                if value is not None:
                    try:
                        value = convert(value)
                    except (ValueError, InvalidOperation) as error:
                        raise self._refusal(spec, value, page, number, error) from None
                row[spec.name] = value
            rows.append(row)
        return rows

    def new_in(self, records: Iterable[Mapping[str, Any]]) -> set[str]:
        """Return the names of fields in records that nobody declared."""
        return {name for record in records for name in record.keys() - self._known}

    def _refusal(self, spec: FieldSpec, value: Any, page: int, number: int, error: Exception) -> SyncError:
        where = f"{self._resource}, page {page}, record {number}"
        if isinstance(error, UnfitError):
            return SyncError("bad_record", f"{where}: “{spec.name}” {error}.")
        return SyncError(
            "bad_record", f"{where}: “{spec.name}” is {kind_of(value)}, where {_WORDS[spec.type]} is expected."
        )


def kind_of(value: Any) -> str:
    """Say what a value of JSON is, without the value."""
    if isinstance(value, bool):
        return "a switch"
    if isinstance(value, int):
        return "a whole number" if _LOWEST <= value <= _HIGHEST else "a whole number of more than 64 bits"
    names: dict[type, str] = {str: "a text", dict: "an object", list: "a list", type(None): "nothing"}
    return names.get(type(value), "a number with a fraction")


def _taker(spec: FieldSpec) -> Callable[[Mapping[str, Any]], Any]:
    if spec.path == spec.name:
        name = spec.name
        return lambda record: record.get(name)
    path = spec.path
    return lambda record: json_paths.first(record, path)


def _of(value: Any) -> DataType:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "bigint" if _LOWEST <= value <= _HIGHEST else "decimal"
    if isinstance(value, float | Decimal):
        return "double"
    if isinstance(value, dict | list):
        return "json"
    return _of_text(value)


def _of_text(value: str) -> DataType:
    # A moment without its distance from UTC is no moment that every reader understands alike.
    if (found := _MOMENT.fullmatch(value)) and found["zone"] and _fits(_timestamp, value):
        return "timestamp"
    return "date" if _DAY.fullmatch(value) and _fits(_date, value) else "text"


def _both(one: DataType, other: DataType) -> DataType:
    if one == other:
        return one
    pair = {one, other}
    if "json" in pair:
        return "json"
    if pair <= {"bigint", "double", "decimal"}:
        return "decimal" if "decimal" in pair else "double"
    return "text"


def _fits(convert: Callable[[Any], Any], value: Any) -> bool:
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    if type(value) is str:
        if NUL in value:
            raise UnfitError(_NUL_SAID)
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _json_text(value)
    return str(value)


def _bigint(value: Any) -> int:
    if type(value) is int or (type(value) is str and _WHOLE.fullmatch(value)):
        number = int(value)
        if _LOWEST <= number <= _HIGHEST:
            return number
    raise ValueError


def _double(value: Any) -> float | Decimal | str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError  # noqa: TRY004 - one kind of error for whoever reads a page
    if isinstance(value, str):
        float(value)
    return value


def _decimal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError  # noqa: TRY004 - likewise
    found = Decimal(str(value))
    if not found.is_finite():
        raise ValueError
    return format(found, "f")


def _bool(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise ValueError


def _timestamp(value: Any) -> str:
    if not isinstance(value, str):
        # Seconds since 1970, as many APIs write moments.
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError  # noqa: TRY004 - likewise
        return _from_seconds(value)
    text: str = value
    # The usual form is looked at by places, which takes a quarter of the time of a pattern.
    if text[4:5] != "-" or text[10:11] not in {"T", " "} or text[13:14] != ":" or "," in text:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        text = text.upper().replace(",", ".")
    datetime.fromisoformat(text)
    return text


def _from_seconds(value: float | Decimal) -> str:
    try:
        return datetime.fromtimestamp(float(value), tz=UTC).isoformat()
    except (OverflowError, OSError) as error:
        message = "is too large for a moment in seconds since 1970"
        raise UnfitError(message) from error


def _date(value: Any) -> str:
    if not isinstance(value, str) or len(value) != _DAY_LENGTH or value[4] != "-" or value[7] != "-":
        raise ValueError
    date.fromisoformat(value)
    return value


def _json(value: Any) -> JsonText:
    return JsonText(_json_text(value))


def _json_text(value: Any) -> str:
    try:
        text = orjson.dumps(value, default=float).decode()
    except (TypeError, orjson.JSONEncodeError):
        # Whole numbers beyond 64 bits, and nesting beyond its limit.
        text = _slow_json_text(value)
    if "\\u0000" in text and _NUL_IN_JSON.search(text):
        raise UnfitError(_NUL_SAID)
    return text


def _slow_json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=float)
    except RecursionError:
        message = "is nested too deeply"
        raise UnfitError(message) from None


_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "text": _text,
    "bigint": _bigint,
    "double": _double,
    "decimal": _decimal,
    "bool": _bool,
    "timestamp": _timestamp,
    "date": _date,
    "json": _json,
}
