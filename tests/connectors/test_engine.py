"""Syncs from a real Postgres into Postgres and DuckDB, whole and interrupted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.plan import Endpoint, Stopped, SyncError
from connectors.secrets import Redactor
from tests.connectors.conftest import ODD_TABLE, READER_PASSWORD, postgres_endpoint
from tests.connectors.recorder import Recorder, Route, table

ODD = table("Odd Things", "Id")
ORDERS = table("orders", "id")
MERGED = table("orders", "id", mode="merge", cursor="updated_at")
STEPS = ["check_access", "extract", "normalize", "load", "finalize"]

type_of = """
    SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""


@pytest.fixture
def shop(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    source_db.execute("""
        CREATE TABLE orders (id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL);
        INSERT INTO orders SELECT n, 'order ' || n, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour'
        FROM generate_series(1, 12000) AS n;
        CREATE TABLE customers (id int PRIMARY KEY, name text);
        INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 500) AS n
    """)
    return source_db


def rows_of(connection: psycopg.Connection[Any], name: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM {name} ORDER BY 1".encode()).fetchall()


def test_values_and_types_survive_from_postgres_to_postgres(
    source_db: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    source_db.execute(ODD_TABLE)
    copied = f'{to_postgres.dataset}."Odd Things"'
    # An enum and a domain do not exist at the destination; their text and their base type do.
    expected = [
        (name, {"mood": "text", "positive": "numeric(12,4)"}.get(kind, kind))
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
    plain = '"Id", "select", name, code, flag, small, whole, exact, ratio, part, price, token, day, clock, moment, local'

    to_duck.sync(ODD)

    name = f'{to_duck.dataset}."Odd Things"'
    with open_duck() as lake:
        lake.execute("SET TimeZone = 'UTC'")
        copied = lake.execute(f"SELECT {plain}, blob, tags::text, doc::text FROM {name} ORDER BY 1").fetchall()
        kinds = {row[0]: row[1] for row in lake.execute(f"DESCRIBE {name}").fetchall()}
        free = lake.execute(f"SELECT free::text FROM {name} WHERE \"Id\" = 1").fetchone()
    source_db.execute("SET timezone = 'UTC'")
    there = source_db.execute(f'SELECT {plain}, blob, to_jsonb(tags)::text, doc::text FROM "Odd Things" ORDER BY 1')
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
    to_postgres.sync(MERGED)
    shop.execute("UPDATE orders SET note = 'changed', updated_at = '2026-01-01 00:00+00' WHERE id <= 3")
    shop.execute("INSERT INTO orders VALUES (99999, 'new', '2026-01-01 00:00+00')")

    second = to_postgres.sync(MERGED)
    third = to_postgres.sync(MERGED)

    # The newest order of the first run lies within the lag, so it is read again.
    assert second.tables[0].rows_extracted == 5
    assert third.tables[0].rows_extracted == 4
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


def test_cancelling_leaves_the_destination_as_it_was(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(ORDERS)
    shop.execute("DELETE FROM orders WHERE id > 11000")
    recorder = Recorder(stop_when=lambda kind, what: (kind, what) == ("extracted", "orders"))

    with pytest.raises(Stopped) as caught:
        to_postgres.sync(ORDERS, recorder=recorder)

    assert caught.value.code == "cancelled_by_user"
    assert recorder.steps[-1] == ("extract", "running")
    assert warehouse_db.execute(f"SELECT count(*) FROM {to_postgres.dataset}.orders").fetchone() == (12000,)
    assert to_postgres.sync(ORDERS).tables[0].rows_loaded == 11000


@pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])
@pytest.mark.parametrize(
    ("event", "what"),
    [
        ("extracted", "orders"),
        ("step", "normalize running"),
        ("step", "load running"),
        ("loaded", "orders"),
        ("step", "finalize running"),
    ],
)
def test_a_killed_run_is_made_good_by_the_next(
    shop: psycopg.Connection[Any], kind: str, event: str, what: str, request: pytest.FixtureRequest
) -> None:
    route: Route = request.getfixturevalue(kind)
    tables = (MERGED, table("customers", "id"))
    route.sync(*tables)
    shop.execute("UPDATE orders SET note = 'changed', updated_at = '2026-01-01 00:00+00' WHERE id % 2 = 0")
    shop.execute("INSERT INTO orders SELECT n, 'new', '2026-01-01 00:00+00' FROM generate_series(20001, 20100) AS n")
    shop.execute("DELETE FROM customers WHERE id > 100")

    ended_by = route.sync_and_die(*tables, die_when=lambda *happened: happened == (event, what))
    route.sync(*tables)

    there = {name: shop.execute(CHECKSUM.format(column, name).encode()).fetchone() for name, column in CHECKED.items()}
    assert ended_by == signal.SIGKILL
    assert {name: checksum(route, name, column, request) for name, column in CHECKED.items()} == there


CHECKED = {"orders": "note", "customers": "name"}
CHECKSUM = "SELECT count(*), count(DISTINCT id), sum(id)::bigint, sum(length({}))::bigint FROM {}"


def checksum(route: Route, name: str, column: str, request: pytest.FixtureRequest) -> object:
    statement = CHECKSUM.format(column, f"{route.dataset}.{name}")
    if route.destination.kind == "postgres":
        return request.getfixturevalue("warehouse_db").execute(statement.encode()).fetchone()
    with request.getfixturevalue("open_duck")() as lake:
        return lake.execute(statement).fetchone()


def test_a_wrong_password_is_named_and_never_shown(
    shop: psycopg.Connection[Any], to_postgres: Route, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "wrong-password-0815"
    to_postgres.source = postgres_endpoint(to_postgres.source.config["database"], "engine_reader", wrong)
    recorder = Recorder()

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS, recorder=recorder)

    assert (caught.value.code, caught.value.step) == ("invalid_credentials", "check_access")
    assert recorder.steps == [("check_access", "running"), ("check_access", "failed")]
    assert wrong not in "".join([repr(caught.value), caught.value.detail, *recorder.lines, caplog.text])


def test_no_file_of_a_run_holds_a_password(shop: psycopg.Connection[Any], to_postgres: Route, tmp_path: Path) -> None:
    to_postgres.sync(ORDERS)

    secrets = [*to_postgres.source.secrets.values(), *to_postgres.destination.secrets.values()]
    files = [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
    found = [str(path) for path in files if Redactor(secrets)(path.read_text(errors="replace")) != path.read_text(errors="replace")]
    assert files
    assert found == []


def test_a_table_that_is_gone_is_named(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS, table("ghosts"))

    assert (caught.value.code, caught.value.step) == ("source_object_missing", "extract")
    assert "ghosts" in caught.value.detail


def test_a_table_that_may_not_be_read_is_named(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    shop.execute("REVOKE SELECT ON customers FROM engine_reader")

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(table("customers", "id"))

    assert caught.value.code == "insufficient_permissions"
    assert "customers" in caught.value.detail


def test_a_destination_that_refuses_is_told_apart_from_the_source(
    shop: psycopg.Connection[Any], source: Endpoint, to_postgres: Route
) -> None:
    to_postgres.destination = postgres_endpoint("engine_warehouse", "engine_reader", READER_PASSWORD)

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS)

    assert caught.value.code == "destination_permission_denied"


def test_a_value_that_no_longer_fits_is_a_bad_record(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(table("customers", "id"))
    shop.execute("ALTER TABLE customers ALTER id TYPE bigint; UPDATE customers SET id = 5000000000 WHERE id = 1")

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(table("customers", "id"))

    assert (caught.value.code, caught.value.step) == ("bad_record", "load")
    assert warehouse_db.execute(f"SELECT max(id) FROM {to_postgres.dataset}.customers").fetchone() == (500,)


def test_a_source_that_goes_away_is_told(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    def cut(kind: str, what: str) -> bool:
        if (kind, what) == ("extracted", "orders"):
            shop.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'engine_reader'")
        return False

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS, table("customers", "id"), recorder=Recorder(stop_when=cut))

    assert caught.value.code in {"provider_unavailable", "unreachable"}


def test_a_folder_that_is_not_empty_is_refused(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    plan = to_postgres.plan(ORDERS)
    (plan.workdir / "left").touch()
    from connectors.engine.run import run_sync  # noqa: PLC0415

    with pytest.raises(SyncError, match="not empty"):
        run_sync(plan, Recorder())


def test_the_process_configures_nothing(
    shop: psycopg.Connection[Any], to_postgres: Route, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither dlt's environment variables nor its files in the working folder reach a run; nothing else runs."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('[schema]\nnaming = "snake_case"\n[runtime]\ndlthub_telemetry = true\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://nobody:nothing@192.0.2.1/nowhere")
    monkeypatch.setenv("DESTINATION__POSTGRES__REPLACE_STRATEGY", "truncate-and-insert")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "true")
    shop.execute('CREATE TABLE "MixedCase" ("TheKey" int PRIMARY KEY); INSERT INTO "MixedCase" VALUES (1)')
    threads = threading.active_count()

    result = to_postgres.sync(table("MixedCase", "TheKey"))

    assert result.tables[0].rows_loaded == 1
    assert threading.active_count() == threads
    assert "DLT_TELEMETRY" not in os.environ
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dlt", "work"]
