"""Historical re-syncs with real databases: what stands there afterwards, and what a reader sees meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg import sql

from connectors.engine.resync import first_cursor
from connectors.plan import Endpoint, TablePlan
from tests.connectors.conftest import WAREHOUSE, database_url
from tests.connectors.recorder import Recorder, Route, table

MERGED = table("orders", "id", mode="merge", cursor="updated_at")
AFRESH = replace(MERGED, is_afresh=True)
CUSTOMERS = table("customers", "id")
FIRST, NOW = 12_000, 11_000


def count_in(connection: psycopg.Connection[Any], dataset: str, name: str = "orders") -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(dataset, name))).fetchone()
    assert row is not None
    return int(row[0])


def test_resync_takes_out_what_the_source_has_no_more_and_goes_on_from_its_end(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(MERGED, CUSTOMERS)
    shop.execute("DELETE FROM orders WHERE id <= 1000; DELETE FROM customers WHERE id <= 100")

    result = to_postgres.sync(AFRESH)

    assert result.tables[0].rows_extracted == NOW
    assert count_in(warehouse_db, to_postgres.dataset) == NOW
    assert count_in(warehouse_db, to_postgres.dataset, "customers") == 500  # not chosen, so left as it is
    shop.execute("INSERT INTO orders VALUES (20000, 'new', timestamptz '2025-12-01')")
    again = to_postgres.sync(MERGED)
    assert again.tables[0].rows_extracted == 2  # the newest of before, and the new one
    assert count_in(warehouse_db, to_postgres.dataset) == NOW + 1


def test_resync_of_a_table_without_rows_empties_it_and_forgets_the_cursor(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(MERGED)
    shop.execute("DELETE FROM orders")

    to_postgres.sync(AFRESH)

    assert count_in(warehouse_db, to_postgres.dataset) == 0
    shop.execute("INSERT INTO orders VALUES (1, 'old', timestamptz '2001-01-01')")
    assert to_postgres.sync(MERGED).tables[0].rows_extracted == 1


def test_resync_into_duckdb_takes_out_what_is_gone(
    shop: psycopg.Connection[Any], to_duck: Route, open_duck: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    to_duck.sync(MERGED)
    shop.execute("DELETE FROM orders WHERE id <= 1000")

    to_duck.sync(AFRESH)

    with open_duck() as lake:
        assert lake.execute(f"SELECT count(*) FROM {to_duck.dataset}.orders").fetchall() == [(NOW,)]


def test_a_reader_sees_all_old_rows_or_all_new_ones_while_a_resync_runs(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    """Fails, as tried, when the old rows go in a transaction before that of the merge (`AfreshMerge`)."""
    to_postgres.sync(MERGED)
    warehouse_db.execute(
        sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(
            sql.Identifier(to_postgres.dataset, "theirs"), sql.Identifier(to_postgres.dataset, "orders")
        )
    )
    shop.execute("DELETE FROM orders WHERE id <= 1000")
    seen: list[int] = []
    is_over = threading.Event()

    def read() -> None:
        with psycopg.connect(database_url(WAREHOUSE), autocommit=True) as reader:
            while not is_over.is_set():
                seen.append(count_in(reader, to_postgres.dataset, "theirs"))

    reading = threading.Thread(target=read)
    reading.start()
    to_postgres.sync(AFRESH)
    is_over.set()
    reading.join()

    assert set(seen) <= {FIRST, NOW}
    assert seen[0] == FIRST
    assert seen == sorted(seen, reverse=True)  # once new, never old again
    assert count_in(warehouse_db, to_postgres.dataset, "theirs") == NOW  # others' views stay


def test_a_resync_that_is_killed_leaves_the_old_rows_and_can_be_repeated(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(MERGED)
    shop.execute("DELETE FROM orders WHERE id <= 1000")

    to_postgres.sync_and_die(AFRESH, die_when=lambda kind, what: (kind, what) == ("step", "load running"))

    assert count_in(warehouse_db, to_postgres.dataset) == FIRST
    to_postgres.sync(AFRESH)
    assert count_in(warehouse_db, to_postgres.dataset) == NOW


def test_resync_from_a_date_reads_that_part_again_and_leaves_the_rest(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(MERGED)
    # Changed without touching the cursor, before the date and after it: 2024-06-01 is the hour 3,648 of the shop.
    shop.execute("UPDATE orders SET note = 'mended' WHERE id IN (100, 5000)")

    result = to_postgres.sync(replace(MERGED, since="2024-06-01T00:00:00+00:00"))

    assert result.tables[0].rows_extracted == FIRST - 3648 + 1
    mended = warehouse_db.execute(
        sql.SQL("SELECT id FROM {} WHERE note = 'mended'").format(sql.Identifier(to_postgres.dataset, "orders"))
    ).fetchall()
    assert mended == [(5000,)]
    assert count_in(warehouse_db, to_postgres.dataset) == FIRST


def test_resync_of_an_api_doubles_no_record_of_its_pages(
    payroll: Endpoint, warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], to_postgres: Route, tmp_path: Any
) -> None:
    del to_postgres
    route = Route(payroll, warehouse, tmp_path / "api", entity="co_halden_cold_chain")
    employees = table("employees", "id", mode="merge", cursor="updated_at")
    route.sync(employees)
    before = count_in(warehouse_db, route.dataset, "employees")

    route.sync(replace(employees, is_afresh=True))

    assert count_in(warehouse_db, route.dataset, "employees") == before > 0


def test_a_stopped_resync_changes_nothing(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(MERGED)
    shop.execute("DELETE FROM orders WHERE id <= 1000")
    stopping = Recorder(stop_when=lambda kind, _what: kind == "extracted")

    with pytest.raises(Exception, match="cancelled_by_user"):
        to_postgres.sync(AFRESH, recorder=stopping)

    assert count_in(warehouse_db, to_postgres.dataset) == FIRST


@pytest.mark.parametrize(
    ("since", "reached", "expected"),
    [
        ("", "2024-05-01", "2024-05-01"),
        ("2024-01-01", None, None),
        ("2024-01-01T00:00:00+00:00", "2024-05-01 10:00:00+00", "2024-01-01T00:00:00+00:00"),
        ("2024-06-01T00:00:00+00:00", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        ("2024-06-01T00:00:00+00:00", "2024-05-01 10:00:00", "2024-05-01 10:00:00"),
        ("2024-06-01T00:00:00+00:00", "4711", None),
    ],
)
def test_first_cursor_never_leaves_rows_out(since: str, reached: str | None, expected: str | None) -> None:
    assert first_cursor(TablePlan("orders", since=since), reached) == expected
