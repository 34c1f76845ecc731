"""An open connection to SQL Server that shows one moment, where the database allows snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings

from connectors.plan import Endpoint, SyncError
from connectors.providers.mssql import types
from connectors.providers.mssql.manifest import SSL_MODES
from connectors.providers.mssql.words import WORDS, text
from connectors.providers.sql import drivers, servers
from connectors.providers.sql.dialect import Reading, Session, Sql, where
from connectors.providers.sql.lines import hidden_in, lines_of
from connectors.providers.sql.shapes import ColumnShape, TableShape

DEFAULT_PORT = 1433
QUESTION_SECONDS = 15
_FETCHED_ROWS = 2_000
_NEEDED = ("host", "database", "schema", "user")
# Long texts are cut by default.
_PREPARED = "SET TEXTSIZE 2147483647; SET DATEFORMAT ymd; SET QUOTED_IDENTIFIER ON; SET ANSI_NULLS ON;"
_NO_SNAPSHOT = "the database allows no snapshots (ALLOW_SNAPSHOT_ISOLATION), so it is copied as it is while it is read."

_SCHEMAS = """
    SELECT s.name FROM sys.schemas s
    WHERE s.name NOT IN ('sys', 'INFORMATION_SCHEMA', 'guest') AND s.name NOT LIKE 'db[_]%'
      AND EXISTS (SELECT 1 FROM sys.objects o WHERE o.schema_id = s.schema_id AND o.type IN ('U', 'V')) ORDER BY s.name
"""
_COLUMNS = """
    SELECT o.name, c.name, TYPE_NAME(c.system_type_id), TYPE_NAME(c.user_type_id), c.max_length, c.precision, c.scale
    FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
    WHERE s.name = {schema} AND o.type IN ('U', 'V') AND LEFT(o.name, 5) <> '_dlt_' ORDER BY o.name, c.column_id
"""
_KEYS = """
    SELECT o.name, c.name FROM sys.indexes i
    JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
    JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
    JOIN sys.objects o ON o.object_id = i.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
    WHERE s.name = {schema} AND i.is_primary_key = 1 ORDER BY o.name, k.key_ordinal
"""
_ROWS = """
    SELECT o.name, SUM(p.rows) FROM sys.partitions p
    JOIN sys.objects o ON o.object_id = p.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
    WHERE s.name = {schema} AND p.index_id IN (0, 1) GROUP BY o.name
"""
_CODES = {
    207: "source_object_missing",
    208: "source_object_missing",
    229: "insufficient_permissions",
    230: "insufficient_permissions",
    916: "insufficient_permissions",
    1205: "provider_error",
    3952: "misconfigured",
    3960: "provider_error",
    4060: "misconfigured",
    18452: "invalid_credentials",
    18456: "invalid_credentials",
    18486: "account_locked",
    18488: "invalid_credentials",
    20002: "unreachable",
    20003: "connection_timeout",
    20004: "unreachable",
    20006: "unreachable",
    20009: "unreachable",
    20047: "unreachable",
}


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the port, without signing in. Raises `SyncError`."""
    return servers.reach(servers.address_of(endpoint, DEFAULT_PORT, _NEEDED))


@contextmanager
def opened(endpoint: Endpoint, *, is_snapshot: bool = False) -> Iterator[Session]:
    """Sign in: for questions that end in time, or one snapshot that takes as long as it needs. Raises `SyncError`."""
    driver = drivers.load("pymssql", "mssql", "SQL Server")
    address = servers.address_of(endpoint, DEFAULT_PORT, _NEEDED)
    encryption = servers.choice_of(endpoint, SSL_MODES, "require")
    connection = None
    try:
        connection = driver.connect(
            server=address.ip,
            port=str(address.port),
            user=str(endpoint.config["user"]),
            password=endpoint.secrets["password"],
            database=str(endpoint.config["database"]),
            login_timeout=settings.PATCHBAY_CONNECT_SECONDS,
            timeout=0 if is_snapshot else QUESTION_SECONDS,
            charset="UTF-8",
            appname="patchbay",
            conn_properties=_PREPARED,
            encryption=encryption,
            autocommit=True,
        )
        session = _Session(connection, driver)
        if is_snapshot:
            session.begin()
        yield session
    except driver.Error as error:
        raise failure(error) from None
    finally:
        if connection is not None:
            connection.close()


def failure(error: Exception) -> SyncError:
    """Turn what pymssql raised into a `SyncError`; `detail` is the server's own words."""
    told: Any = error.args[0] if error.args else 0
    number, words = told if isinstance(told, tuple) else (told, error.args[1] if len(error.args) > 1 else error)
    said = " ".join((words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)).split())[:500]
    return SyncError(_CODES.get(number, "unknown_error"), said)


class _Session(Session):
    """An open connection, signed in."""

    dialect = WORDS

    def __init__(self, connection: Any, driver: Any) -> None:
        self._connection = connection
        self._has_snapshots = True
        self.errors: tuple[type[Exception], ...] = (driver.Error, OSError)
        self.ahead = timedelta(minutes=int(self.value(Sql("SELECT DATEDIFF(minute, GETUTCDATE(), GETDATE())")) or 0))

    def begin(self) -> None:
        """Take the snapshot, where the database allows one."""
        allowed = "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
        self._has_snapshots = self.value(Sql(allowed)) == "1"
        if self._has_snapshots:
            with self._connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
                cursor.execute("BEGIN TRANSACTION")

    def failure(self, error: Exception) -> SyncError:
        return failure(error)

    def schemas(self) -> list[str]:
        return [str(row[0]) for row in self._rows(_SCHEMAS)]

    def shapes(self, schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
        keys, columns = defaultdict(list), defaultdict(list)
        for table, name in self._rows(_KEYS.format(schema=text(schema))):
            keys[table].append(name)
        sizes = dict(self._rows(_ROWS.format(schema=text(schema))))
        for table, name, base, own, *sized in self._rows(_COLUMNS.format(schema=text(schema))):
            columns[table].append(types.column(name, base or own, *sized))
        warning = "" if self._has_snapshots else _NO_SNAPSHOT
        return [
            TableShape(schema, name, tuple(keys[name]), tuple(columns[name]), sizes.get(name), warning)
            for name in columns
            if names is None or name in names
        ]

    def value(self, statement: Sql) -> str | None:
        rows = self._rows(statement.text)
        return None if not rows or rows[0][0] is None else str(rows[0][0])

    def settled(self, shape: TableShape, column: ColumnShape, since: str | None, highest: str) -> str | None:
        del shape, column, since
        return highest

    def lines(self, reading: Reading) -> Iterator[bytes]:
        texts = ", ".join(column.text.format(WORDS.quoted(column.name)) for column in reading.columns)
        source = f"{WORDS.table(reading.shape)}{where(reading.conditions).text}"
        cursor = self._connection.cursor()
        cursor.execute(f"SELECT {texts} FROM {source}")  # noqa: S608 - names are quoted, values are digits
        rows = (row for rows in iter(lambda: cursor.fetchmany(_FETCHED_ROWS), []) for row in rows)
        return lines_of(hidden_in(rows, reading))

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]
