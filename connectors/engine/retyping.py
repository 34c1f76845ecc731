"""Brings a table's columns to the types that the source has now, so that no reader ever sees half of it.

Where all rows are replaced, the type changes in the transaction that puts the new rows in, while the table is empty.
Where rows stay, a column only becomes wider; for any other change all rows must be read again, which the run says.
Types are compared as the destination itself writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.sql_client import SqlClientBase

from connectors.plan import SyncError
from connectors.widening import is_wider

Types = Mapping[str, str]
Client = SqlClientBase[Any]


class Dialect(Protocol):
    """How one kind of destination tells types."""

    def standing(self, client: Client, table: str) -> dict[str, str]:
        """Return the columns of a table in the client's dataset with their types; none where it is not there."""

    def written(self, client: Client, types: Sequence[str]) -> list[str]:
        """Return `types` as the destination writes them."""

    def converted(self, column: str, kind: str) -> str:
        """Return the expression of the quoted `column` as a value of another type; that of its own type is itself."""


class PostgresDialect:
    """PostgreSQL: `format_type` writes each type in one way."""

    def standing(self, client: Client, table: str) -> dict[str, str]:
        """Read the catalogue."""
        found = _rows(
            client,
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
            client.dataset_name,
            table,
        )
        return {str(name): str(kind) for name, kind in found}

    def written(self, client: Client, types: Sequence[str]) -> list[str]:
        """Let a table of this transaction alone take the types."""
        columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(types))
        with client.begin_transaction():
            client.execute_sql(f"CREATE TEMPORARY TABLE pb_types ({columns}) ON COMMIT DROP")
            found = _rows(
                client,
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
                "WHERE attrelid = 'pg_temp.pb_types'::regclass AND attnum > 0 ORDER BY attnum",
            )
        return [str(row[0]) for row in found]

    def converted(self, column: str, kind: str) -> str:
        """Go by the text, which every type can be read from."""
        return f"{column}::text::{kind}"


class DuckDbDialect:
    """DuckDB: `typeof` writes each type in one way."""

    def standing(self, client: Client, table: str) -> dict[str, str]:
        """Read the catalogue."""
        found = _rows(
            client,
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = %s AND table_name = %s",
            client.dataset_name,
            table,
        )
        return {str(name): str(kind) for name, kind in found}

    def written(self, client: Client, types: Sequence[str]) -> list[str]:
        """Let an empty value of each type name it."""
        if not types:
            return []
        casts = ", ".join(f"typeof(CAST(NULL AS {kind}))" for kind in types)
        (row,) = _rows(client, f"SELECT {casts}")
        return [str(kind) for kind in row]

    def converted(self, column: str, kind: str) -> str:
        """Leave out what cannot be read: rows that were deleted in this transaction are converted, too."""
        return f"TRY_CAST({column} AS {kind})"


def changed(client: Client, dialect: Dialect, table: str, wanted: Types) -> dict[str, tuple[str, str]]:
    """Return the columns of a standing table whose type is not the `wanted` one, each with what it is and shall be."""
    standing = {name.lower(): kind for name, kind in dialect.standing(client, table).items()}
    suspects = [
        name
        for name, kind in wanted.items()
        if name.lower() in standing and standing[name.lower()].lower() != kind.lower()
    ]
    if not suspects:
        return {}
    written = dialect.written(client, [wanted[name] for name in suspects])
    pairs = {name: (standing[name.lower()], kind) for name, kind in zip(suspects, written, strict=True)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def emptied(client: Client, dialect: Dialect, table: str, changes: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the statements that give columns of an emptied table their new types; run again, they change nothing."""
    name = client.make_qualified_table_name(table)
    columns = [(client.escape_column_name(column), kind) for column, (_, kind) in changes.items()]
    return [
        f"ALTER TABLE {name} ALTER COLUMN {column} TYPE {kind} USING {dialect.converted(column, kind)};"
        for column, kind in columns
    ]


def widened(client: Client, table: str, changes: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the statements that make columns wider, rows kept. Raises `SyncError` where a type is not wider."""
    name = client.make_qualified_table_name(table)
    statements = []
    for column, (old, new) in changes.items():
        if not is_wider(old, new):
            message = (
                f"{table}: “{column}” is {old} at the destination and {new} at the source, and its rows cannot be "
                "converted. Nothing was loaded. Read the table again (historical re-sync)."
            )
            raise SyncError("schema_changed", message)
        quoted = client.escape_column_name(column)
        statements.append(f"ALTER TABLE {name} ALTER COLUMN {quoted} TYPE {new} USING {quoted}::{new};")
    return statements


def wanted_types(table: PreparedTableSchema, type_of: Any) -> dict[str, str]:
    """Return the type of each column of dlt's own picture of a table; `type_of` is its type mapper."""
    return {name: str(type_of(column, table)) for name, column in table["columns"].items() if column.get("data_type")}


def _rows(client: Client, statement: str, *values: str) -> list[Any]:
    found = client.execute_sql(statement, *values)
    return list(found or [])
