"""PostgreSQL as a destination."""

from __future__ import annotations

from contextlib import closing

import psycopg
from psycopg import sql

from connectors import postgres
from connectors.destinations import bookkeeping
from connectors.failures import postgres_failure
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

MANIFEST = DestinationManifest(
    kind="postgres",
    name="PostgreSQL",
    tile="Pg",
    tile_hue=1,
    fields=(
        Field("host", "Host", "Name or address of the server, without “postgres://”."),
        Field("port", "Port", type="number", default="5432"),
        Field("database", "Database", "Each connection gets a schema of its own in it."),
        Field("user", "User", "Needs the right to create schemas in this database."),
        Field("password", "Password", type="password", is_secret=True),
        Field("sslmode", "Encryption", type="choice", default="prefer", choices=postgres.SSL_MODES),
    ),
)
ARRAYS_AS_JSON = False


def check(endpoint: Endpoint) -> None:
    """Sign in and look whether schemas may be created. Raises `SyncError`."""
    with closing(postgres.connect(endpoint, "destination")) as connection:
        try:
            row = connection.execute(
                "SELECT has_database_privilege(current_database(), 'CREATE'), "
                "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"
            ).fetchone()
        except psycopg.Error as error:
            raise postgres_failure(error, "destination") from None
    may_create, is_read_only = row or (False, False)
    if is_read_only:
        raise SyncError("destination_permission_denied", "The database is read-only.")
    if not may_create:
        raise SyncError("destination_permission_denied", "The user may not create schemas in this database.")


def count_rows(endpoint: Endpoint, dataset: str, tables: tuple[str, ...]) -> dict[str, int | None]:
    """Return the rows of each table in `dataset`; None for a table that is not there. Raises `SyncError`."""
    with closing(postgres.connect(endpoint, "destination")) as connection:
        try:
            return {table: _count(connection, dataset, table) for table in tables}
        except psycopg.Error as error:
            raise postgres_failure(error, "destination") from None


def forget_old_loads(endpoint: Endpoint, dataset: str, pipeline: str) -> None:
    """Remove dlt's records of old loads of `pipeline` beyond the newest. Raises `SyncError`."""
    prefix = sql.Identifier(dataset).as_string() + "."
    with closing(postgres.connect(endpoint, "destination")) as connection:
        try:
            for statement in bookkeeping.statements(prefix, "%s"):
                connection.execute(statement.encode(), (pipeline, pipeline))
        except psycopg.errors.UndefinedTable:
            return  # no state was ever stored
        except psycopg.Error as error:
            raise postgres_failure(error, "destination") from None


def _count(connection: psycopg.Connection[tuple[object, ...]], dataset: str, table: str) -> int | None:
    try:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(dataset, table))).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return int(str(row[0])) if row else None
