"""What happens between two runs: sources that change, destinations that somebody touched, odd values and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.plan import SyncError
from tests.connectors.recorder import Route, table

ORDERS = table("orders", "id")
MERGED = table("orders", "id", mode="merge", cursor="updated_at")
BOTH = pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])


@pytest.fixture
def route(kind: str, request: pytest.FixtureRequest) -> Route:
    found: Route = request.getfixturevalue(kind)
    return found


def count_there(warehouse_db: psycopg.Connection[Any], route: Route, name: str = "orders") -> int:
    row = warehouse_db.execute(f"SELECT count(*) FROM {route.dataset}.{name}".encode()).fetchone()
    return int(row[0]) if row else 0


# ---- the destination ------------------------------------------------------------------------------------------------


def test_rows_of_somebody_else_are_never_replaced(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    theirs = f"{to_postgres.dataset}.customers"
    warehouse_db.execute(f"CREATE SCHEMA {to_postgres.dataset}; CREATE TABLE {theirs} AS SELECT 7 AS precious".encode())

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS, table("customers", "id"))

    assert (caught.value.code, caught.value.step) == ("misconfigured", "check_access")
    assert "customers" in caught.value.detail
    assert warehouse_db.execute(f"SELECT * FROM {theirs}".encode()).fetchall() == [(7,)]


def test_table_that_came_in_the_way_later_is_kept_as_well(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(ORDERS)
    theirs = f"{to_postgres.dataset}.customers"
    warehouse_db.execute(f"CREATE TABLE {theirs} AS SELECT 7 AS precious".encode())

    with pytest.raises(SyncError, match="misconfigured"):
        to_postgres.sync(ORDERS, table("customers", "id"))

    assert warehouse_db.execute(f"SELECT * FROM {theirs}".encode()).fetchall() == [(7,)]
    assert to_postgres.sync(ORDERS).tables[0].rows_loaded == 12000


def test_empty_table_in_the_way_is_taken_over(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    made = f"CREATE SCHEMA {to_postgres.dataset}; CREATE TABLE {to_postgres.dataset}.orders (id bigint)"
    warehouse_db.execute(made.encode())

    assert to_postgres.sync(ORDERS).tables[0].rows_loaded == 12000


@pytest.mark.parametrize("orders", [ORDERS, MERGED], ids=["replace", "merge"])
def test_table_that_was_dropped_comes_back_whole(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route, orders: Any
) -> None:
    to_postgres.sync(orders)
    warehouse_db.execute(f"DROP TABLE {to_postgres.dataset}.orders".encode())

    to_postgres.sync(orders)

    assert count_there(warehouse_db, to_postgres) == 12000


# ---- the source -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_another_key_blocks_nothing(source_db: psycopg.Connection[Any], route: Route, mode: Any) -> None:
    source_db.execute("CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1), (2)")
    route.sync(table("people", "id", mode=mode))
    source_db.execute("ALTER TABLE people ADD tenant int DEFAULT 1, DROP CONSTRAINT people_pkey")
    source_db.execute("ALTER TABLE people ADD PRIMARY KEY (tenant, id)")
    wider = route.sync(table("people", "tenant", "id", mode=mode))
    source_db.execute("ALTER TABLE people DROP id, ADD code text DEFAULT gen_random_uuid()")
    source_db.execute("ALTER TABLE people ADD PRIMARY KEY (code)")

    other = route.sync(table("people", "code", mode=mode))

    assert (wider.tables[0].rows_loaded, other.tables[0].rows_loaded) == (2, 2)


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_time_to_come_does_not_hide_later_changes(
    source_db: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route, kind: str
) -> None:
    source_db.execute(
        f"CREATE TABLE tasks (id int PRIMARY KEY, note text, updated_at {kind});"
        "INSERT INTO tasks VALUES (1, 'old', now()), (2, 'typo', '2999-01-01'), (3, 'open', 'infinity')".encode()
    )
    tasks = table("tasks", "id", mode="merge", cursor="updated_at")
    to_postgres.sync(tasks)
    source_db.execute("UPDATE tasks SET note = 'new', updated_at = now() WHERE id = 1")

    to_postgres.sync(tasks)

    found = warehouse_db.execute(f"SELECT note FROM {to_postgres.dataset}.tasks ORDER BY id".encode()).fetchall()
    assert found == [("new",), ("typo",), ("open",)]


@BOTH
def test_columns_may_have_any_name(source_db: psycopg.Connection[Any], route: Route) -> None:
    source_db.execute(
        """CREATE TABLE t (id int PRIMARY KEY, "Customer's name" text, "12"" pipes" text, "two\nlines" text, "5%" text);
        INSERT INTO t VALUES (1, 'a', 'b', 'c', 'd')"""
    )

    assert route.sync(table("t", "id")).tables[0].rows_loaded == 1


@pytest.mark.parametrize("name", ["a.b", "it's", "100%"])
def test_table_with_a_name_that_cannot_be_loaded_is_named(
    source_db: psycopg.Connection[Any], to_postgres: Route, name: str
) -> None:
    source_db.execute(f'CREATE TABLE "{name}" (id int PRIMARY KEY)'.encode())

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(table(name, "id"))

    assert caught.value.code == "misconfigured"
    assert f"“{name}”" in caught.value.detail


# ---- values in DuckDB -----------------------------------------------------------------------------------------------


def test_days_before_christ_stay_there(
    source_db: psycopg.Connection[Any], to_duck: Route, open_duck: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    source_db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, day date, local timestamp, moment timestamptz);"
        "INSERT INTO t VALUES (1, '0044-03-15 BC', '0044-03-15 01:02:03.5 BC', '0044-03-15 12:00+00 BC'),"
        "(2, '2024-02-29', '2024-02-29 01:02:03', 'infinity')"
    )

    to_duck.sync(table("t", "id"))

    with open_duck() as lake:
        lake.execute("SET TimeZone = 'UTC'")
        found = lake.execute(
            f"SELECT day::text, local::text, moment::text FROM {to_duck.dataset}.t ORDER BY id"
        ).fetchall()
    assert found == [
        ("0044-03-15 (BC)", "0044-03-15 (BC) 01:02:03.5", "0044-03-15 (BC) 12:00:00+00"),
        ("2024-02-29", "2024-02-29 01:02:03", "infinity"),
    ]


def test_value_that_duckdb_cannot_hold_is_told_without_the_rest_of_its_row(
    source_db: psycopg.Connection[Any], to_duck: Route
) -> None:
    source_db.execute(
        "CREATE TABLE t (id int PRIMARY KEY, private text, amount numeric(10, 2));"
        "INSERT INTO t VALUES (1, E'salary\\nof Zoë: Error when converting 4711', 'NaN')"
    )

    with pytest.raises(SyncError) as caught:
        to_duck.sync(table("t", "id"))

    assert caught.value.code == "bad_record"
    assert (
        """Error when converting column "amount". Could not convert string "NaN" to 'DECIMAL""" in caught.value.detail
    )
    assert "Zoë" not in caught.value.detail
    assert "4711" not in caught.value.detail
