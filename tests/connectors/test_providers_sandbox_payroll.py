from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors import protect
from connectors.plan import Endpoint, RowFilter, Stopped, SyncError, TablePlan
from connectors.providers.sandbox_payroll import access
from connectors.providers.sandbox_payroll.client import Client
from tests.connectors.recorder import Recorder, Route
from tests.sandbox.running import API_KEY, Running

COMPANY = "co_halden_cold_chain"


@pytest.fixture
def company(payroll: Endpoint) -> str:
    return access.list_entities(payroll)[-1].ref


@pytest.fixture
def route(payroll: Endpoint, warehouse: Endpoint, company: str, tmp_path: Path) -> Route:
    return Route(payroll, warehouse, tmp_path / "work", entity=company)


def tables(payroll: Endpoint, company: str) -> tuple[TablePlan, ...]:
    found = access.list_tables(payroll, company)
    return tuple(TablePlan(name=one.name, keys=one.keys, mode=one.mode, cursor=one.cursor) for one in found)


def code_of(endpoint: Endpoint, company: str = "") -> str:
    with pytest.raises(SyncError) as caught:
        access.check(endpoint, company)
    assert API_KEY not in str(caught.value)
    return caught.value.code


def test_reach_asks_no_key_and_tells_what_answers(payroll: Endpoint) -> None:
    nobody = Endpoint(payroll.kind, {"base_url": "http://127.0.0.1:1"})

    assert access.reach(Endpoint(payroll.kind, payroll.config)).endswith("of 127.0.0.1 answers, not encrypted")
    with pytest.raises(SyncError, match="unreachable"):
        access.reach(nobody)


def test_companies_are_entities(payroll: Endpoint, sandbox: Running) -> None:
    found = access.list_entities(payroll)

    assert [(entity.ref, entity.name) for entity in found] == [
        (row["id"], row["name"]) for row in sandbox.rows("/v1/companies")
    ]


def test_every_record_arrives_as_it_is(
    payroll: Endpoint, sandbox: Running, company: str, route: Route, warehouse_db: psycopg.Connection[Any]
) -> None:
    result = route.sync(*tables(payroll, company))

    for count in result.tables:
        records = sandbox.rows(f"/v1/companies/{company}/{count.name.replace('_', '-')}")
        copied = warehouse_db.execute(
            f"SELECT to_jsonb(t) FROM (SELECT * FROM {route.dataset}.{count.name} ORDER BY id) AS t".encode()
        )
        expected = sorted(records, key=lambda record: record["id"])
        assert [normalised(row[0]) for row in copied] == [normalised(record) for record in expected]
        assert count.rows_loaded == len(records)


def normalised(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "updated_at": record["updated_at"].replace("+00:00", "Z")}


def test_the_second_sync_asks_for_changes_only(payroll: Endpoint, company: str, route: Route) -> None:
    plans = tables(payroll, company)
    first = route.sync(*plans)

    second = route.sync(*plans)

    assert all(
        0 < two.rows_extracted <= one.rows_extracted for one, two in zip(first.tables, second.tables, strict=True)
    )
    assert sum(count.rows_extracted for count in second.tables) < sum(count.rows_extracted for count in first.tables)


def test_pages_are_logged(payroll: Endpoint, company: str, route: Route) -> None:
    recorder = Recorder()

    route.sync(*tables(payroll, company), recorder=recorder)

    (line,) = [line for line in recorder.lines if line.startswith("info extract employees page 1, 200 in ")]
    assert line.endswith(" rows")


def test_a_wrong_key_is_named(payroll: Endpoint) -> None:
    wrong = Endpoint("sandbox_payroll", payroll.config, {"api_key": "wrong-key-0815"})

    assert code_of(wrong) == "invalid_credentials"


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"fail_status": 403, "fail_code": "company_access_revoked"}, "entity_access_lost"),
        ({"fail_status": 403, "fail_code": "scope_missing"}, "insufficient_permissions"),
        ({"fail_status": 401}, "invalid_credentials"),
        ({"fail_status": 500}, "provider_error"),
        ({"fail_status": 503}, "provider_unavailable"),
        ({"truncate": True}, "provider_error"),
    ],
)
def test_a_company_that_fails_is_told_by_code(
    payroll: Endpoint, sandbox: Running, company: str, route: Route, knobs: dict[str, Any], code: str
) -> None:
    plans = tables(payroll, company)
    sandbox.turn_knobs({company: knobs})

    with pytest.raises(SyncError) as caught:
        route.sync(*plans)

    assert (caught.value.code, caught.value.step) == (code, "check_access")


def test_a_failure_on_a_later_page_ends_the_extraction(
    payroll: Endpoint, sandbox: Running, tmp_path: Path, warehouse: Endpoint
) -> None:
    route = Route(payroll, warehouse, tmp_path / "work", entity=COMPANY)
    plans = tables(payroll, COMPANY)
    sandbox.turn_knobs({COMPANY: {"fail_status": 503, "fail_on_page": 2}})

    with pytest.raises(SyncError) as caught:
        route.sync(*plans)

    assert (caught.value.code, caught.value.step) == ("provider_unavailable", "extract")


def test_an_unknown_company_has_lost_its_access(payroll: Endpoint) -> None:
    assert code_of(payroll, "co_not_there") == "entity_access_lost"


def ask_often(client: Client, company: str) -> None:
    for _ in range(4):
        next(client.pages(f"companies/{company}/employees", limit=1))


def test_a_short_rate_limit_is_waited_for(payroll: Endpoint, sandbox: Running, company: str) -> None:
    sandbox.turn_knobs({company: {"rate_limit": 5}})
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    with Client(payroll, pause) as client:
        ask_often(client, company)
        ask_often(client, company)

    assert waits
    assert max(waits) <= 0.5


def test_a_cancel_ends_the_wait_for_a_rate_limit(payroll: Endpoint, sandbox: Running, company: str) -> None:
    sandbox.turn_knobs({company: {"rate_limit": 0.05}})

    def cancelled(_seconds: float) -> None:
        raise Stopped("cancelled_by_user")

    with Client(payroll, cancelled) as client, pytest.raises(Stopped):
        ask_often(client, company)


def test_a_long_rate_limit_is_left_to_the_next_attempt(payroll: Endpoint, sandbox: Running, company: str) -> None:
    sandbox.turn_knobs({company: {"rate_limit": 0.01}})

    with Client(payroll) as client, pytest.raises(SyncError) as caught:
        ask_often(client, company)

    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 30


def test_a_rate_limit_without_a_time_is_left_to_the_class_of_failure(
    payroll: Endpoint, sandbox: Running, company: str
) -> None:
    sandbox.turn_knobs({company: {"rate_limit": 0.01, "no_retry_after": True}})

    def waits(_seconds: float) -> None:
        pytest.fail("Nobody said how long to wait.")

    with Client(payroll, waits) as client, pytest.raises(SyncError) as caught:
        ask_often(client, company)

    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", None)


@contextmanager
def answering(status: int, body: bytes, *headers: tuple[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Serve one fixed answer on a free port; give the address and the Host headers that came."""
    hosts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", hosts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def at(base_url: str) -> Endpoint:
    return Endpoint("sandbox_payroll", {"base_url": base_url}, {"api_key": API_KEY})


@pytest.mark.parametrize(
    ("status", "body", "headers", "code"),
    [
        (200, b"<html>", (), "bad_record"),
        (200, b"[]", (), "bad_record"),
        (200, b'{"data": [1]}', (), "bad_record"),
        (200, b'{"data": [], "next_cursor": 7}', (), "bad_record"),
        (302, b"", (("Location", "http://169.254.169.254/latest"),), "misconfigured"),
        (404, b"not here", (), "misconfigured"),
        (502, b"", (), "provider_unavailable"),
        (418, b"", (), "provider_error"),
        (429, b"", (("Retry-After", "90"),), "rate_limited"),
    ],
)
def test_an_answer_that_is_not_data_is_told_by_code(
    status: int, body: bytes, headers: tuple[tuple[str, str], ...], code: str
) -> None:
    with answering(status, body, *headers) as (url, _):
        assert code_of(at(url)) == code


def test_a_source_that_pages_in_a_circle_is_stopped() -> None:
    with (
        answering(200, b'{"data": [{"id": "a"}], "next_cursor": "again"}') as (url, _),
        pytest.raises(SyncError) as caught,
    ):
        access.list_entities(at(url))

    assert caught.value.code == "bad_record"


def test_the_name_stays_in_the_request_while_the_address_is_pinned() -> None:
    with answering(200, b'{"data": [], "next_cursor": null}') as (url, hosts):
        named = url.replace("127.0.0.1", "localtest.localhost")
        access.check(at(url))

        with Client(at(url)) as client:
            client._base = named
            client._session.mount(named, client._session.adapters[url])
            client._session.headers["Host"] = named.removeprefix("http://")
            list(client.pages("companies"))

    assert hosts == [url.removeprefix("http://"), named.removeprefix("http://")]


@pytest.mark.parametrize(
    ("base_url", "code"),
    [
        ("http://10.0.0.1:9", "address_not_allowed"),
        ("http://[::ffff:10.0.0.1]:9", "address_not_allowed"),
        ("http://nothing.invalid", "dns_failure"),
        ("ftp://127.0.0.1", "misconfigured"),
        ("127.0.0.1:80", "misconfigured"),
        ("http://user:pass@127.0.0.1", "misconfigured"),
        ("http://127.0.0.1:99999", "misconfigured"),
        ("", "misconfigured"),
        ("http://127.0.0.1:1", "unreachable"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_by_code(base_url: str, code: str) -> None:
    assert code_of(at(base_url)) == code


def test_tls_to_a_server_without_it_is_told_by_code() -> None:
    with answering(200, b"{}") as (url, _):
        assert code_of(at(url.replace("http:", "https:"))) == "tls_error"


def test_rows_are_filtered_and_values_hidden_before_they_are_loaded(
    payroll: Endpoint, company: str, route: Route, warehouse_db: psycopg.Connection[Any], sandbox: Running
) -> None:
    everybody = sandbox.rows(f"/v1/companies/{company}/employees")
    (asked,) = [one for one in tables(payroll, company) if one.name == "employees"]
    department = everybody[0]["department"]
    shaped = replace(
        asked,
        columns=("email", "last_name", "salary"),
        filters=(RowFilter("department", "eq", department), RowFilter("hire_date", "ge", "1990-01-01")),
        protected=(("email", "hash"), ("last_name", "mask"), ("salary", "hash")),
        protection_key="k",
    )

    route.sync(shaped)

    found = warehouse_db.execute(f"SELECT * FROM {route.dataset}.employees ORDER BY id".encode())
    assert [column.name for column in found.description or ()] == [
        "id", "last_name", "email", "salary", "updated_at",
    ]  # fmt: skip
    assert [row[:4] for row in found] == [
        (
            row["id"],
            protect.masked(row["last_name"]),
            protect.hashed(row["email"], "k"),
            protect.hashed(json.dumps(row["salary"], ensure_ascii=False), "k"),
        )
        for row in sorted(everybody, key=lambda row: row["id"])
        if row["department"] == department and row["hire_date"] >= "1990-01-01"
    ]
