"""Our text files as Parquet files with types that every cloud warehouse reads, for those that dlt loads from Parquet.

JSON is text there: some warehouses refuse JSON that comes in Parquet files, others store it as a text in disguise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from connectors.engine import duck_types
from connectors.providers.feed import Column, DataType

MEMORY_LIMIT = "512MB"
WIDEST_DECIMAL = 38
# A numeric without bounds, as in DuckDB.
UNBOUNDED = (38, 18)
_TYPES: dict[DataType, str] = {
    "text": "VARCHAR",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "bigint": "BIGINT",
    "binary": "BLOB",
    "date": "DATE",
    "time": "TIME",
}


def fitted(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns as a warehouse is to have them: exact types of PostgreSQL only where they bound a number."""
    return tuple(_fitted(column) for column in columns)


def _fitted(column: Column) -> Column:
    if column.data_type == "json" or (column.data_type == "decimal" and bounds(column) is None):
        return replace(column, data_type="text", postgres_type="")
    return column if column.data_type == "decimal" else replace(column, postgres_type="")


def bounds(column: Column) -> tuple[int, int] | None:
    """Return the digits of a decimal, in all and behind the point; None for more than a warehouse holds."""
    found = re.fullmatch(r"numeric\((\d+),(-?\d+)\)", column.postgres_type)
    if found is None:
        return UNBOUNDED
    precision, scale = int(found[1]), int(found[2])
    return (precision, scale) if 0 <= scale <= precision <= WIDEST_DECIMAL else None


def as_parquet(path: Path, columns: Sequence[Column]) -> Path:
    """Write the text file `path` as a Parquet file beside it, and return that; `columns` are fitted ones."""
    import duckdb  # noqa: PLC0415 - heavy, and few destinations need it

    target = path.with_suffix(".parquet")
    read = duck_types.reader(str(path), [column.name for column in columns], path.stat().st_size)
    values = ", ".join(_value(column) for column in columns)
    where = str(target).replace("'", "''")
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY (SELECT {values} FROM {read}) TO '{where}' (FORMAT parquet)")  # noqa: S608 - quoted
    return target


def _value(column: Column) -> str:
    name = '"' + column.name.replace('"', '""') + '"'
    digits = bounds(column) if column.data_type == "decimal" else None
    kind = f"DECIMAL({digits[0]}, {digits[1]})" if digits else _TYPES[column.data_type]
    return f"CAST({duck_types.reading(name, column.data_type)} AS {kind}) AS {name}"
