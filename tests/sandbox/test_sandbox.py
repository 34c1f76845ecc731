"""The sandbox as a client meets it: over HTTP, from a real server process."""

import signal
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from connectors.sandbox.knobs import DEMO_KNOBS
from tests.sandbox.conftest import Start
from tests.sandbox.running import ADMIN_KEY, API_KEY, Running

COMPANY = "/v1/companies/co_halden_ireland"
OTHER = "/v1/companies/co_halden_nordic"
PATHS = ("/v1/companies", f"{COMPANY}/employees", f"{COMPANY}/pay-runs", f"{COMPANY}/pay-statements")

Turn = Callable[[object], None]


def error_code(response: requests.Response) -> str:
    return str(response.json()["error"]["code"])


@pytest.mark.parametrize("path", PATHS)
def test_two_servers_with_one_seed_answer_alike(sandbox: Running, start_sandbox: Start, path: str) -> None:
    twin = start_sandbox()

    assert twin.get(path, limit=500).content == sandbox.get(path, limit=500).content


def test_another_seed_gives_other_people(sandbox: Running, start_sandbox: Start) -> None:
    other = start_sandbox(SEED="another")

    path = f"{COMPANY}/employees"
    assert {row["id"] for row in other.rows(path)}.isdisjoint(row["id"] for row in sandbox.rows(path))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("limit", [7, 500])
def test_pages_hold_every_row_once(sandbox: Running, path: str, limit: int) -> None:
    ids = [row["id"] for row in sandbox.rows(path, limit=limit)]

    assert len(ids) == len(set(ids)) == sandbox.get(path).json()["total"]


def test_page_size_is_100_unless_said(sandbox: Running) -> None:
    assert len(sandbox.get(f"{COMPANY}/pay-statements").json()["data"]) == 100


@pytest.mark.parametrize("collection", ["employees", "pay-runs", "pay-statements", "benefit-enrollments"])
def test_updated_since_returns_exactly_the_later_rows(sandbox: Running, collection: str) -> None:
    rows = sandbox.rows(f"{COMPANY}/{collection}")
    moments = sorted(row["updated_at"] for row in rows)
    middle = moments[len(moments) // 2]

    later = sandbox.rows(f"{COMPANY}/{collection}", updated_since=middle, limit=20)

    assert later == [row for row in rows if row["updated_at"] >= middle]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic abc", f"Bearer {API_KEY}x", "Bearer é"])
def test_without_the_api_key_nothing_is_shown(sandbox: Running, header: str | None) -> None:
    headers = {"Authorization": header.encode() if header else None}

    response = sandbox.session.get(sandbox.url + "/v1/companies", headers=headers, timeout=5)

    assert (response.status_code, error_code(response)) == (401, "invalid_api_key")


def test_health_needs_no_key(sandbox: Running) -> None:
    response = requests.get(sandbox.url + "/healthz", timeout=5)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", "not_found"),
        ("/v1/nothing", "not_found"),
        (f"{COMPANY}/nothing", "not_found"),
        ("/v1/companies/co_nobody/employees", "company_not_found"),
    ],
)
def test_unknown_address_is_404(sandbox: Running, path: str, code: str) -> None:
    response = sandbox.get(path)

    assert (response.status_code, error_code(response)) == (404, code)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "501"), ("limit", "ten"), ("limit", "٣"), ("cursor", "x"), ("cursor", "é"),
        ("cursor", "bm90aGluZw"), ("updated_since", "yesterday"),
    ],
)  # fmt: skip
def test_unusable_parameter_is_400(sandbox: Running, name: str, value: str) -> None:
    response = sandbox.get(f"{COMPANY}/employees", **{name: value})

    assert (response.status_code, error_code(response)) == (400, f"invalid_{name}")


def test_cursor_of_another_collection_is_refused(sandbox: Running) -> None:
    cursor = sandbox.get(f"{COMPANY}/employees", limit=1).json()["next_cursor"]

    assert sandbox.get(f"{OTHER}/employees", cursor=cursor).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_only_get_reads(sandbox: Running, method: str) -> None:
    response = sandbox.session.request(method, sandbox.url + "/v1/companies", timeout=5)

    assert (response.status_code, response.headers["Allow"]) == (405, "GET")


def test_demo_knobs_withdraw_one_company_and_slow_another(start_sandbox: Start) -> None:
    demo = start_sandbox(KNOBS="demo")
    answers = {
        company["id"]: demo.get(f"/v1/companies/{company['id']}/employees", limit=1)
        for company in demo.rows("/v1/companies")
    }

    refused = {company_id: error_code(answer) for company_id, answer in answers.items() if answer.status_code == 403}
    slow = {company_id for company_id, answer in answers.items() if answer.elapsed.total_seconds() >= 0.15}

    assert refused == {"co_halden_iberia": "company_access_revoked"}
    assert "co_halden_cold_chain" in slow
    assert refused.keys() | {"co_halden_cold_chain"} == DEMO_KNOBS.keys()
    assert len(answers) >= 12


def test_rate_limit_answers_429_with_retry_after(sandbox: Running, knobs: Turn) -> None:
    knobs({"co_halden_ireland": {"rate_limit": 0.5}})

    first, second = (sandbox.get(f"{COMPANY}/employees") for _ in range(2))

    assert first.status_code == 200
    assert (second.status_code, error_code(second), second.headers["Retry-After"]) == (429, "rate_limited", "2")
    assert sandbox.get(f"{OTHER}/employees").status_code == 200


def test_rate_limit_may_name_no_time(sandbox: Running, knobs: Turn) -> None:
    knobs({"co_halden_ireland": {"rate_limit": 0.5, "no_retry_after": True}})

    answers = [sandbox.get(f"{COMPANY}/employees") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert "Retry-After" not in answers[1].headers


@pytest.mark.parametrize(
    ("status", "code"), [(500, "internal_error"), (503, "service_unavailable"), (401, "invalid_api_key")]
)
def test_failing_company_leaves_the_others_alone(sandbox: Running, knobs: Turn, status: int, code: str) -> None:
    knobs({"co_halden_ireland": {"fail_status": status}})

    response = sandbox.get(f"{COMPANY}/pay-runs")

    assert (response.status_code, error_code(response)) == (status, code)
    assert sandbox.get(f"{OTHER}/pay-runs").status_code == 200


def test_knobs_for_everybody_spare_whom_they_say(sandbox: Running, knobs: Turn) -> None:
    knobs({"*": {"fail_status": 503}, "co_halden_nordic": {"fail_status": None}})

    statuses = [
        sandbox.get(path).status_code for path in ("/v1/companies", f"{COMPANY}/employees", f"{OTHER}/employees")
    ]

    assert statuses == [503, 503, 200]


def test_one_page_fails(sandbox: Running, knobs: Turn) -> None:
    knobs({"co_halden_ireland": {"fail_on_page": 2}})

    first = sandbox.get(f"{COMPANY}/employees", limit=20)
    second = sandbox.get(f"{COMPANY}/employees", limit=20, cursor=first.json()["next_cursor"])

    assert (first.status_code, second.status_code) == (200, 500)


def test_truncated_body_breaks_off_in_the_middle(sandbox: Running, knobs: Turn) -> None:
    knobs({"co_halden_ireland": {"truncate": True}})

    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        sandbox.get(f"{COMPANY}/employees")
    assert sandbox.get(f"{OTHER}/employees").status_code == 200


def test_dripping_body_arrives_whole_but_late(sandbox: Running, knobs: Turn) -> None:
    whole = sandbox.get(f"{OTHER}/pay-runs").content
    knobs({"co_halden_nordic": {"drip_bytes_per_second": len(whole) * 5}})

    started = time.monotonic()
    dripped = sandbox.get(f"{OTHER}/pay-runs").content

    assert dripped == whole
    assert time.monotonic() - started >= 0.2


def test_knobs_can_be_read_and_cleared(sandbox: Running, knobs: Turn) -> None:
    document = {"*": {"page_delay_ms": 1}}
    knobs(document)
    address, headers = sandbox.url + "/_sandbox/knobs", {"X-Sandbox-Admin": ADMIN_KEY}

    assert sandbox.session.get(address, headers=headers, timeout=5).json() == {"knobs": document}
    assert sandbox.session.delete(address, headers=headers, timeout=5).json() == {"knobs": {}}
    assert sandbox.session.get(address, headers=headers, timeout=5).json() == {"knobs": {}}


@pytest.mark.parametrize(
    "document",
    [
        [], "demo", {"co_nobody": {}}, {"*": 1}, {"*": {"speed": 1}}, {"*": {"fail_status": 200}},
        {"*": {"page_delay_ms": True}}, {"*": {"page_delay_ms": 1.5}}, {"*": {"rate_limit": 0}},
        {"*": {"truncate": 1}}, {"*": {"fail_code": "two words"}}, {"*": {"no_retry_after": "yes"}},
        {"*": {"drip_bytes_per_second": 0}},
    ],
)  # fmt: skip
def test_unusable_knobs_are_refused_and_change_nothing(sandbox: Running, knobs: Turn, document: object) -> None:
    knobs({"*": {"page_delay_ms": 1}})

    response = sandbox.turn_knobs(document)

    assert (response.status_code, error_code(response)) == (400, "invalid_knobs")
    headers = {"X-Sandbox-Admin": ADMIN_KEY}
    now = sandbox.session.get(sandbox.url + "/_sandbox/knobs", headers=headers, timeout=5).json()
    assert now == {"knobs": {"*": {"page_delay_ms": 1}}}


def test_knobs_need_the_admin_key(sandbox: Running, start_sandbox: Start) -> None:
    closed = start_sandbox(ADMIN_KEY="")

    assert sandbox.get("/_sandbox/knobs").status_code == 401
    assert closed.turn_knobs({}).status_code == 404


def test_connection_is_kept_alive_after_errors(sandbox: Running) -> None:
    connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=5)
    connection.connect()
    before = connection.sock

    statuses = []
    for method, path in (("GET", "/healthz"), ("HEAD", "/healthz"), ("POST", "/nowhere"), ("GET", "/healthz")):
        connection.request(method, path, body="ignored")
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)

    assert statuses == [200, 405, 404, 200]
    assert connection.sock is before
    connection.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"PUT /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"PUT /healthz HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", b"413"),
        (b"PUT /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
    ],
)
def test_malformed_request_is_refused(sandbox: Running, request_bytes: bytes, status: bytes) -> None:
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as connection:
        connection.sendall(request_bytes)
        answer = connection.makefile("rb").read()

    assert answer.endswith(b'{"error":{"code":"bad_request","message":"HTTP %s"}}' % status)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stop_signal_ends_it_cleanly(start_sandbox: Start, stop: signal.Signals) -> None:
    sandbox = start_sandbox()
    sandbox.get("/healthz")  # leaves a kept-alive connection open

    sandbox.process.send_signal(stop)

    assert (sandbox.stderr_after(), sandbox.process.returncode) == ("", 0)


def test_kill_frees_the_port(start_sandbox: Start) -> None:
    sandbox = start_sandbox()
    sandbox.get("/healthz")

    sandbox.process.kill()
    sandbox.process.wait(timeout=5)

    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(sandbox.url + "/healthz", timeout=5)


def test_access_log_shows_no_key_and_no_query(start_sandbox: Start) -> None:
    sandbox = start_sandbox("--access-log")
    sandbox.get("/v1/companies", limit=3, api_key=API_KEY)

    sandbox.process.terminate()
    line = sandbox.stderr_after()

    assert line.startswith("GET /v1/companies 200 ")
    assert API_KEY not in line
    assert "limit" not in line
