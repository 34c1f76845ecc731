"""PostgreSQL as a destination."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from connectors import postgres
from connectors.destinations import bookkeeping
from connectors.destinations.bookkeeping import APPENDS, Mark, Standing, sorted_by_maker
from connectors.destinations.postgres_previews import list_loaded, preview
from connectors.failures import postgres_failure
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

__all__ = ("ARRAYS_AS_JSON", "MANIFEST", "list_loaded", "preview")

MANIFEST = DestinationManifest(
    kind="postgres",
    name="PostgreSQL",
    tile="Pg",
    tile_hue=1,
    summary="A database; many loads at a time write to it.",
    fields=(
        Field("host", "Host", "Name or address of the server, without “postgres://”.", type="host"),
        Field("port", "Port", type="number", default="5432", minimum=1, maximum=65_535),
        Field("database", "Database", "Each connection gets a schema of its own in it."),
        Field("user", "User", "Needs the right to create schemas in this database."),
        Field("password", "Password", type="password", is_secret=True),
        Field("sslmode", "Encryption", type="choice", default="prefer", choices=postgres.SSL_MODES),
    ),
)
ARRAYS_AS_JSON = False

_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind IN ('r', 'p')
"""
_WHICH_TABLES = _TABLES + " AND c.relname = ANY(%s)"
_NEWEST_SCHEMA = "SELECT schema FROM {} WHERE schema_name = %s ORDER BY inserted_at DESC LIMIT 1"


# A person waits for the answer.
PROBE_SECONDS = 5


def place_of(config: Mapping[str, Any]) -> str:
    """Return server and database."""
    return f"{config.get('host', '')}:{config.get('port', postgres.DEFAULT_PORT)}/{config.get('database', '')}"


def probe(endpoint: Endpoint) -> Generator[str]:
    """Say what answers, sign in, and look whether schemas may be created. Raises `SyncError`."""
    yield postgres.reach(endpoint, "destination", seconds=PROBE_SECONDS)
    with closing(postgres.connect(endpoint, "destination", seconds=PROBE_SECONDS)) as connection:
        connection.execute(f"SET statement_timeout = '{PROBE_SECONDS} s'")
        yield f"Signed in as {connection.info.user}"
        _check(connection)
        yield f"May create schemas and tables in the database {connection.info.dbname}"


def check(endpoint: Endpoint) -> None:
    """Sign in and look whether schemas may be created. Raises `SyncError`."""
    with closing(postgres.connect(endpoint, "destination")) as connection:
        _check(connection)


def _check(connection: psycopg.Connection[TupleRow]) -> None:
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


def look(endpoint: Endpoint, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
    """Check, tell what stands of `tables` in `dataset`, and forget old loads of `pipeline`. Raises `SyncError`."""
    with closing(postgres.connect(endpoint, "destination")) as connection:
        _check(connection)
        try:
            found = connection.execute(_WHICH_TABLES, (dataset, [*tables, *bookkeeping.ALL_RECORDS])).fetchall()
            there = [str(row[0]) for row in found]
            filled = _filled(connection, dataset, [name for name in tables if name in there])
            if bookkeeping.VERSIONS not in there:
                return sorted_by_maker(filled, None)
            if set(bookkeeping.RECORDS) <= set(there):
                _forget_old_loads(connection, dataset, pipeline)
            newest = sql.SQL(_NEWEST_SCHEMA).format(sql.Identifier(dataset, bookkeeping.VERSIONS))
            row = connection.execute(newest, (pipeline,)).fetchone()
            marks = _marks(connection, dataset, pipeline) if APPENDS in there else {}
        except psycopg.Error as error:
            raise postgres_failure(error, "destination") from None
    return sorted_by_maker(filled, str(row[0]) if row else None, marks)


def marks(endpoint: Endpoint, dataset: str, pipeline: str) -> Mapping[str, Mark]:
    """Return which run last appended to each table. Raises `SyncError`."""
    with closing(postgres.connect(endpoint, "destination")) as connection:
        try:
            return _marks(connection, dataset, pipeline)
        except psycopg.Error as error:
            raise postgres_failure(error, "destination") from None


def _marks(connection: psycopg.Connection[TupleRow], dataset: str, pipeline: str) -> dict[str, Mark]:
    ledger = sql.Identifier(dataset, APPENDS).as_string()
    return bookkeeping.marks_of(connection.execute(bookkeeping.marks_query(ledger, "%s").encode(), (pipeline,)))


def _filled(connection: psycopg.Connection[TupleRow], dataset: str, tables: Sequence[str]) -> list[str]:
    """Return those of the tables that hold a row."""
    if not tables:
        return []
    looks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(name, sql.Identifier(dataset, name))
        for name in tables
    ]
    return [str(row[0]) for row in connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall()]


def _forget_old_loads(connection: psycopg.Connection[TupleRow], dataset: str, pipeline: str) -> None:
    count = sql.SQL("SELECT count(*) FROM {} WHERE schema_name = %s").format(sql.Identifier(dataset, bookkeeping.LOADS))
    row = connection.execute(count, (pipeline,)).fetchone()
    if row is None or row[0] <= bookkeeping.KEPT_LOADS + bookkeeping.SPARE_LOADS:
        return
    prefix = sql.Identifier(dataset).as_string() + "."
    for statement in bookkeeping.statements(prefix, "%s"):
        connection.execute(statement.encode(), (pipeline, pipeline))


def drop_loaded(endpoint: Endpoint, dataset: str, pipeline: str) -> tuple[str, ...]:
    """Drop what `pipeline` made in `dataset`, in one transaction, and return the tables' names. Raises `SyncError`."""
    with closing(postgres.connect(endpoint, "destination")) as connection:
        try:
            with connection.transaction():
                dropped = _drop(connection, dataset, pipeline)
        except psycopg.errors.DependentObjectsStillExist as error:
            told = f"{error.diag.message_primary} ({error.diag.message_detail}). Drop that first; nothing was removed."
            raise SyncError("misconfigured", told) from None
        except psycopg.Error as error:
            raise postgres_failure(error, "destination") from None
    return dropped


def _drop(connection: psycopg.Connection[TupleRow], dataset: str, pipeline: str) -> tuple[str, ...]:
    there = {str(row[0]) for row in connection.execute(_TABLES, (dataset,))}
    if bookkeeping.VERSIONS not in there:
        return ()
    read = sql.SQL("SELECT schema FROM {} WHERE schema_name = %s").format(sql.Identifier(dataset, bookkeeping.VERSIONS))
    ours = bookkeeping.tables_of(str(row[0]) for row in connection.execute(read, (pipeline,)))
    dropped = tuple(sorted(ours & there))
    for table in dropped:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(dataset, table)))
    for table, column in bookkeeping.ALL_RECORDS.items():
        if table in there:
            _forget(connection, sql.Identifier(dataset, table), column, pipeline)
    staging = sql.Identifier(bookkeeping.staging_of(pipeline))
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(staging))
    _drop_if_empty(connection, dataset)
    return dropped


def _forget(connection: psycopg.Connection[TupleRow], table: sql.Identifier, column: str, pipeline: str) -> None:
    """Remove a pipeline's rows from one of dlt's tables, and the table where nobody else has rows in it."""
    delete = sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, sql.Identifier(column))
    connection.execute(delete, (pipeline,))
    if connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone() is None:
        connection.execute(sql.SQL("DROP TABLE {}").format(table))


def _drop_if_empty(connection: psycopg.Connection[TupleRow], dataset: str) -> None:
    """Drop the schema if nothing is left in it and it is ours."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} RESTRICT").format(sql.Identifier(dataset)))
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege):
        return  # others have something in it, or made it


def _count(connection: psycopg.Connection[tuple[object, ...]], dataset: str, table: str) -> int | None:
    try:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(dataset, table))).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return int(str(row[0])) if row else None
