"""What a page shows of tables in PostgreSQL, within seconds: a count that takes longer is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from connectors import postgres
from connectors.destinations import previews
from connectors.destinations.previews import LoadedTable, Preview
from connectors.failures import postgres_failure
from connectors.plan import Endpoint, SyncError

# Larger tables are not counted; the server's own estimate says enough.
_COUNTED_BELOW = 1_000_000
_COLUMNS: LiteralString = """
    SELECT c.relname::text, c.reltuples::bigint,
           array_agg(a.attname::text ORDER BY a.attnum),
           array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = %(dataset)s AND c.relkind IN ('r', 'p') AND left(c.relname::text, 5) <> '_dlt_'
      AND (%(table)s::text IS NULL OR c.relname = %(table)s)
    GROUP BY c.oid ORDER BY c.relname
"""


def list_loaded(endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
    """Return the tables in `dataset`, by name. Raises `SyncError`."""
    with _opened(endpoint) as connection:
        found = connection.execute(_COLUMNS, {"dataset": dataset, "table": None}).fetchall()
        return tuple(_table(connection, dataset, *row) for row in found)


def _table(
    connection: psycopg.Connection[TupleRow], dataset: str, name: str, guess: int, names: list[str], types: list[str]
) -> LoadedTable:
    columns = tuple(zip(names, types, strict=True))
    if guess >= _COUNTED_BELOW:
        return LoadedTable(name, guess, columns, is_exact=False)
    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(dataset, name))
    try:
        row = connection.execute(count).fetchone()
    except psycopg.errors.QueryCanceled:
        return LoadedTable(name, None, columns)
    return LoadedTable(name, int(row[0]) if row else None, columns)


def preview(endpoint: Endpoint, dataset: str, table: str, limit: int) -> Preview:
    """Return the first rows of a table as text. Raises `SyncError`."""
    with _opened(endpoint) as connection:
        found = connection.execute(_COLUMNS, {"dataset": dataset, "table": table}).fetchone()
        if found is None:
            raise SyncError("misconfigured", f"There is no table “{table}” in the schema “{dataset}”.")
        columns = list(zip(found[2], found[3], strict=True))
        cut, size = sql.SQL("left({}::text, {})"), sql.SQL("octet_length({})::text || ' bytes'")
        shown = [
            size.format(sql.Identifier(name))
            if previews.is_binary(kind)
            else cut.format(sql.Identifier(name), sql.Literal(previews.MOST_CHARACTERS + 1))
            for name, kind in columns[: previews.MOST_COLUMNS]
        ]
        select = sql.SQL("SELECT {} FROM {} LIMIT {}").format(
            sql.SQL(", ").join(shown), sql.Identifier(dataset, table), sql.Literal(min(limit, previews.MOST_ROWS))
        )
        return previews.made(columns, connection.execute(select).fetchall())


@contextmanager
def _opened(endpoint: Endpoint) -> Iterator[psycopg.Connection[TupleRow]]:
    try:
        with closing(postgres.connect(endpoint, "destination", seconds=previews.PREVIEW_SECONDS)) as connection:
            connection.execute(f"SET statement_timeout = '{previews.PREVIEW_SECONDS} s'")
            connection.execute("SET default_transaction_read_only = on")
            yield connection
    except psycopg.Error as error:
        raise postgres_failure(error, "destination") from None
