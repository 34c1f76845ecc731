"""A SQLite file that is open for reading, and how its rows become lines of text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal

from connectors.plan import Endpoint, SyncError
from connectors.providers.sql.dialect import Dialect, Reading, Session, Sql, where
from connectors.providers.sql.lines import hidden_in, lines_of
from connectors.providers.sql.shapes import ColumnShape, TableShape
from connectors.providers.sql.values import Value
from connectors.providers.sqlite import link, types
from connectors.providers.sqlite.manifest import TEXT

_LONGEST_INT = 2**63
_TABLES = """
    SELECT name FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      AND substr(name, 1, 5) <> '_dlt_' ORDER BY name
"""
# Hidden columns of virtual tables are no data; generated ones are.
_COLUMNS = "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid"


@contextmanager
def opened(endpoint: Endpoint, *, seconds: float | None = link.QUESTION_SECONDS) -> Iterator[Session]:
    """Open the file and one transaction, which shows one moment; None for no limit in time. Raises `SyncError`."""
    path = link.path_of(endpoint)
    try:
        connection = link.connect(path, seconds=seconds)
    except sqlite3.Error as error:
        raise link.failure(error) from None
    try:
        connection.create_function("patchbay_moment", 1, types.moment, deterministic=True)
        # The first read begins the transaction.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema")
        yield _Session(connection, path.name, is_text=endpoint.config.get("types") == TEXT)
    except sqlite3.Error as error:
        raise link.failure(error) from None
    finally:
        connection.close()


class _Words(Dialect):
    """The words of SQLite. It has no times: they are texts, and compared in one form."""

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def table(self, shape: TableShape) -> str:
        return f"main.{self.quoted(shape.name)}"

    def compared(self, column: ColumnShape) -> str:
        name = self.quoted(column.name)
        return f"patchbay_moment({name})" if column.data_type == "timestamp" else name

    def missing(self, column: ColumnShape) -> str:
        return f"{self.quoted(column.name)} IS NULL"

    def as_written(self, column: ColumnShape) -> str:
        name = self.quoted(column.name)
        if column.data_type == "binary":
            return f"('\\x' || lower(hex({name})))"
        return f"CAST({name} AS TEXT) COLLATE BINARY"

    def bound(self, value: Value, column: ColumnShape) -> Sql:
        del column  # values are of few kinds here
        if isinstance(value, datetime):
            return Sql("?", (value.isoformat(sep=" ", timespec="microseconds"),))
        if isinstance(value, Decimal):
            return Sql("?", (int(value) if value == value.to_integral_value() and _is_kept(value) else float(value),))
        if isinstance(value, int) and not _is_kept(value):
            return Sql("?", (float(value),))
        return Sql("?", (value.isoformat() if isinstance(value, date) else value,))

    def bound_text(self, value: str) -> Sql:
        return Sql("?", (value,))

    def counted(self, shape: TableShape, limit: int) -> Sql:
        return Sql(f"SELECT COUNT(*) FROM (SELECT 1 FROM {self.table(shape)} LIMIT {limit})")  # noqa: S608 - quoted

    def position(self, text: str, searched: str) -> str:
        return f"instr({text}, {searched})"


def _is_kept(value: int | Decimal) -> bool:
    """Whether SQLite keeps a whole number as one."""
    return -_LONGEST_INT <= value < _LONGEST_INT


class _Session(Session):
    """An open file. Its one schema is its name."""

    dialect = _Words()
    errors: tuple[type[Exception], ...] = (sqlite3.Error, OSError)
    # Nobody knows in which zone times without one are.
    ahead = timedelta(hours=14)

    def __init__(self, connection: sqlite3.Connection, name: str, *, is_text: bool) -> None:
        self._connection = connection
        self._name = name
        self._is_text = is_text

    def failure(self, error: Exception) -> SyncError:
        return link.failure(error)

    def schemas(self) -> list[str]:
        return [self._name]

    def shapes(self, schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
        there = [str(row[0]) for row in self._connection.execute(_TABLES)]
        found = [self._shape(schema, name) for name in there if names is None or name in names]
        return [shape for shape in found if shape is not None]

    def _shape(self, schema: str, name: str) -> TableShape | None:
        """Describe a table; None for a view that cannot be read any more."""
        try:
            rows = self._connection.execute(_COLUMNS, (name,)).fetchall()
        except sqlite3.OperationalError:
            return None
        columns = tuple(types.column(row[0], row[1] or "", is_text=self._is_text) for row in rows)
        keys = tuple(row[0] for row in sorted(rows, key=lambda row: row[2]) if row[2])
        return TableShape(schema, name, keys, columns) if columns else None

    def value(self, statement: Sql) -> str | None:
        row = self._connection.execute(statement.text, statement.values).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def settled(self, shape: TableShape, column: ColumnShape, since: str | None, highest: str) -> str | None:
        # One writer at a time: what has a lower number is there already.
        del shape, column, since
        return highest

    def lines(self, reading: Reading) -> Iterator[bytes]:
        names = ", ".join(self.dialect.quoted(column.name) for column in reading.columns)
        only = where(reading.conditions)
        statement = f"SELECT {names} FROM {self.dialect.table(reading.shape)}{only.text}"  # noqa: S608 - quoted
        writers = [types.writer(reading.shape.name, column, is_text=self._is_text) for column in reading.columns]
        rows = (
            [None if value is None else write(value) for write, value in zip(writers, row, strict=True)]
            for row in self._connection.execute(statement, only.values)
        )
        return lines_of(hidden_in(rows, reading))
