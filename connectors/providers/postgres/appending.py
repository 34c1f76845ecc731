"""Up to which cursor value a table that is appended to may be read now, so that no row is left out for good.

What was passed once is never read again, so nothing may still come below it:

- A time is mostly that at which its transaction began. Times of the last minutes wait for the next run (`LAG`), and so
  do dates of the day in which those minutes lie. A transaction that takes longer than `LAG` loses its rows.
- A number of a sequence is drawn when its row is written, and shows when the transaction ends: a lower one may come
  after a higher one. So first the highest number is read, then everybody who is writing into the table is waited for,
  and only then the snapshot is taken: it holds all rows up to that number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from connectors.providers.feed import DataType
from connectors.providers.postgres.catalog import TableShape

LAG = "10 minutes"
TIMES: frozenset[DataType] = frozenset({"timestamp", "date"})
# Who writes for longer than this holds up what is new in the table until the next run.
PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.2

_WRITERS = """
    SELECT array_agg(DISTINCT virtualtransaction) FROM pg_locks
    WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)) UNION SELECT to_regclass(%(table)s))
      AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      AND pid <> pg_backend_pid()
"""


def due(cursor: sql.Identifier, data_type: DataType) -> sql.Composable:
    """Return the condition for rows that nothing can come below any more, as far as times can say; TRUE for others."""
    if data_type == "date":
        return sql.SQL("{} < (now() - {}::interval)::date").format(cursor, sql.Literal(LAG))
    if data_type == "timestamp":
        return sql.SQL("{} <= now() - {}::interval").format(cursor, sql.Literal(LAG))
    return sql.SQL("true")


def settled(
    connection: psycopg.Connection[Any], shape: TableShape, cursor: str, check: Callable[[], None]
) -> tuple[str | None, bool]:
    """Return the highest cursor value that is there, once everybody who wrote then is done, and whether they were.

    Call it before the snapshot is taken. `check` is called while waiting, and may raise.
    """
    name = sql.Identifier(shape.schema, shape.name)
    row = connection.execute(sql.SQL("SELECT max({})::text FROM {}").format(sql.Identifier(cursor), name)).fetchone()
    highest = None if row is None or row[0] is None else str(row[0])
    until = time.monotonic() + PATIENCE_SECONDS
    waited_for = _writers(connection, name)
    while waited_for:
        if time.monotonic() > until:
            return highest, False
        check()
        time.sleep(_LOOK_SECONDS)
        waited_for &= _writers(connection, name)
    return highest, True


def _writers(connection: psycopg.Connection[Any], name: sql.Identifier) -> set[str]:
    row = connection.execute(_WRITERS, {"table": name.as_string()}).fetchone()
    return set(row[0] or ()) if row else set()
