"""Each SQL source into PostgreSQL and DuckDB: first load, what changes, append, re-sync; equal by checksum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.plan import Stopped, TablePlan
from tests import servers
from tests.connectors.conftest import WAREHOUSE
from tests.connectors.recorder import Recorder, Route, table
from tests.connectors.sql_sources import MySqlSource, SqlSource, checksum

MERGED = table("orders", "id", mode="merge", cursor="updated_at")
APPENDED = table("orders", "id", mode="append", cursor="id")
ORDERS = "SELECT id, note, amount, updated_at FROM {}orders"
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
COUNT = 1_500


def rows_at(route: Route, statement: str) -> list[tuple[Any, ...]]:
    """Read at the destination; “{}” in the statement is where its tables are."""
    asked = statement.format(f"{route.dataset}.")
    if route.destination.kind == "duckdb":
        with duckdb.connect(str(Path(_home(), "duckdb", "lake.duckdb")), read_only=True) as lake:
            lake.execute("SET TimeZone = 'UTC'")
            return lake.execute(asked).fetchall()
    with psycopg.connect(servers.POSTGRES.server.url(WAREHOUSE)) as warehouse:
        return warehouse.execute(asked.encode()).fetchall()


def _home() -> str:
    from django.conf import settings  # noqa: PLC0415 - a test sets it

    return str(settings.PATCHBAY_HOME)


@pytest.fixture
def shop(sql_source: SqlSource) -> SqlSource:
    """A source with 1,500 orders, an hour apart, some without a note."""
    sql_source.run(
        f"CREATE TABLE orders (id bigint PRIMARY KEY, note varchar(80), amount decimal(12,2),"
        f" updated_at {sql_source.time_type})"
    )
    sql_source.fill(
        "orders",
        [
            (
                number,
                None if number % 7 == 0 else f'order "{number}", ☕',
                Decimal(number) / 4,
                (BEGIN + timedelta(hours=number)).replace(tzinfo=None),
            )
            for number in range(1, COUNT + 1)
        ],
    )
    return sql_source


def same(shop: SqlSource, route: Route) -> bool:
    """Whether a checksum over all rows is equal at both ends."""
    return checksum(_typed(shop.rows(ORDERS.format("")))) == checksum(rows_at(route, ORDERS))


def _typed(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """SQLite's client gives times as texts, and decimals as floats."""
    return [
        tuple(
            datetime.fromisoformat(value) if index == 3 and isinstance(value, str)
            else Decimal(str(value)) if index == 2 and value is not None
            else value
            for index, value in enumerate(row)
        )
        for row in rows
    ]  # fmt: skip


def test_replace_merge_and_resync_give_the_same_rows(shop: SqlSource, sql_route: Route) -> None:
    first = sql_route.sync(table("orders", "id"))

    assert (first.tables[0].rows_extracted, first.tables[0].rows_loaded) == (COUNT, COUNT)
    assert same(shop, sql_route)

    shop.run("DELETE FROM orders WHERE id <= 10", "UPDATE orders SET note = 'changed' WHERE id = 11")
    sql_route.sync(table("orders", "id"))

    assert same(shop, sql_route)


def test_merging_reads_what_is_new_and_a_resync_finds_what_was_deleted(shop: SqlSource, sql_route: Route) -> None:
    first = sql_route.sync(MERGED)
    shop.run(
        "UPDATE orders SET note = 'changed', updated_at = '2025-01-01 00:00:00' WHERE id <= 3",
        "INSERT INTO orders VALUES (99999, '', 0.01, '2025-01-01 00:00:00')",
        "INSERT INTO orders VALUES (99998, 'typing error', 1, '2037-01-01 00:00:00')",
    )

    second = sql_route.sync(MERGED)
    third = sql_route.sync(MERGED)

    # The newest order of the first run lies within the lag; one of the future is read each time.
    assert [run.tables[0].rows_extracted for run in (first, second, third)] == [COUNT, 6, 5]
    assert [run.tables[0].is_new for run in (first, second, third)] == [True, True, False]
    assert same(shop, sql_route)

    shop.run("DELETE FROM orders WHERE id BETWEEN 100 AND 199")
    sql_route.sync(MERGED)

    assert not same(shop, sql_route)

    sql_route.sync(replace(MERGED, is_afresh=True))

    assert same(shop, sql_route)


def test_resync_from_a_date_reads_from_there(shop: SqlSource, sql_route: Route) -> None:
    sql_route.sync(MERGED)
    shop.run("UPDATE orders SET note = 'quietly' WHERE id IN (1, 1000)")

    again = sql_route.sync(replace(MERGED, since="2024-02-01T00:00:00+00:00"))

    # The hours of January are 743 orders; those of the ten minutes before are none.
    assert again.tables[0].rows_extracted == COUNT - 743
    assert rows_at(sql_route, "SELECT id FROM {}orders WHERE note = 'quietly'") == [(1000,)]


def test_appending_adds_each_row_once(shop: SqlSource, sql_route: Route) -> None:
    sql_route.sync(APPENDED)
    shop.run("INSERT INTO orders VALUES (5001, 'new', 1, '2025-01-01 00:00:00')", "DELETE FROM orders WHERE id = 1")

    second = sql_route.sync(APPENDED)
    third = sql_route.sync(APPENDED)

    assert [run.tables[0].rows_extracted for run in (second, third)] == [1, 0]
    assert rows_at(sql_route, "SELECT count(*), count(DISTINCT id), max(id) FROM {}orders") == [(1501, 1501, 5001)]


def test_appending_by_time_waits_for_the_last_minutes(shop: SqlSource, sql_route: Route) -> None:
    shop.run("INSERT INTO orders VALUES (5001, 'just now', 1, CURRENT_TIMESTAMP)")
    by_time = replace(APPENDED, cursor="updated_at")

    first = sql_route.sync(by_time)
    shop.run("UPDATE orders SET updated_at = '2025-06-01 00:00:00' WHERE id = 5001")
    second = sql_route.sync(by_time)

    is_zoned = shop.endpoint.kind != "sqlite"
    # SQLite's times have no zone, so nobody knows that it was just now.
    assert [run.tables[0].rows_extracted for run in (first, second)] == ([COUNT, 1] if is_zoned else [COUNT + 1, 0])


def test_appending_waits_for_a_number_that_is_still_being_written(mysql: MySqlSource, to_postgres: Route) -> None:
    """Two sessions draw 2 and 3; the one with the higher number ends first."""
    mysql.run(
        "CREATE TABLE t (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, note text)", "INSERT INTO t VALUES (1, 'first')"
    )
    slow = mysql.server.connect("shop")
    slow.begin()
    with slow.cursor() as cursor:
        cursor.execute("INSERT INTO t (note) VALUES ('slow')")
    mysql.run("INSERT INTO t (note) VALUES ('quick')", "INSERT INTO t VALUES (50, 'later')")
    route = Route(mysql.endpoint, to_postgres.destination, to_postgres._folder, entity=mysql.entity)
    appended = table("t", "id", mode="append", cursor="id")

    first = route.sync(appended)
    slow.commit()
    slow.close()
    second = route.sync(appended)

    assert [run.tables[0].rows_extracted for run in (first, second)] == [1, 3]
    assert rows_at(route, "SELECT id, note FROM {}t ORDER BY id") == [
        (1, "first"), (2, "slow"), (3, "quick"), (50, "later"),
    ]  # fmt: skip


def test_tables_of_one_sync_show_one_moment(mysql: SqlSource, to_postgres: Route) -> None:
    mysql.run("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "INSERT INTO a VALUES (1)")
    route = Route(mysql.endpoint, to_postgres.destination, to_postgres._folder, entity=mysql.entity)

    def insert_meanwhile(kind: str, what: str) -> bool:
        if (kind, what) == ("extracted", "a"):
            mysql.run("INSERT IGNORE INTO b VALUES (1)")
        return False

    route.sync(table("a", "id"), table("b", "id"), recorder=Recorder(stop_when=insert_meanwhile))

    assert rows_at(route, "SELECT count(*) FROM {}b") == [(0,)]


def test_a_table_without_snapshots_is_told(mysql: SqlSource, to_postgres: Route) -> None:
    mysql.run("CREATE TABLE old (id int PRIMARY KEY) ENGINE = MyISAM")
    route, recorder = Route(mysql.endpoint, to_postgres.destination, to_postgres._folder, entity="shop"), Recorder()

    route.sync(table("old", "id"), recorder=recorder)

    assert any("old: its engine MyISAM has no snapshots" in line for line in recorder.lines)


def test_a_cancel_is_felt_in_the_middle(shop: SqlSource, to_postgres: Route) -> None:
    shop.run(
        *(f"INSERT INTO orders SELECT id + {COUNT * 2**n}, note, amount, updated_at FROM orders" for n in range(2))
    )
    route = Route(shop.endpoint, to_postgres.destination, to_postgres._folder, entity=shop.entity)

    with pytest.raises(Stopped):
        route.sync(TablePlan("orders", keys=("id",)), recorder=Recorder(stop_when=lambda kind, _: kind == "extracted"))
