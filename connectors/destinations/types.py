"""What a column's type is called at a destination, for pages: nothing heavy is loaded. Empty where it is not known."""

from __future__ import annotations

import re

# Types of an API, and of PostgreSQL, by how their name begins; DuckDB documentation, “Data Types”.
_DUCKDB = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "bool": "BOOLEAN",
    "uuid": "UUID",
    "date": "DATE",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "time without time zone": "TIME",
    "time": "TIME",
    "numeric": "DECIMAL(38,18)",
    "decimal": "DECIMAL(38,9)",
    "bytea": "BLOB",
    "binary": "BLOB",
    "json": "JSON",
    "jsonb": "JSON",
    "text": "VARCHAR",
}
_POSTGRES = {
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "time": "time without time zone",
    "decimal": "numeric(38,9)",
    "binary": "bytea",
    "json": "jsonb",
    "text": "character varying",
}
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_WIDEST = 38


def column_type(kind: str, source_kind: str, source_type: str) -> str:
    """Return the type at a destination of `kind` for what a source of `source_kind` calls `source_type`."""
    if kind == "postgres":
        return source_type if source_kind == "postgres" else _POSTGRES.get(source_type, source_type)
    if kind != "duckdb":
        return ""
    if found := _NUMERIC.fullmatch(source_type):
        precision, scale = int(found[1]), int(found[2])
        return f"DECIMAL({precision},{scale})" if scale <= precision <= _WIDEST else "VARCHAR"
    if source_type.endswith("[]"):
        return "JSON"
    return _DUCKDB.get(re.sub(r"\(\d+\)", "", source_type), "VARCHAR")


def protected_type(kind: str) -> str:
    """Return the type at a destination of a column whose values are hidden."""
    return {"postgres": "text", "duckdb": "VARCHAR"}.get(kind, "")
