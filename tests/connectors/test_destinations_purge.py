"""A purge removes what one entity's syncs made at the destination, and nothing that others have there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg import sql

from connectors.destinations import duckdb as duckdb_files
from connectors.destinations import postgres as warehouse_files
from connectors.plan import SyncError
from tests.connectors.recorder import Route, table

MERGED = table("orders", "id", mode="merge", cursor="updated_at")
CUSTOMERS = table("customers", "id")

_THERE = "SELECT table_schema::text, table_name::text FROM information_schema.tables WHERE table_schema IN (%s, %s)"


def tables_there(connection: psycopg.Connection[Any], route: Route) -> set[str]:
    rows = connection.execute(_THERE, (route.dataset, f"{pipeline_of(route)}_staging")).fetchall()
    return {f"{schema.removeprefix(route.dataset)}.{name}" for schema, name in rows}


def pipeline_of(route: Route) -> str:
    return f"pb_{route.id.hex}"


def test_purge_removes_all_and_the_next_sync_begins_from_nothing(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    del shop
    to_postgres.sync(MERGED, CUSTOMERS)

    dropped = warehouse_files.drop_loaded(to_postgres.destination, to_postgres.dataset, pipeline_of(to_postgres))

    assert dropped == ("customers", "orders")
    assert tables_there(warehouse_db, to_postgres) == set()
    gone = warehouse_db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (to_postgres.dataset,)).fetchone()
    assert gone is None
    assert warehouse_files.drop_loaded(to_postgres.destination, to_postgres.dataset, pipeline_of(to_postgres)) == ()
    assert to_postgres.sync(MERGED).tables[0].rows_loaded == 12_000


def test_purge_leaves_what_others_made_in_the_same_schema(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    del shop
    to_postgres.sync(MERGED)
    name = sql.Identifier(to_postgres.dataset, "theirs")
    warehouse_db.execute(sql.SQL("CREATE TABLE {} (id int)").format(name))

    dropped = warehouse_files.drop_loaded(to_postgres.destination, to_postgres.dataset, pipeline_of(to_postgres))

    assert dropped == ("orders",)
    assert tables_there(warehouse_db, to_postgres) == {".theirs"}


def test_purge_changes_nothing_where_somebodys_view_needs_a_table(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    del shop
    to_postgres.sync(MERGED, CUSTOMERS)
    before = tables_there(warehouse_db, to_postgres)
    view, orders = (sql.Identifier(to_postgres.dataset, name) for name in ("monthly", "orders"))
    warehouse_db.execute(sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view, orders))

    with pytest.raises(SyncError, match="monthly") as caught:
        warehouse_files.drop_loaded(to_postgres.destination, to_postgres.dataset, pipeline_of(to_postgres))

    assert caught.value.code == "misconfigured"
    assert tables_there(warehouse_db, to_postgres) == before | {".monthly"}


def test_purge_of_a_dataset_that_was_never_loaded_leaves_it(
    warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    warehouse_db.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(to_postgres.dataset)))

    assert warehouse_files.drop_loaded(to_postgres.destination, to_postgres.dataset, pipeline_of(to_postgres)) == ()

    there = warehouse_db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (to_postgres.dataset,)).fetchone()
    assert there is not None


def test_purge_of_a_duckdb_file_removes_all(
    shop: psycopg.Connection[Any], to_duck: Route, open_duck: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    del shop
    assert duckdb_files.drop_loaded(to_duck.destination, to_duck.dataset, pipeline_of(to_duck)) == ()
    to_duck.sync(MERGED, CUSTOMERS)

    dropped = duckdb_files.drop_loaded(to_duck.destination, to_duck.dataset, pipeline_of(to_duck))

    assert dropped == ("customers", "orders")
    with open_duck() as lake:
        assert lake.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
        left = lake.execute("SELECT schema_name FROM duckdb_schemas() WHERE NOT internal").fetchall()
    assert to_duck.dataset not in {row[0] for row in left}
    assert to_duck.sync(MERGED).tables[0].rows_loaded == 12_000
