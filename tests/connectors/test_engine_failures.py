"""Syncs that are stopped, killed or refused: what is told, and what the destination then holds."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from connectors.engine.run import run_sync
from connectors.plan import Endpoint, Stopped, SyncError
from connectors.secrets import Redactor
from tests.connectors.conftest import READER_PASSWORD, postgres_endpoint
from tests.connectors.recorder import Recorder, Route, table

ORDERS = table("orders", "id")
MERGED = table("orders", "id", mode="merge", cursor="updated_at")


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


@pytest.mark.parametrize(
    ("kind", "event", "what"),
    [
        ("to_postgres", "extracted", "orders"),
        ("to_postgres", "step", "normalize running"),
        ("to_postgres", "step", "load running"),
        ("to_postgres", "loaded", "orders"),
        ("to_postgres", "step", "finalize running"),
        ("to_duck", "extracted", "orders"),
        ("to_duck", "loaded", "orders"),
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


def test_a_traceback_holds_no_password(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    secrets = [*to_postgres.source.secrets.values(), *to_postgres.destination.secrets.values()]
    in_the_way = (
        f"CREATE SCHEMA {to_postgres.dataset}; CREATE VIEW {to_postgres.dataset}.orders AS SELECT 1 AS id LIMIT 0"
    )
    warehouse_db.execute(in_the_way.encode())

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS)

    told = "".join(traceback.format_exception(caught.value))
    assert (caught.value.code, caught.value.step) == ("unknown_error", "load")
    assert "PipelineStepFailed" in told
    assert Redactor(secrets)(told) == told


def test_a_destination_name_cannot_lead_elsewhere(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    name = "odd name?host=192.0.2.1&hostaddr=192.0.2.1#/%41"
    warehouse_db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    patchbay = to_postgres.destination
    to_postgres.destination = Endpoint("postgres", {**patchbay.config, "database": name}, patchbay.secrets)

    assert to_postgres.sync(ORDERS).tables[0].rows_loaded == 12000


def test_no_file_of_a_run_holds_a_password(shop: psycopg.Connection[Any], to_postgres: Route, tmp_path: Path) -> None:
    to_postgres.sync(ORDERS)

    secrets = [*to_postgres.source.secrets.values(), *to_postgres.destination.secrets.values()]
    files = [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
    found = [
        str(path)
        for path in files
        if Redactor(secrets)(path.read_text(errors="replace")) != path.read_text(errors="replace")
    ]
    assert files
    assert found == []


def test_a_table_that_is_gone_is_named(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    recorder = Recorder()
    with pytest.raises(SyncError) as caught:
        to_postgres.sync(ORDERS, table("ghosts"), recorder=recorder)

    # What was found is told before the refusal, so that it can be compared with the last good run.
    assert set(recorder.shapes) == {"orders"}
    assert recorder.shapes["orders"]["id"] == "bigint"
    assert (caught.value.code, caught.value.step) == ("source_object_missing", "check_access")
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


def test_a_column_that_became_wider_takes_the_larger_values(
    shop: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(table("customers", "id"))
    shop.execute("ALTER TABLE customers ALTER id TYPE bigint; UPDATE customers SET id = 5000000000 WHERE id = 1")

    to_postgres.sync(table("customers", "id"))

    found = warehouse_db.execute(f"SELECT count(*), max(id) FROM {to_postgres.dataset}.customers").fetchone()
    assert found == (500, 5_000_000_000)


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

    with pytest.raises(SyncError, match="not empty"):
        run_sync(plan, Recorder())


def test_the_process_configures_nothing(
    shop: psycopg.Connection[Any], to_postgres: Route, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither dlt's environment variables nor its files in the working folder reach a run; nothing else runs."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        '[schema]\nnaming = "snake_case"\n[runtime]\ndlthub_telemetry = true\n'
    )
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
