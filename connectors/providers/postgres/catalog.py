"""What a PostgreSQL schema holds, read from the system catalogue: tables, keys, columns and their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from connectors.providers.feed import Column, DataType

# Below this estimate a table is counted exactly; the planner's estimate of a small table is often missing or old.
COUNTED_BELOW = 100_000
CURSOR_NAMES = ("updated_at", "modified_at", "last_modified", "updated_on", "updated")

# A source that is itself loaded by dlt has dlt's own records; copied, they would mix with those of the destination.
_TABLES = """
    SELECT c.relname, c.reltuples::bigint,
           ARRAY(SELECT a.attname::text FROM pg_index i
                 CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                 WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place) AS keys
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND (%(names)s::text[] IS NULL OR c.relname = ANY(%(names)s))
      AND left(c.relname::text, 5) <> '_dlt_'
    ORDER BY c.relname
"""

# A domain counts as its base type. Only types that every PostgreSQL has (schema pg_catalog) keep their own name:
# an enum, a composite or an extension's type does not exist at the destination, so its text is copied.
_COLUMNS = """
    SELECT c.relname, a.attname, b.typname, b.typcategory::text,
           CASE WHEN b.typnamespace = 'pg_catalog'::regnamespace
                 AND (b.typelem = 0 OR e.typnamespace = 'pg_catalog'::regnamespace)
                THEN format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) ELSE '' END
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_type e ON e.oid = b.typelem
    WHERE n.nspname = %(schema)s AND c.relname = ANY(%(names)s) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""

_ARRAY = "A"  # pg_type.typcategory

_PORTABLE: dict[str, DataType] = {
    "bool": "bool",
    "int2": "bigint",
    "int4": "bigint",
    "int8": "bigint",
    "float4": "double",
    "float8": "double",
    "numeric": "decimal",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "json": "json",
    "jsonb": "json",
    "bytea": "binary",
}
# Types whose values mean something on their own server only (of the catalogue, or of its locale) travel as text.
_SERVER_BOUND = {"aclitem", "char", "cid", "int2vector", "money", "name", "oid", "oidvector", "tid", "xid", "xid8"}
_SERVER_BOUND_PREFIXES = ("reg", "pg_")


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table of the source as the catalogue describes it; `estimated_rows` is None when nobody knows."""

    schema: str
    name: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    type_names: tuple[tuple[str, str], ...]
    arrays: frozenset[str]
    estimated_rows: int | None


def shapes(connection: psycopg.Connection[Any], schema: str, names: list[str] | None = None) -> list[TableShape]:
    """Describe the tables and views of `schema` (or those of `names` that exist), by name. May raise psycopg errors."""
    tables = connection.execute(_TABLES, {"schema": schema, "names": names}).fetchall()
    found = [str(row[0]) for row in tables]
    columns: dict[str, list[tuple[str, str, str, str]]] = {name: [] for name in found}
    for table, *rest in connection.execute(_COLUMNS, {"schema": schema, "names": found}).fetchall():
        columns[table].append((str(rest[0]), str(rest[1]), str(rest[2]), str(rest[3])))
    return [
        TableShape(
            schema=schema,
            name=name,
            keys=tuple(keys),
            columns=tuple(_column(column, keys) for column in columns[name]),
            type_names=tuple((column[0], column[3] or column[1]) for column in columns[name]),
            arrays=frozenset(column[0] for column in columns[name] if column[2] == _ARRAY),
            estimated_rows=int(estimate) if estimate >= 0 else None,
        )
        for name, estimate, keys in tables
        if columns[name]
    ]


def cursor_of(shape: TableShape) -> str:
    """Return the column that tells when a row last changed, by its usual names, or an empty string."""
    times = {column.name for column in shape.columns if column.data_type == "timestamp"}
    return next((name for name in CURSOR_NAMES if name in times), "")


def _column(found: tuple[str, str, str, str], keys: list[str]) -> Column:
    name, type_name, category, exact = found
    element = type_name.removeprefix("_")
    if element in _SERVER_BOUND or element.startswith(_SERVER_BOUND_PREFIXES):
        exact = ""
    data_type: DataType = "json" if category == _ARRAY else _PORTABLE.get(type_name, "text")
    return Column(name=name, data_type=data_type, nullable=name not in keys, postgres_type=exact or "text")
