"""Quick questions to a PostgreSQL source: may we in, what is there. Used by forms, tests of a connection, discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg
from psycopg import sql

from connectors import postgres
from connectors.failures import postgres_failure
from connectors.plan import Endpoint, FoundEntity, FoundTable, RowFilter, SyncError
from connectors.providers.postgres import catalog, conditions
from connectors.providers.several import named_in

DEFAULT_SCHEMA = "public"
# A question on the web side must come back while a person waits.
QUESTION_TIMEOUT_MS = 15_000
# So many rows of a table are looked at to say how many a filter keeps.
LOOKED_AT = 100_000
_USABLE = """
    SELECT nspname FROM pg_namespace
    WHERE has_schema_privilege(oid, 'USAGE') AND nspname <> 'information_schema' AND left(nspname, 3) <> 'pg_'
    ORDER BY nspname
"""
# Column rights count too: a user who may read some columns only may read the table, as far as they go.
_READABLE = """
    SELECT wanted.name, c.oid IS NOT NULL, coalesce(has_any_column_privilege(c.oid, 'SELECT'), false)
    FROM unnest(%s::text[], %s::text[]) AS wanted (schema, name)
    LEFT JOIN pg_namespace n ON n.nspname = wanted.schema
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY wanted.name
"""


def schema_of(endpoint: Endpoint) -> str:
    """Return the schema whose tables are synced; of several the first one."""
    return next(iter(named_in(_setting(endpoint.config))), DEFAULT_SCHEMA)


def _setting(config: Mapping[str, Any]) -> str:
    return str(config.get("schema") or DEFAULT_SCHEMA)


def _schemas(connection: psycopg.Connection[Any], endpoint: Endpoint) -> list[str]:
    """Return the schemas that the settings name; where they name all, those that may be used. Raises `SyncError`."""
    if named := named_in(_setting(endpoint.config)):
        for schema in named:
            check_schema(connection, schema)
        return list(named)
    try:
        found = [str(row[0]) for row in connection.execute(_USABLE).fetchall()]
    except psycopg.Error as error:
        raise postgres_failure(error, "source") from None
    if not found:
        raise SyncError("insufficient_permissions", "The user may use no schema.")
    return found


def reach(endpoint: Endpoint) -> str:
    """Look whether a server answers, without signing in, and return what was found. Raises `SyncError`."""
    return postgres.reach(endpoint, "source")


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Sign in and look whether each schema exists and may be used. Raises `SyncError`. The entity is the schema."""
    with closing(_ask(endpoint)) as connection:
        if entity_ref:
            check_schema(connection, entity_ref)
        else:
            _schemas(connection, endpoint)


def check_schema(connection: psycopg.Connection[Any], schema: str) -> None:
    """Look whether the schema exists and may be used, over an open connection. Raises `SyncError`."""
    try:
        row = connection.execute(
            "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s", (schema,)
        ).fetchone()
    except psycopg.Error as error:
        raise postgres_failure(error, "source") from None
    if row is None:
        raise SyncError("misconfigured", f"The database has no schema “{schema}”.")
    if not row[0]:
        raise SyncError("insufficient_permissions", f"The user may not use the schema “{schema}”.")


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether every one of `tables`, (schema, name), is there and may be read. Raises `SyncError`."""
    wanted = [(schema or entity_ref or schema_of(endpoint), name) for schema, name in tables]
    with closing(_ask(endpoint)) as connection:
        try:
            rows = connection.execute(_READABLE, ([one[0] for one in wanted], [one[1] for one in wanted])).fetchall()
        except psycopg.Error as error:
            raise postgres_failure(error, "source") from None
    if missing := [name for name, is_there, _ in rows if not is_there]:
        raise SyncError("source_object_missing", f"Not found at the source: {', '.join(missing)}.")
    if closed := [name for name, _, is_open in rows if not is_open]:
        raise SyncError("insufficient_permissions", f"The user may not read: {', '.join(closed)}.")


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return the statements that let the user of `config` read `tables`, and nothing but read."""
    user = sql.Identifier(str(config.get("user")))
    default = next(iter(named_in(_setting(config))), DEFAULT_SCHEMA)
    wanted = sorted((schema or default, name) for schema, name in tables)
    statements = [
        sql.SQL("GRANT USAGE ON SCHEMA {}\n  TO {};").format(sql.Identifier(schema), user)
        for schema in sorted({schema for schema, _ in wanted} or {default})
    ]
    if wanted:
        names = sql.SQL(",\n  ").join(sql.Identifier(*one) for one in wanted)
        statements.append(sql.SQL("GRANT SELECT ON {}\n  TO {};").format(names, user))
    return "\n".join(statement.as_string() for statement in statements)


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the entities of a database connection: its schemas. Raises `SyncError` when the sign-in fails."""
    with closing(_ask(endpoint)) as connection:
        schemas = _schemas(connection, endpoint)
    return [FoundEntity(ref=schema, name=f"{endpoint.config['database']} · {schema}") for schema in schemas]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables and views of the schema `entity_ref` with keys, columns, types and row estimates."""
    schema = entity_ref or schema_of(endpoint)
    with closing(_ask(endpoint)) as connection:
        try:
            return [_found(connection, schema, shape) for shape in catalog.shapes(connection, schema)]
        except psycopg.Error as error:
            raise postgres_failure(error, "source") from None


def count_kept(
    endpoint: Endpoint, entity_ref: str, table: tuple[str, str], filters: Sequence[RowFilter]
) -> tuple[int, int]:
    """Return how many rows of a table were looked at, and how many of them meet all filters. Raises `SyncError`."""
    schema, name = table[0] or entity_ref or schema_of(endpoint), table[1]
    with closing(_ask(endpoint)) as connection:
        try:
            shapes = catalog.shapes(connection, schema, [name])
            if not shapes:
                raise SyncError("source_object_missing", f"Not found at the source: {name}.")
            conditions.check(connection, filters, shapes[0].columns)
            kept = sql.SQL(" AND ").join(conditions.where(filters, shapes[0].columns) or [sql.SQL("true")])
            looked_at = sql.SQL("SELECT * FROM {} LIMIT {}").format(sql.Identifier(schema, name), LOOKED_AT)
            counted = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}) FROM ({}) AS looked_at").format(
                kept, looked_at
            )
            row = connection.execute(counted).fetchone()
        except psycopg.Error as error:
            raise postgres_failure(error, "source") from None
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _ask(endpoint: Endpoint) -> psycopg.Connection[Any]:
    connection = postgres.connect(endpoint, "source")
    connection.execute(f"SET statement_timeout = {QUESTION_TIMEOUT_MS}")
    return connection


def _found(connection: psycopg.Connection[Any], schema: str, shape: catalog.TableShape) -> FoundTable:
    return FoundTable(
        name=shape.name,
        source_schema=schema,
        keys=shape.keys,
        columns=shape.type_names,
        cursor=catalog.cursor_of(shape),
        mode="replace",
        estimated_rows=_row_count(connection, schema, shape),
    )


def _row_count(connection: psycopg.Connection[Any], schema: str, shape: catalog.TableShape) -> int | None:
    """Count a table that is not known to be large; fall back to the estimate where counting is not allowed or slow."""
    if shape.estimated_rows is not None and shape.estimated_rows >= catalog.COUNTED_BELOW:
        return shape.estimated_rows
    bounded = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {}) AS counted").format(
        sql.Identifier(schema, shape.name), catalog.COUNTED_BELOW
    )
    try:
        row = connection.execute(bounded).fetchone()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
        return shape.estimated_rows
    counted = int(row[0]) if row else 0
    return None if counted == catalog.COUNTED_BELOW and shape.estimated_rows is None else counted
