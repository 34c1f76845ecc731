"""The sandbox's token endpoint over HTTP, rule by rule: exchanged, renewed, revoked (RFC 6749, 7636, 7009)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from connectors.sandbox.grants import challenge_of
from tests.sandbox.conftest import Start
from tests.sandbox.serving import (
    ASK,
    CHALLENGE,
    COMPANY,
    VERIFIER,
    Clock,
    Visitor,
    exchange,
    granted,
    read,
    refused,
    renew,
)


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"code_verifier": f"{VERIFIER[:-1]}X"}, 400, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, 400, "invalid_grant"),
        ({"code_verifier": "too-short"}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:8001/connect/callback/"}, 400, "invalid_grant"),
        ({"redirect_uri": ""}, 400, "invalid_request"),
        ({"client_id": "somebody-else"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"code": "made-up"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
def test_a_wrong_exchange_is_refused(
    url: str, visitor: Visitor, changed: dict[str, str], status: int, error: str
) -> None:
    code = visitor.allows()["code"]

    assert refused(exchange(url, **{"code": code, **changed})) == (status, error)


def test_a_code_that_was_shown_with_a_wrong_verifier_is_used_up(url: str, visitor: Visitor) -> None:
    code = visitor.allows()["code"]
    exchange(url, code, code_verifier="x" * 43)

    assert refused(exchange(url, code)) == (400, "invalid_grant")


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
def test_a_code_is_good_for_a_minute(url: str, visitor: Visitor, clock: Clock, seconds: int, status: int) -> None:
    code = visitor.allows()["code"]
    clock.now += seconds

    assert exchange(url, code).status_code == status


def test_a_code_that_is_used_twice_takes_back_what_it_gave(url: str, visitor: Visitor) -> None:
    other = granted(url)
    code = visitor.allows()["code"]
    first = exchange(url, code).json()
    renewed = renew(url, first["refresh_token"]).json()["access_token"]

    assert refused(exchange(url, code)) == (400, "invalid_grant")

    for token in (first["access_token"], renewed):
        assert read(url, token).json()["error"]["code"] == "token_revoked"
    assert refused(renew(url, first["refresh_token"])) == (400, "invalid_grant")
    assert read(url, other["access_token"]).status_code == 200


def test_of_many_who_show_a_code_at_once_one_gets_tokens_that_are_dead_then(url: str, visitor: Visitor) -> None:
    code = visitor.allows()["code"]
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: exchange(url, code), range(8)))

    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert read(url, won.json()["access_token"]).json()["error"]["code"] == "token_revoked"


def test_an_access_token_lasts_ten_minutes_and_is_renewed(url: str, clock: Clock) -> None:
    found = granted(url)
    clock.now += 599
    assert read(url, found["access_token"]).status_code == 200
    clock.now += 1
    assert read(url, found["access_token"]).json()["error"]["code"] == "token_expired"

    clock.now += 3 * 365 * 24 * 3600
    renewed = renew(url, found["refresh_token"])

    assert "refresh_token" not in renewed.json()
    assert read(url, renewed.json()["access_token"]).status_code == 200


def test_a_renewed_token_may_read_less_and_never_more(url: str) -> None:
    found = exchange(url, Visitor(url).allows(scopes=("payroll",))["code"]).json()
    more = renew(url, found["refresh_token"], scope="payroll workforce")
    everything = renew(url, granted(url)["refresh_token"], scope="workforce").json()

    assert refused(more) == (400, "invalid_scope")
    assert everything["scope"] == "workforce"
    beyond = read(url, everything["access_token"], f"{COMPANY}/pay-runs")
    assert beyond.json()["error"]["code"] == "insufficient_scope"


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revoking_ends_all_of_a_grant(url: str, kind: str) -> None:
    found = granted(url)
    sent = {"token": found[kind], "client_id": "patchbay", "token_type_hint": "whatever"}

    assert requests.post(f"{url}/oauth/revoke", data=sent, timeout=5).status_code == 200

    assert read(url, found["access_token"]).json()["error"]["code"] == "token_revoked"
    assert refused(renew(url, found["refresh_token"])) == (400, "invalid_grant")


def test_a_user_takes_back_what_was_given_in_his_name(url: str, visitor: Visitor, clock: Clock) -> None:
    found, other = granted(url, "milan"), granted(url)
    page = f"{url}/access"
    clock.now += 1
    wrong = requests.post(page, data={"username": "<milan>", "password": "x"}, timeout=5)
    assert (wrong.status_code, "&lt;milan&gt;" in wrong.text, "<milan>" in wrong.text) == (422, True, False)
    assert "4 tries are left." in wrong.text
    assert requests.post(page, json={"username": "milan", "password": "payroll-milan"}, timeout=5).status_code == 422
    assert renew(url, found["refresh_token"]).status_code == 200

    done = requests.post(page, data={"username": "milan", "password": "payroll-milan"}, timeout=5)

    assert "Access taken back" in done.text
    assert read(url, found["access_token"]).json()["error"]["code"] == "token_revoked"
    assert refused(renew(url, found["refresh_token"])) == (400, "invalid_grant")
    assert read(url, other["access_token"]).status_code == 200
    clock.now += 1
    again = exchange(url, visitor.allows("milan")["code"]).json()
    assert read(url, again["access_token"]).status_code == 200


def test_revoking_what_is_no_token_succeeds_and_asks_for_a_client(url: str) -> None:
    sent = {"token": "whatever", "client_id": "patchbay"}
    endpoint = f"{url}/oauth/revoke"

    assert requests.post(endpoint, data=sent, timeout=5).status_code == 200
    assert refused(requests.post(endpoint, data={"token": "whatever"}, timeout=5)) == (401, "invalid_client")
    assert refused(requests.post(endpoint, data={"client_id": "patchbay"}, timeout=5)) == (400, "invalid_request")


def test_one_token_does_not_stand_for_another(url: str) -> None:
    found = granted(url)

    assert refused(renew(url, found["access_token"])) == (400, "invalid_grant")
    as_refresh = found["access_token"].replace("sbx_access", "sbx_refresh")
    assert refused(renew(url, as_refresh)) == (400, "invalid_grant")
    as_access = found["refresh_token"].replace("sbx_refresh", "sbx_access")
    assert read(url, as_access).json()["error"]["code"] == "invalid_token"


def test_the_token_endpoint_takes_forms_by_post_only(url: str) -> None:
    endpoint = f"{url}/oauth/token"
    sent = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "patchbay"}

    assert requests.get(endpoint, params=sent, timeout=5).status_code == 405
    assert refused(requests.post(endpoint, json=sent, timeout=5)) == (400, "invalid_request")
    twice = requests.post(endpoint, data=[*sent.items(), ("refresh_token", "x")], timeout=5)
    assert refused(twice) == (400, "invalid_request")


def test_a_grant_outlives_the_server_and_a_code_does_not(start_sandbox: Start) -> None:
    first = start_sandbox()
    found, code = granted(first.url), Visitor(first.url).allows()["code"]
    first.process.kill()
    first.process.wait(timeout=5)
    second = start_sandbox()

    assert read(second.url, found["access_token"]).status_code == 200
    assert renew(second.url, found["refresh_token"]).status_code == 200
    assert refused(exchange(second.url, code)) == (400, "invalid_grant")


def test_nothing_secret_is_in_the_log(start_sandbox: Start) -> None:
    sandbox = start_sandbox("--access-log")
    visitor = Visitor(sandbox.url)
    code = visitor.allows(user="milan")["code"]
    found = exchange(sandbox.url, code).json()

    sandbox.process.terminate()
    said = sandbox.stderr_after()

    secrets = (code, VERIFIER, found["access_token"], found["refresh_token"], "payroll-milan", ASK["state"], CHALLENGE)
    assert "POST /oauth/token 200" in said
    assert not [secret for secret in secrets if secret in said]
