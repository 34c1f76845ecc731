"""A DuckDB file that is open for reading, and how its rows become lines of text. Loads DuckDB: for workers only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from connectors.plan import SyncError
from connectors.providers.duckdb_file import types
from connectors.providers.sql.dialect import Dialect, Reading, Session, Sql, where
from connectors.providers.sql.lines import hidden_in, lines_of
from connectors.providers.sql.shapes import ColumnShape, TableShape
from connectors.providers.sql.values import Value

# A view in a file that somebody else made must not read this machine's other files, nor load anything.
_LOCKED_UP = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "memory_limit": "1GB",
    "threads": "2",
}
_FETCHED_ROWS = 5_000
_COLUMNS = """
    SELECT c.table_name, c.column_name, c.data_type, t.estimated_size
    FROM duckdb_columns() c
    LEFT JOIN duckdb_tables() t ON t.database_oid = c.database_oid AND t.table_oid = c.table_oid
    WHERE c.database_name = current_database() AND c.schema_name = ? AND NOT starts_with(c.table_name, '_dlt_')
    ORDER BY c.table_name, c.column_index
"""
_KEYS = """
    SELECT table_name, constraint_column_names FROM duckdb_constraints()
    WHERE database_name = current_database() AND schema_name = ? AND constraint_type = 'PRIMARY KEY'
"""
_SCHEMAS = """
    SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database()
      AND schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY schema_name
"""


@contextmanager
def opened(path: Path) -> Iterator[Session]:
    """Open the file and one transaction, which shows one moment. Raises `SyncError`."""
    try:
        connection = duckdb.connect(str(path), read_only=True, config=dict(_LOCKED_UP))
    except duckdb.Error as error:
        raise failure(error) from None
    with connection:
        try:
            connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
            connection.begin()
            yield _Session(connection)
        except duckdb.Error as error:
            raise failure(error) from None


def failure(error: Exception) -> SyncError:
    """Turn what DuckDB raised into a `SyncError`; `detail` is its own words, without what it quotes of a statement."""
    said = " ".join(str(error).partition("\nLINE ")[0].split())[:500]
    if isinstance(error, (duckdb.CatalogException, duckdb.BinderException)):
        return SyncError("source_object_missing", said)
    if isinstance(error, duckdb.IOException) and "lock" in said.lower():
        return SyncError("provider_unavailable", "Another program has the file open for writing.")
    if isinstance(error, duckdb.PermissionException):
        return SyncError("insufficient_permissions", said)
    if isinstance(error, (duckdb.OutOfMemoryException, duckdb.InterruptException)):
        return SyncError("provider_error", said)
    if isinstance(error, (duckdb.DataError, duckdb.InvalidInputException, duckdb.SerializationException)):
        return SyncError("bad_record", said)
    return SyncError("provider_error", said)


class _Words(Dialect):
    """The words of DuckDB."""

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def table(self, shape: TableShape) -> str:
        return f"{self.quoted(shape.schema)}.{self.quoted(shape.name)}"

    def compared(self, column: ColumnShape) -> str:
        return self.quoted(column.name)

    def missing(self, column: ColumnShape) -> str:
        return f"{self.quoted(column.name)} IS NULL"

    def as_written(self, column: ColumnShape) -> str:
        return column.text.format(self.quoted(column.name))

    def bound(self, value: Value, column: ColumnShape) -> Sql:
        del column  # DuckDB knows the kinds of Python
        return Sql("?", (value,))

    def bound_text(self, value: str) -> Sql:
        return Sql("?", (value,))

    def counted(self, shape: TableShape, limit: int) -> Sql:
        return Sql(f"SELECT count(*) FROM (SELECT 1 FROM {self.table(shape)} LIMIT {limit})")  # noqa: S608 - quoted

    def position(self, text: str, searched: str) -> str:
        return f"instr({text}, {searched})"


class _Session(Session):
    """An open file."""

    dialect = _Words()
    errors: tuple[type[Exception], ...] = (duckdb.Error,)
    # Nobody knows in which zone times without one are.
    ahead = timedelta(hours=14)

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def failure(self, error: Exception) -> SyncError:
        return failure(error)

    def schemas(self) -> list[str]:
        return [str(row[0]) for row in self._connection.execute(_SCHEMAS).fetchall()]

    def shapes(self, schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
        keys = {row[0]: tuple(row[1]) for row in self._connection.execute(_KEYS, [schema]).fetchall()}
        columns: dict[str, list[ColumnShape]] = defaultdict(list)
        sizes: dict[str, Any] = {}
        for table, name, type_name, size in self._connection.execute(_COLUMNS, [schema]).fetchall():
            columns[table].append(types.column(name, type_name))
            sizes[table] = size
        return [
            TableShape(schema, name, keys.get(name, ()), tuple(columns[name]), sizes[name])
            for name in columns
            if names is None or name in names
        ]

    def value(self, statement: Sql) -> str | None:
        row = self._connection.execute(statement.text, list(statement.values)).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def settled(self, shape: TableShape, column: ColumnShape, since: str | None, highest: str) -> str | None:
        # Nobody writes while the file is read.
        del shape, column, since
        return highest

    def lines(self, reading: Reading) -> Iterator[bytes]:
        texts = ", ".join(column.text.format(self.dialect.quoted(column.name)) for column in reading.columns)
        only = where(reading.conditions)
        statement = f"SELECT {texts} FROM {self.dialect.table(reading.shape)}{only.text}"  # noqa: S608 - quoted
        result = self._connection.execute(statement, list(only.values))
        rows = (row for rows in iter(lambda: result.fetchmany(_FETCHED_ROWS), []) for row in rows)
        return lines_of(hidden_in(rows, reading))
