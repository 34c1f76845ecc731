"""Syncs from a real Postgres into Postgres and DuckDB: what arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.plan import SyncError
from tests.connectors.conftest import ODD_TABLE
from tests.connectors.recorder import Recorder, Route, table

ODD = table("Odd Things", "Id")
ORDERS = table("orders", "id")
MERGED = table("orders", "id", mode="merge", cursor="updated_at")
STEPS = ["check_access", "extract", "normalize", "load", "finalize"]

type_of = """
    SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""


def rows_of(connection: psycopg.Connection[Any], name: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM {name} ORDER BY 1".encode()).fetchall()


def test_values_and_types_survive_from_postgres_to_postgres(
    source_db: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    source_db.execute(ODD_TABLE)
    copied = f'{to_postgres.dataset}."Odd Things"'
    # An enum and a domain do not exist at the destination; their text and their base type do.
    expected = [
        (name, {"mood": "text", "mood[]": "text", "positive": "numeric(12,4)"}.get(kind, kind))
        for name, kind in source_db.execute(type_of, ['public."Odd Things"'])
    ]
    columns = ", ".join(f'"{name}"::text' for name, _ in sorted(expected))

    to_postgres.sync(ODD)

    assert warehouse_db.execute(type_of, [copied]).fetchall() == expected
    assert rows_of(warehouse_db, copied, columns) == rows_of(source_db, '"Odd Things"', columns)


def test_values_survive_from_postgres_to_duckdb(
    source_db: psycopg.Connection[Any], to_duck: Route, open_duck: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    source_db.execute(ODD_TABLE.replace("'NaN'", "0"))
    plain = (
        '"Id", "select", name, code, flag, small, whole, exact, ratio, part, price, token, day, clock, moment, local'
    )

    to_duck.sync(ODD)

    name = f'{to_duck.dataset}."Odd Things"'
    with open_duck() as lake:
        lake.execute("SET TimeZone = 'UTC'")
        copied = lake.execute(
            f"SELECT {plain}, blob, tags::text, moods::text, doc::text FROM {name} ORDER BY 1"
        ).fetchall()
        kinds = {row[0]: row[1] for row in lake.execute(f"DESCRIBE {name}").fetchall()}
        free = lake.execute(f'SELECT free::text FROM {name} WHERE "Id" = 1').fetchone()
    source_db.execute("SET timezone = 'UTC'")
    there = source_db.execute(
        f'SELECT {plain}, blob, to_jsonb(tags)::text, to_jsonb(moods)::text, doc::text FROM "Odd Things" ORDER BY 1'
    )
    assert copied == there.fetchall()
    assert free == ("123456789.123456789012345678",)
    assert [kinds[name] for name in ("token", "exact", "small", "moment", "local", "doc", "tags", "blob", "part")] == [
        "UUID", "DECIMAL(12,2)", "SMALLINT", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "JSON", "JSON", "BLOB", "FLOAT",
    ]  # fmt: skip


def test_sync_reports_steps_rows_and_counts(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    recorder = Recorder()

    result = to_postgres.sync(ORDERS, table("customers", "id"), recorder=recorder)

    assert recorder.steps == [(step, status) for step in STEPS for status in ("running", "success")]
    assert [(count.name, count.rows_extracted, count.rows_loaded) for count in result.tables] == [
        ("orders", 12000, 12000),
        ("customers", 500, 500),
    ]
    assert recorder.extracted["orders"] == [5000, 10000, 12000, 12000]
    assert recorder.loaded["orders"][-1] == 12000
    assert result.tables[0].bytes > 12000
    assert any(line.startswith("info extract orders: 12,000 rows, ") for line in recorder.lines)
    assert any(line.startswith("info load orders: 12,000 rows loaded in ") for line in recorder.lines)


@pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])
def test_replacing_twice_gives_the_same_rows(
    shop: psycopg.Connection[Any], kind: str, request: pytest.FixtureRequest
) -> None:
    route: Route = request.getfixturevalue(kind)
    route.sync(ORDERS)
    shop.execute("DELETE FROM orders WHERE id <= 5")
    shop.execute("UPDATE orders SET note = NULL WHERE id = 6")

    result = route.sync(ORDERS)

    assert result.tables[0].rows_loaded == 11995


@pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])
def test_an_emptied_table_is_empty_at_the_destination(
    shop: psycopg.Connection[Any], kind: str, request: pytest.FixtureRequest
) -> None:
    route: Route = request.getfixturevalue(kind)
    route.sync(ORDERS)
    shop.execute("TRUNCATE orders")

    result = route.sync(ORDERS)

    # The run itself compares with a count at the destination and fails when they differ.
    assert result.tables[0].rows_loaded == 0


def test_merging_reads_what_changed_and_doubles_nothing(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    first = to_postgres.sync(MERGED)
    shop.execute("UPDATE orders SET note = 'changed', updated_at = '2026-01-01 00:00+00' WHERE id <= 3")
    shop.execute("INSERT INTO orders VALUES (99999, 'new', '2026-01-01 00:00+00')")

    second = to_postgres.sync(MERGED)
    third = to_postgres.sync(MERGED)

    # The newest order of the first run lies within the lag, so it is read again.
    assert second.tables[0].rows_extracted == 5
    assert third.tables[0].rows_extracted == 4
    # The cursor has not moved by the third: what was read again is not new.
    assert [run.tables[0].is_new for run in (first, second, third)] == [True, True, False]
    assert rows_of(warehouse_db, f"{to_postgres.dataset}.orders") == rows_of(shop, "orders")


def test_merging_into_duckdb_doubles_nothing(
    shop: psycopg.Connection[Any], to_duck: Route, open_duck: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    to_duck.sync(MERGED)
    shop.execute("UPDATE orders SET note = 'changed', updated_at = '2026-01-01 00:00+00' WHERE id <= 3")

    to_duck.sync(MERGED)

    with open_duck() as lake:
        found = lake.execute(f"SELECT count(*), count(DISTINCT id), min(note) FROM {to_duck.dataset}.orders").fetchone()
    assert found == (12000, 12000, "changed")


def test_merging_without_keys_is_refused(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    with pytest.raises(SyncError) as caught:
        to_postgres.sync(table("orders", mode="merge"))

    assert caught.value.code == "misconfigured"


def test_a_column_added_at_the_source_arrives(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(ORDERS)
    shop.execute("ALTER TABLE orders ADD COLUMN paid boolean NOT NULL DEFAULT true, DROP COLUMN note")

    to_postgres.sync(ORDERS)

    found = warehouse_db.execute(f"SELECT count(*) FILTER (WHERE paid), count(note) FROM {to_postgres.dataset}.orders")
    assert found.fetchone() == (12000, 0)


def test_selected_columns_only_are_copied(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(table("orders", "id", columns=("note",)))

    columns = [name for name, _ in warehouse_db.execute(type_of, [f"{to_postgres.dataset}.orders"])]
    assert columns == ["id", "note"]


def test_tables_of_one_sync_show_one_moment(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    """A row that is committed while the first table is read is not in the second one."""

    def insert_meanwhile(kind: str, what: str) -> bool:
        if (kind, what) == ("extracted", "orders"):
            shop.execute("INSERT INTO customers VALUES (501, 'too late') ON CONFLICT DO NOTHING")
        return False

    to_postgres.sync(ORDERS, table("customers", "id"), recorder=Recorder(stop_when=insert_meanwhile))

    assert warehouse_db.execute(f"SELECT count(*) FROM {to_postgres.dataset}.customers").fetchone() == (500,)


def test_grants_and_views_at_the_destination_stay(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(ORDERS)
    warehouse_db.execute(f"CREATE VIEW {to_postgres.dataset}.recent AS SELECT * FROM {to_postgres.dataset}.orders")
    shop.execute("DELETE FROM orders WHERE id = 1")

    to_postgres.sync(ORDERS)

    assert warehouse_db.execute(f"SELECT count(*) FROM {to_postgres.dataset}.recent").fetchone() == (11999,)
