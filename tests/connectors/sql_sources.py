"""Real SQL sources for tests, all of one kind to handle: run statements there, read rows, make an endpoint of it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import duckdb

from connectors.plan import Endpoint
from tests.mariadb import MariaDb

READER, READER_PASSWORD = "shop_reader", "reader-password-4711"
DATABASE = "shop"


class SqlSource(Protocol):
    """A source whose tables a test makes."""

    endpoint: Endpoint
    entity: str
    # How the kind spells a time in UTC, to the microsecond.
    time_type: str

    def run(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, as the kind's own client reads them."""

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows of Python values."""


class MySqlSource:
    """A database of a running MariaDB, emptied, with a reader."""

    time_type = "timestamp(6) NULL"

    def __init__(self, server: MariaDb) -> None:
        self.server = server
        with server.connect() as admin, admin.cursor() as cursor:
            for statement in (
                f"DROP DATABASE IF EXISTS {DATABASE}",
                f"CREATE DATABASE {DATABASE}",
                f"CREATE OR REPLACE USER {READER} IDENTIFIED BY '{READER_PASSWORD}'",
                f"GRANT SELECT, SHOW VIEW ON {DATABASE}.* TO {READER}",
            ):
                cursor.execute(statement)
        self._connection = server.connect(DATABASE)
        self.run("SET time_zone = '+00:00', sql_mode = ''")
        self.entity = DATABASE
        self.endpoint = mysql_endpoint(server)

    def run(self, *statements: str) -> None:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)

    def close(self) -> None:
        self._connection.close()


class SqliteSource:
    """A SQLite file with a write-ahead log."""

    time_type = "DATETIME"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self.entity = path.name
        self.endpoint = Endpoint("sqlite", {"file": path.name})

    def run(self, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        kept = [[str(value) if isinstance(value, (Decimal, date)) else value for value in row] for row in rows]
        self._connection.execute("BEGIN")
        self._connection.executemany(f"INSERT INTO {table} VALUES ({', '.join(['?'] * len(rows[0]))})", kept)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class DuckDbSource:
    """A DuckDB file, which is closed after each use: a writer keeps readers out."""

    time_type = "TIMESTAMPTZ"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entity = "main"
        self.endpoint = Endpoint("duckdb_file", {"file": path.name, "schema": "main"})

    def run(self, *statements: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for statement in statements:
                connection.execute(statement)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(statement).fetchall()

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        # One statement: each execution of DuckDB takes milliseconds.
        line = f"({', '.join(['?'] * len(rows[0]))})"
        with duckdb.connect(str(self.path)) as connection:
            statement = f"INSERT INTO {table} VALUES {', '.join([line] * len(rows))}"
            connection.execute(statement, [value for row in rows for value in row])

    def close(self) -> None:
        """Nothing is open."""


def mysql_endpoint(server: MariaDb, **config: str) -> Endpoint:
    where = {"host": "127.0.0.1", "port": str(server.port), "database": DATABASE, "user": READER}
    return Endpoint("mysql", {**where, **config}, {"password": READER_PASSWORD})


def checksum(rows: Iterable[Sequence[Any]]) -> tuple[int, str]:
    """Return how many rows there are and a digest over all of them in any order, the same whatever client read them."""
    lines = sorted("\x1f".join(map(canonical, row)) for row in rows)
    return len(lines), hashlib.sha256("\x1e".join(lines).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return one text for equal values of any client."""
    if isinstance(value, (bool, float)) and float(value).is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    return repr(value)


def _moment(value: datetime) -> str:
    in_utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return in_utc.isoformat(sep=" ", timespec="microseconds")


_WRITTEN: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (datetime, _moment),
    ((date, time, UUID), str),
    (timedelta, lambda value: str(value.total_seconds())),
    ((bytes, memoryview), lambda value: bytes(value).hex()),
    ((list, dict), lambda value: json.dumps(value, sort_keys=True)),
)
