"""What each type of SQL Server becomes, and the expression of its text (Transact-SQL, “CAST and CONVERT”)."""

from __future__ import annotations

from connectors.providers.feed import DataType
from connectors.providers.sql.shapes import LOCAL_TIME, UTC_TIME, ColumnShape

_NUMBER = "CONVERT(varchar(50), {})"
_TEXT = "CAST({} AS nvarchar(max))"
_MOMENT = "CONVERT(varchar(26), CAST({} AS datetime2(6)), 121)"
_BYTES = "'\\x' + CONVERT(varchar(max), CAST({} AS varbinary(max)), 2)"

_KNOWN: dict[str, tuple[DataType, str, str]] = {
    "tinyint": ("bigint", "smallint", _NUMBER),
    "smallint": ("bigint", "smallint", _NUMBER),
    "int": ("bigint", "integer", _NUMBER),
    "bigint": ("bigint", "bigint", _NUMBER),
    "money": ("decimal", "numeric(19,4)", "CONVERT(varchar(50), {}, 2)"),
    "smallmoney": ("decimal", "numeric(10,4)", "CONVERT(varchar(50), {}, 2)"),
    "float": ("double", "double precision", "CONVERT(varchar(50), {}, 3)"),
    "real": ("double", "real", "CONVERT(varchar(50), {}, 3)"),
    "bit": ("bool", "boolean", "CASE {} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
    "date": ("date", "date", "CONVERT(varchar(10), {}, 23)"),
    "time": ("time", "time without time zone", "CONVERT(varchar(16), CAST({} AS time(6)), 121)"),
    "smalldatetime": ("timestamp", LOCAL_TIME, _MOMENT),
    "datetime": ("timestamp", LOCAL_TIME, _MOMENT),
    "datetime2": ("timestamp", LOCAL_TIME, _MOMENT),
    "datetimeoffset": ("timestamp", UTC_TIME, f"{_MOMENT.format('SWITCHOFFSET({}, 0)')} + '+00'"),
    "uniqueidentifier": ("text", "uuid", "LOWER(CONVERT(varchar(36), {}))"),
    "binary": ("binary", "bytea", _BYTES),
    "varbinary": ("binary", "bytea", _BYTES),
    "image": ("binary", "bytea", _BYTES),
    "timestamp": ("binary", "bytea", _BYTES),
    "json": ("json", "json", _TEXT),
    "geography": ("text", "text", "{}.STAsText()"),
    "geometry": ("text", "text", "{}.STAsText()"),
    "hierarchyid": ("text", "text", "{}.ToString()"),
}
_WITH_LENGTH = {"char", "varchar", "binary", "varbinary"}
_OF_TWO_BYTES = {"nchar", "nvarchar"}


def column(name: str, kind: str, length: int, precision: int, scale: int) -> ColumnShape:
    """Describe a column of the catalogue's type `kind`; `length` in bytes, -1 for the longest."""
    if kind in {"decimal", "numeric"}:
        exact = f"numeric({precision},{scale})"
        return ColumnShape(name, f"{kind}({precision},{scale})", "decimal", exact, _NUMBER)
    said = kind
    if kind in _WITH_LENGTH or kind in _OF_TWO_BYTES:
        shown = "max" if length < 0 else str(length // 2 if kind in _OF_TWO_BYTES else length)
        said = f"{kind}({shown})"
    return ColumnShape(name, said, *_KNOWN.get(kind, ("text", "text", _TEXT)))
