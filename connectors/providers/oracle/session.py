"""An open connection to Oracle; a transaction that only reads shows one moment there."""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from connectors import network
from connectors.plan import Endpoint, SyncError
from connectors.providers.oracle import types
from connectors.providers.oracle.manifest import SSL_MODES
from connectors.providers.sql import drivers, servers
from connectors.providers.sql.dialect import Dialect, Reading, Session, Sql, where
from connectors.providers.sql.lines import hidden_in, lines_of
from connectors.providers.sql.shapes import UTC_TIME, ColumnShape, TableShape
from connectors.providers.sql.values import Value

DEFAULT_PORT = 1521
QUESTION_SECONDS = 15
_FETCHED_ROWS = 2_000
# As far as a text that is no large object goes.
_LONGEST_TEXT = 4_000
_NEEDED = ("host", "service", "schema", "user")
_PREPARED = (
    "ALTER SESSION SET TIME_ZONE = '+00:00'",
    "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,'",
    "ALTER SESSION SET NLS_COMP = BINARY",
    "ALTER SESSION SET NLS_SORT = BINARY",
)
_SCHEMAS = "SELECT username FROM all_users WHERE oracle_maintained = 'N' ORDER BY username"
_COLUMNS = """
    SELECT table_name, column_name, data_type, data_length, data_precision, data_scale FROM all_tab_columns
    WHERE owner = :v AND table_name NOT LIKE 'BIN$%' AND SUBSTR(table_name, 1, 5) <> '_dlt_'
    ORDER BY table_name, column_id
"""
_KEYS = """
    SELECT k.table_name, k.column_name FROM all_constraints c
    JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name
    WHERE c.owner = :v AND c.constraint_type = 'P' ORDER BY k.table_name, k.position
"""
_ROWS = "SELECT table_name, num_rows FROM all_tables WHERE owner = :v"
_CODES = {
    "ORA-00904": "source_object_missing",
    "ORA-00942": "source_object_missing",
    "ORA-01013": "connection_timeout",
    "ORA-01017": "invalid_credentials",
    "ORA-01031": "insufficient_permissions",
    "ORA-01045": "insufficient_permissions",
    "ORA-01555": "provider_error",
    "ORA-12505": "misconfigured",
    "ORA-12514": "misconfigured",
    "ORA-28000": "account_locked",
    "ORA-28001": "invalid_credentials",
    "DPY-4011": "unreachable",
    "DPY-4024": "connection_timeout",
    "DPY-6000": "unreachable",
    "DPY-6001": "misconfigured",
    "DPY-6003": "misconfigured",
    "DPY-6005": "unreachable",
}


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the port, without signing in. Raises `SyncError`."""
    return servers.reach(servers.address_of(endpoint, DEFAULT_PORT, _NEEDED))


@contextmanager
def opened(endpoint: Endpoint, *, is_snapshot: bool = False) -> Iterator[Session]:
    """Sign in: for questions that end in time, or one snapshot that takes as long as it needs. Raises `SyncError`."""
    driver = drivers.load("oracledb", "oracle", "Oracle")
    address = servers.address_of(endpoint, DEFAULT_PORT, _NEEDED)
    sslmode = servers.choice_of(endpoint, SSL_MODES, "disable")
    connection = None
    try:
        connection = _connected(driver, endpoint, address, sslmode)
        if not is_snapshot:
            connection.call_timeout = QUESTION_SECONDS * 1_000
        session = _Session(connection, driver)
        session.begin()
        yield session
    except driver.Error as error:
        raise failure(error) from None
    finally:
        if connection is not None:
            connection.close()


def _connected(driver: Any, endpoint: Endpoint, address: network.Address, sslmode: str) -> Any:
    # Large texts and bytes come as values, not as places to read them from.
    driver.defaults.fetch_lobs = False
    encrypted: dict[str, Any] = {}
    if sslmode != "disable":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if sslmode == "verify-ca" else ssl.CERT_NONE
        encrypted = {"protocol": "tcps", "ssl_context": context, "ssl_server_dn_match": False}
    return driver.connect(
        user=str(endpoint.config["user"]),
        password=endpoint.secrets["password"],
        host=address.ip,
        port=address.port,
        service_name=str(endpoint.config["service"]),
        tcp_connect_timeout=float(settings.PATCHBAY_CONNECT_SECONDS),
        retry_count=0,
        expire_time=1,
        program="patchbay",
        **encrypted,
    )


def failure(error: Exception) -> SyncError:
    """Turn what oracledb raised into a `SyncError`; `detail` is the server's own words."""
    told: Any = error.args[0] if error.args else error
    said = " ".join(str(getattr(told, "message", told)).split())[:500]
    return SyncError(_CODES.get(str(getattr(told, "full_code", "")), "unknown_error"), said)


class _Words(Dialect):
    """The words of Oracle. Placeholders of one name are filled one after the other."""

    def quoted(self, name: str) -> str:
        if '"' in name:
            raise SyncError("misconfigured", f"Oracle knows no name with a quote: {name}")
        return f'"{name}"'

    def table(self, shape: TableShape) -> str:
        return f"{self.quoted(shape.schema)}.{self.quoted(shape.name)}"

    def compared(self, column: ColumnShape) -> str:
        return self.quoted(column.name)

    def missing(self, column: ColumnShape) -> str:
        return f"{self.quoted(column.name)} IS NULL"

    def as_written(self, column: ColumnShape) -> str:
        text = column.text.format(self.quoted(column.name))
        return f"DBMS_LOB.SUBSTR({text}, {_LONGEST_TEXT}, 1)" if "LOB" in column.type_name else text

    def bound_text(self, value: str) -> Sql:
        return Sql(":v", (value,))

    def bound(self, value: Value, column: ColumnShape) -> Sql:
        if isinstance(value, (datetime, date)):
            moment = value if isinstance(value, datetime) else datetime.combine(value, time())
            text = "TO_TIMESTAMP(:v, 'YYYY-MM-DD HH24:MI:SS.FF6')"
            written = moment.isoformat(sep=" ", timespec="microseconds")
            return Sql(f"FROM_TZ({text}, 'UTC')" if column.postgres_type == UTC_TIME else text, (written,))
        return Sql(":v", (str(value) if isinstance(value, time) else value,))

    def counted(self, shape: TableShape, limit: int) -> Sql:
        return Sql(f"SELECT COUNT(*) FROM {self.table(shape)} WHERE ROWNUM <= {limit}")  # noqa: S608 - quoted

    def position(self, text: str, searched: str) -> str:
        return f"INSTR({text}, {searched})"


class _Session(Session):
    """An open connection, signed in."""

    dialect = _Words()
    # Nobody knows in which zone times without one are.
    ahead = timedelta(hours=14)

    def __init__(self, connection: Any, driver: Any) -> None:
        self._connection = connection
        self.errors: tuple[type[Exception], ...] = (driver.Error, OSError)

    def begin(self) -> None:
        """Make a session whose texts mean the same everywhere, and take the snapshot."""
        with self._connection.cursor() as cursor:
            for statement in (*_PREPARED, "SET TRANSACTION READ ONLY"):
                cursor.execute(statement)

    def failure(self, error: Exception) -> SyncError:
        return failure(error)

    def schemas(self) -> list[str]:
        return [str(row[0]) for row in self._rows(_SCHEMAS)]

    def shapes(self, schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
        keys, columns = defaultdict(list), defaultdict(list)
        for table, name in self._rows(_KEYS, (schema,)):
            keys[table].append(name)
        for table, name, *told in self._rows(_COLUMNS, (schema,)):
            columns[table].append(types.column(name, *told))
        sizes = dict(self._rows(_ROWS, (schema,)))
        return [
            TableShape(schema, name, tuple(keys[name]), tuple(columns[name]), sizes.get(name))
            for name in columns
            if names is None or name in names
        ]

    def value(self, statement: Sql) -> str | None:
        rows = self._rows(statement.text, statement.values)
        return None if not rows or rows[0][0] is None else str(rows[0][0])

    def settled(self, shape: TableShape, column: ColumnShape, since: str | None, highest: str) -> str | None:
        del shape, column, since
        return highest

    def lines(self, reading: Reading) -> Iterator[bytes]:
        words = self.dialect
        texts = ", ".join(column.text.format(words.quoted(column.name)) for column in reading.columns)
        only = where(reading.conditions)
        cursor = self._connection.cursor()
        cursor.arraysize = _FETCHED_ROWS
        statement = f"SELECT {texts} FROM {words.table(reading.shape)}{only.text}"  # noqa: S608 - quoted
        cursor.execute(statement, list(only.values))
        return lines_of(hidden_in(_texts(cursor), reading))

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, list(values))
            return [tuple(row) for row in cursor.fetchall()]


def _texts(rows: Iterable[Sequence[Any]]) -> Iterator[list[str | None]]:
    """Give rows whose bytes are written as digits."""
    for row in rows:
        yield [f"\\x{value.hex()}" if isinstance(value, bytes) else value for value in row]
