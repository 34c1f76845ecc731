"""What a Parquet file says of its columns, in the types that all destinations know."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.files import duck, names
from connectors.plan import SyncError
from connectors.providers.feed import Column, DataType

_MAGIC = b"PAR1"
_LEAST_BYTES = 12
# DuckDB's name of a type, to the portable type and PostgreSQL's name of it.
_TYPES: dict[str, tuple[DataType, str]] = {
    "BOOLEAN": ("bool", "boolean"),
    "TINYINT": ("bigint", "smallint"),
    "SMALLINT": ("bigint", "smallint"),
    "UTINYINT": ("bigint", "smallint"),
    "INTEGER": ("bigint", "integer"),
    "USMALLINT": ("bigint", "integer"),
    "BIGINT": ("bigint", "bigint"),
    "UINTEGER": ("bigint", "bigint"),
    "UBIGINT": ("decimal", "numeric(20,0)"),
    "HUGEINT": ("decimal", "numeric(38,0)"),
    "FLOAT": ("double", "real"),
    "DOUBLE": ("double", "double precision"),
    "DATE": ("date", "date"),
    "TIME": ("time", "time without time zone"),
    "TIME_NS": ("time", "time without time zone"),
    "TIMESTAMP": ("timestamp", "timestamp without time zone"),
    "TIMESTAMP_NS": ("timestamp", "timestamp without time zone"),
    "TIMESTAMP_MS": ("timestamp", "timestamp without time zone"),
    "TIMESTAMP_S": ("timestamp", "timestamp without time zone"),
    "TIMESTAMP WITH TIME ZONE": ("timestamp", "timestamp with time zone"),
    "BLOB": ("binary", "bytea"),
    "UUID": ("text", "uuid"),
    "JSON": ("json", "jsonb"),
}
_NESTED = ("STRUCT", "MAP", "UNION")


def columns_of(path: Path, name: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the columns of the Parquet file at `path`, and their names in it. Raises `SyncError("bad_record")`."""
    _check_whole(path, name)
    found = duck.described(path, name)
    raw_names = tuple(column for column, _ in found)
    called = names.column_names(raw_names)
    return tuple(_column(one, duck_type) for one, (_, duck_type) in zip(called, found, strict=True)), raw_names


def _check_whole(path: Path, name: str) -> None:
    """Look for the mark at both ends: a file that is still being written has not the second one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
        file.seek(max(0, size - len(_MAGIC)))
        is_whole = size >= _LEAST_BYTES and head == _MAGIC and file.read() == _MAGIC
    if not is_whole:
        raise SyncError("bad_record", f"{name} is no whole Parquet file: it is another kind of file, or was cut off.")


def _column(name: str, duck_type: str) -> Column:
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duck_type):
        return Column(name, "decimal", postgres_type=f"numeric({found[1]},{found[2]})")
    if duck_type.endswith("]") or duck_type.startswith(_NESTED):
        return Column(name, "json", postgres_type="jsonb")
    data_type, exact = _TYPES.get(duck_type, ("text", "text"))
    return Column(name, data_type, postgres_type=exact)
