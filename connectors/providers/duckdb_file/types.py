"""What each type of DuckDB becomes, and the expression of its text, which is such that PostgreSQL reads it."""

from __future__ import annotations

import re

from connectors.providers.feed import DataType
from connectors.providers.sql.shapes import LOCAL_TIME, UTC_TIME, ColumnShape

_TEXT = "CAST({} AS VARCHAR)"
# DuckDB writes “(BC)” behind the day, PostgreSQL at the end.
_DAY = "regexp_replace(CAST({} AS VARCHAR), '^(.*) \\(BC\\)(.*)$', '\\1\\2 BC')"
_JSON = "CAST(to_json({}) AS VARCHAR)"

_KNOWN: dict[str, tuple[DataType, str, str]] = {
    "BOOLEAN": ("bool", "boolean", _TEXT),
    "TINYINT": ("bigint", "smallint", _TEXT),
    "SMALLINT": ("bigint", "smallint", _TEXT),
    "INTEGER": ("bigint", "integer", _TEXT),
    "BIGINT": ("bigint", "bigint", _TEXT),
    "UTINYINT": ("bigint", "smallint", _TEXT),
    "USMALLINT": ("bigint", "integer", _TEXT),
    "UINTEGER": ("bigint", "bigint", _TEXT),
    "UBIGINT": ("decimal", "numeric(20,0)", _TEXT),
    "HUGEINT": ("decimal", "numeric(39,0)", _TEXT),
    "UHUGEINT": ("decimal", "numeric(39,0)", _TEXT),
    "FLOAT": ("double", "real", _TEXT),
    "DOUBLE": ("double", "double precision", _TEXT),
    "DATE": ("date", "date", _DAY),
    "TIME": ("time", "time without time zone", _TEXT),
    "TIMESTAMP": ("timestamp", LOCAL_TIME, _DAY),
    "TIMESTAMP_S": ("timestamp", LOCAL_TIME, _DAY),
    "TIMESTAMP_MS": ("timestamp", LOCAL_TIME, _DAY),
    # No other database has nanoseconds; DuckDB rounds them.
    "TIMESTAMP_NS": ("timestamp", LOCAL_TIME, _DAY.format("CAST({} AS TIMESTAMP)")),
    "TIMESTAMP WITH TIME ZONE": ("timestamp", UTC_TIME, _DAY),
    "INTERVAL": ("text", "interval", _TEXT),
    "UUID": ("text", "uuid", _TEXT),
    "BLOB": ("binary", "bytea", "('\\x' || lower(hex({})))"),
    "JSON": ("json", "json", _TEXT),
    "BIT": ("text", "bit varying", _TEXT),
}
_NESTED = re.compile(r".*\[\d*\]|(STRUCT|MAP|UNION)\(.*\)|VARIANT", re.DOTALL)
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


def column(name: str, type_name: str) -> ColumnShape:
    """Describe a column of the catalogue's `type_name`."""
    if found := _DECIMAL.fullmatch(type_name):
        return ColumnShape(name, type_name, "decimal", f"numeric({found[1]},{found[2]})", _TEXT, is_plain=True)
    if type_name in _KNOWN:
        return ColumnShape(name, type_name, *_KNOWN[type_name])
    if _NESTED.fullmatch(type_name):
        return ColumnShape(name, type_name, "json", "json", _JSON)
    return ColumnShape(name, type_name, "text", "text", _TEXT)
