"""What each type of MySQL and MariaDB becomes: its portable type, its exact one, and the expression of its text.

Texts are those that PostgreSQL reads, since every destination reads them: docs/types.md lists what becomes what.
"""

from __future__ import annotations

from connectors.providers.feed import DataType
from connectors.providers.sql.shapes import LOCAL_TIME, UTC_TIME, ColumnShape

# A day that is none (“0000-00-00”, “2024-00-00”) has no equal anywhere else.
_DAY = "IF(MONTH({0}) = 0 OR DAYOFMONTH({0}) = 0 OR YEAR({0}) = 0, NULL, {1})"
_BYTES = "CONCAT('\\\\x', LOWER(HEX({})))"
_TEXT = "CONVERT({} USING utf8mb4)"

# Portable type, exact type, expression; none of their texts holds a quote.
_PLAIN: dict[str, tuple[DataType, str, str]] = {
    "tinyint": ("bigint", "smallint", "{}"),
    "smallint": ("bigint", "smallint", "{}"),
    "mediumint": ("bigint", "integer", "{}"),
    "int": ("bigint", "integer", "{}"),
    "bigint": ("bigint", "bigint", "{}"),
    # A single precision number is shown with six digits; as a double it has all that it has.
    "float": ("double", "real", "({} + 0e0)"),
    "double": ("double", "double precision", "{}"),
    "date": ("date", "date", _DAY.format("{0}", "{0}")),
    "datetime": ("timestamp", LOCAL_TIME, _DAY.format("{0}", "{0}")),
    "timestamp": ("timestamp", UTC_TIME, _DAY.format("{0}", "CONCAT({0}, '+00')")),
    # A time is a span: up to 838 hours, also negative.
    "time": ("text", "interval", "{}"),
    "year": ("bigint", "smallint", "({} + 0)"),
    "uuid": ("text", "uuid", "{}"),
    "inet4": ("text", "inet", "{}"),
    "inet6": ("text", "inet", "{}"),
}
_UNSIGNED = {
    "tinyint": "smallint",
    "smallint": "integer",
    "mediumint": "integer",
    "int": "bigint",
    "bigint": "numeric(20,0)",
}
_OF_BYTES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"}
_SHAPES = {
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection",
}  # fmt: skip


def column(name: str, type_name: str, kind: str, digits: tuple[int, int] | None, *, is_json: bool) -> ColumnShape:
    """Describe a column of the catalogue's `type_name` ("decimal(10,2)"), whose bare name is `kind` ("decimal").

    `digits` are precision and scale of a number; `is_json` says that a text is checked to be JSON.
    """
    if plain := _plain(type_name, kind, digits):
        return ColumnShape(name, type_name, *plain, is_plain=True)
    if kind == "json" or is_json:
        return ColumnShape(name, type_name, "json", "json", _TEXT)
    return ColumnShape(name, type_name, "text", "text", _TEXT)


def _plain(type_name: str, kind: str, digits: tuple[int, int] | None) -> tuple[DataType, str, str] | None:
    """Return what a type becomes whose texts hold no quote, None for others."""
    if kind in _UNSIGNED and "unsigned" in type_name:
        # Filled up with zeros it would be a text of so many digits.
        text = "CAST({} AS UNSIGNED)" if "zerofill" in type_name else "{}"
        return "decimal" if kind == "bigint" else "bigint", _UNSIGNED[kind], text
    if kind in {"decimal", "numeric"}:
        return "decimal", f"numeric({digits[0]},{digits[1]})" if digits else "numeric", "{}"
    if kind == "bit":
        return _bits(digits[0] if digits else 1)
    if kind in _OF_BYTES:
        return "binary", "bytea", _BYTES
    if kind in _SHAPES:
        return "text", "text", "ST_AsText({})"
    return _PLAIN.get(kind)


def _bits(count: int) -> tuple[DataType, str, str]:
    if count == 1:
        return "bool", "boolean", "ELT({} + 1, 'false', 'true')"
    return "text", f"bit({count})", f"LPAD(BIN({{}} + 0), {count}, '0')"
