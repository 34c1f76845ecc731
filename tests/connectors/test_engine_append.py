"""Tables that are appended to: every row once, whenever a process dies, and none left out that came late."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from dlt.destinations.job_client_impl import SqlJobClientBase

from connectors.engine.append import newer
from connectors.plan import Endpoint, SyncError, TablePlan
from connectors.providers.postgres import appending
from tests.connectors.conftest import SOURCE, database_url
from tests.connectors.recorder import Recorder, Route, table

APPENDED = table("orders", "id", mode="append", cursor="updated_at")
MERGED = replace(APPENDED, mode="merge")
REPLACED = replace(APPENDED, mode="replace")
BY_ID = table("ticks", mode="append", cursor="id")
FIRST = 12_000

kinds = pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])


@pytest.fixture
def route(kind: str, request: pytest.FixtureRequest) -> Route:
    found: Route = request.getfixturevalue(kind)
    return found


@pytest.fixture
def ticks(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    source_db.execute("CREATE TABLE ticks (id bigint); INSERT INTO ticks SELECT * FROM generate_series(1, 3)")
    return source_db


def found(route: Route, request: pytest.FixtureRequest, name: str = "orders") -> tuple[int, int, int]:
    """Return rows, different ids and the sum of ids at the destination."""
    statement = f"SELECT count(*), count(DISTINCT id), sum(id)::bigint FROM {route.dataset}.{name}"
    if route.destination.kind == "postgres":
        rows = request.getfixturevalue("warehouse_db").execute(statement).fetchall()
    else:
        with request.getfixturevalue("open_duck")() as lake:
            rows = lake.execute(statement).fetchall()
    return (int(rows[0][0]), int(rows[0][1]), int(rows[0][2] or 0))


def there(shop: psycopg.Connection[Any]) -> tuple[int, int, int]:
    rows = shop.execute("SELECT count(*), count(*), sum(id)::bigint FROM orders").fetchall()
    return (rows[0][0], rows[0][1], rows[0][2])


def insert(shop: psycopg.Connection[Any], *ids: int, at: str = "2026-01-01 00:00+00") -> None:
    for number in ids:
        shop.execute("INSERT INTO orders VALUES (%s, 'new', %s)", (number, at))


@kinds
def test_appending_reads_what_is_new_and_touches_nothing_else(
    shop: psycopg.Connection[Any], route: Route, request: pytest.FixtureRequest
) -> None:
    first = route.sync(APPENDED)
    assert found(route, request) == there(shop)
    insert(shop, 20_001, 20_002)
    shop.execute("DELETE FROM orders WHERE id <= 10; UPDATE orders SET note = 'changed' WHERE id = 11")

    second, third = route.sync(APPENDED), route.sync(APPENDED)

    assert [run.tables[0].rows_loaded for run in (first, second, third)] == [FIRST, 2, 0]
    assert [run.tables[0].is_new for run in (first, second, third)] == [True, True, False]
    assert found(route, request)[:2] == (FIRST + 2, FIRST + 2)


def test_a_row_whose_cursor_moves_becomes_a_second_row(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest
) -> None:
    to_postgres.sync(APPENDED)
    shop.execute("UPDATE orders SET updated_at = '2026-01-01 00:00+00' WHERE id = 1")

    to_postgres.sync(APPENDED)

    assert found(to_postgres, request)[:2] == (FIRST + 1, FIRST)


@kinds
def test_a_process_that_dies_after_the_rows_are_in_adds_none_twice(
    shop: psycopg.Connection[Any], route: Route, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails, as tried, with dlt's own `append` and with a cursor that dlt alone remembers."""
    route.sync(APPENDED)
    insert(shop, *range(20_001, 20_006))
    with monkeypatch.context() as patched:
        patched.setattr(SqlJobClientBase, "complete_load", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        ended_by = route.sync_and_die(APPENDED, die_when=lambda *_: False)
    assert ended_by == signal.SIGKILL
    assert found(route, request) == there(shop)  # they are in, and dlt does not know it

    again = route.sync(APPENDED)

    assert again.tables[0].rows_loaded == 0
    assert found(route, request) == there(shop)


@pytest.mark.parametrize(("event", "what"), [("step", "load running"), ("step", "finalize running")])
def test_a_killed_run_is_made_good_by_the_next(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest, event: str, what: str
) -> None:
    to_postgres.sync(APPENDED)
    insert(shop, *range(20_001, 20_006))

    assert to_postgres.sync_and_die(APPENDED, die_when=lambda *seen: seen == (event, what)) == signal.SIGKILL
    to_postgres.sync(APPENDED)

    assert found(to_postgres, request) == there(shop)


def test_a_run_that_was_overtaken_adds_nothing(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest
) -> None:
    to_postgres.sync(APPENDED)
    insert(shop, 20_001, 20_002)

    def overtake(kind: str, what: str) -> bool:
        if (kind, what) == ("step", "load running"):
            to_postgres.sync_and_die(APPENDED, die_when=lambda *_: False)
        return False

    with pytest.raises(SyncError, match="another run appended meanwhile"):
        to_postgres.sync(APPENDED, recorder=Recorder(stop_when=overtake))

    assert found(to_postgres, request) == there(shop)


@pytest.mark.parametrize("before", [REPLACED, MERGED])
def test_another_mode_before_doubles_nothing(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest, before: TablePlan
) -> None:
    to_postgres.sync(APPENDED)
    insert(shop, 20_001, at="2025-11-01 00:00+00")
    to_postgres.sync(before)
    insert(shop, 20_002)

    last = to_postgres.sync(APPENDED)

    assert found(to_postgres, request) == there(shop)
    assert last.tables[0].rows_loaded == FIRST + 2  # written anew: rows that showed late are not missed


def test_another_mode_after_a_death_doubles_nothing(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_postgres.sync(APPENDED)
    insert(shop, 20_001, at="2025-11-01 00:00+00")
    with monkeypatch.context() as patched:
        patched.setattr(SqlJobClientBase, "complete_load", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        to_postgres.sync_and_die(APPENDED, die_when=lambda *_: False)
    to_postgres.sync(MERGED)
    insert(shop, 20_002)

    to_postgres.sync(APPENDED)

    assert found(to_postgres, request) == there(shop)


@kinds
def test_resync_takes_out_what_the_source_has_no_more(
    shop: psycopg.Connection[Any], route: Route, request: pytest.FixtureRequest
) -> None:
    route.sync(APPENDED)
    shop.execute("DELETE FROM orders WHERE id <= 1000")

    route.sync(replace(APPENDED, is_afresh=True))

    assert found(route, request) == there(shop)
    insert(shop, 20_001)
    assert route.sync(APPENDED).tables[0].rows_loaded == 1


@pytest.mark.parametrize("gone", ["orders", "_dlt_patchbay_appends"])
def test_a_table_or_a_ledger_that_somebody_dropped_comes_back(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest, gone: str
) -> None:
    to_postgres.sync(APPENDED)
    request.getfixturevalue("warehouse_db").execute(f"DROP TABLE {to_postgres.dataset}.{gone}")
    insert(shop, 20_001)

    to_postgres.sync(APPENDED)

    assert found(to_postgres, request) == there(shop)


def test_another_cursor_writes_the_table_anew(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest
) -> None:
    to_postgres.sync(APPENDED)

    last = to_postgres.sync(replace(APPENDED, cursor="id"))

    assert last.tables[0].rows_loaded == FIRST
    assert found(to_postgres, request) == there(shop)


def test_times_of_the_last_minutes_wait_and_rows_without_a_time_are_left_out(
    shop: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest
) -> None:
    shop.execute("ALTER TABLE orders ALTER updated_at DROP NOT NULL")
    shop.execute("INSERT INTO orders VALUES (20001, 'now', now()), (20002, 'ever', 'infinity'), (20003, 'never', NULL)")

    to_postgres.sync(APPENDED)
    assert found(to_postgres, request)[0] == FIRST
    shop.execute("UPDATE orders SET updated_at = now() - interval '11 minutes' WHERE id = 20001")
    last = to_postgres.sync(APPENDED)

    assert last.tables[0].rows_loaded == 1


def test_a_number_that_shows_late_is_waited_for(
    ticks: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest
) -> None:
    with psycopg.connect(database_url(SOURCE)) as slow:
        slow.execute("INSERT INTO ticks VALUES (4)")
        ticks.execute("INSERT INTO ticks VALUES (5)")

        class Committing(Recorder):
            def check(self) -> None:
                slow.commit()

        to_postgres.sync(BY_ID, recorder=Committing())

    assert found(to_postgres, request, "ticks") == (5, 5, 15)


def test_who_writes_for_too_long_holds_up_what_is_new(
    ticks: psycopg.Connection[Any], to_postgres: Route, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "PATIENCE_SECONDS", 0.0)
    to_postgres.sync(BY_ID)
    recorder = Recorder()
    with psycopg.connect(database_url(SOURCE)) as slow:
        slow.execute("INSERT INTO ticks VALUES (4)")
        ticks.execute("INSERT INTO ticks VALUES (5)")
        to_postgres.sync(BY_ID, recorder=recorder)
    assert found(to_postgres, request, "ticks") == (3, 3, 6)
    assert any("new rows wait for the next sync" in line for line in recorder.lines)

    to_postgres.sync(BY_ID)

    assert found(to_postgres, request, "ticks") == (5, 5, 15)


def test_appending_without_a_cursor_is_refused(shop: psycopg.Connection[Any], to_postgres: Route) -> None:
    with pytest.raises(SyncError, match="no cursor") as caught:
        to_postgres.sync(table("orders", mode="append"))

    assert caught.value.code == "misconfigured"


def test_records_of_an_api_are_appended_once(
    payroll: Endpoint, warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Any
) -> None:
    route = Route(payroll, warehouse, tmp_path / "api", entity="co_halden_cold_chain")
    employees = table("employees", "id", mode="append", cursor="updated_at")
    first, second = route.sync(employees), route.sync(employees)

    rows = warehouse_db.execute(f"SELECT count(*), count(DISTINCT id) FROM {route.dataset}.employees").fetchone()
    assert rows == (first.tables[0].rows_loaded,) * 2
    assert second.tables[0].rows_loaded == 0


@pytest.mark.parametrize(
    ("values", "since", "expected"),
    [
        ((9, 10, 11, None), "10", [11]),
        (
            ("2024-01-01T00:00:00Z", "2024-01-01T02:00:00+01:00"),
            "2024-01-01 00:30:00+00",
            ["2024-01-01T02:00:00+01:00"],
        ),
        (("a", "b"), "a", ["b"]),
        (("a", None), None, ["a"]),
    ],
)
def test_newer_compares_as_numbers_times_or_text(
    values: tuple[Any, ...], since: str | None, expected: list[Any]
) -> None:
    assert [row["at"] for row in newer([{"at": value} for value in values], "at", since)] == expected
