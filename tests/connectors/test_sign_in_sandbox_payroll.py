"""An end user signs in at the payroll sandbox by each method, and what that gives is synced with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from connectors import signing_in
from connectors.plan import Endpoint, SyncError, TablePlan
from connectors.providers.sandbox_payroll import access
from connectors.providers.sandbox_payroll.client import Client
from connectors.signing_in import Challenge, SignedIn, SignInError
from tests.connectors.recorder import Recorder, Route
from tests.sandbox.running import API_KEY
from tests.sandbox.serving import REDIRECT, Clock, Visitor, serving

KIND = "sandbox_payroll"
COMPANY = "co_halden_foods"
MINUTE = 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(clock: Clock) -> Iterator[dict[str, str]]:
    with serving(clock) as url:
        yield {"base_url": url}


def by_key(config: dict[str, str]) -> SignedIn:
    found = signing_in.sign_in(KIND, "api_key", config, {"api_key": API_KEY})
    assert isinstance(found, SignedIn)
    return found


def ask(config: dict[str, str], user: str, password: str = "") -> SignedIn | Challenge:
    typed = {"username": user, "password": password or f"payroll-{user}"}
    return signing_in.sign_in(KIND, "credentials_mfa", config, typed)


def by_password(config: dict[str, str], user: str = "nora") -> SignedIn:
    found = ask(config, user)
    assert isinstance(found, SignedIn)
    return found


def by_code(config: dict[str, str]) -> SignedIn:
    found = ask(config, "milan")
    assert isinstance(found, Challenge)
    return signing_in.answer(KIND, config, found.token, Visitor(config["base_url"]).code_in_inbox("milan"))


def begin(config: dict[str, str], **changed: Any) -> tuple[Visitor, str]:
    """Open the provider's page as a browser does that is sent there; return the verifier too."""
    verifier, challenge = signing_in.new_verifier()
    asked = {"redirect_uri": REDIRECT, "state": "s", "code_challenge": challenge, "scopes": ("workforce", "payroll")}
    visitor = Visitor(config["base_url"])
    visitor.opens_address(signing_in.authorize_url(KIND, config, **{**asked, **changed}))
    return visitor, verifier


def by_oauth(
    config: dict[str, str], user: str = "nora", *, scopes: tuple[str, ...] = ("workforce", "payroll")
) -> SignedIn:
    visitor, verifier = begin(config)
    visitor.sends(username=user, password=f"payroll-{user}")
    visitor.sends(decision="allow", scope=list(scopes))
    code = visitor.came_back_with()["code"]
    return signing_in.exchange(KIND, config, code=code, verifier=verifier, redirect_uri=REDIRECT)


WAYS = [by_key, by_password, by_code, by_oauth]
Way = Callable[[dict[str, str]], SignedIn]


def endpoint(found: SignedIn) -> Endpoint:
    return Endpoint(KIND, found.config, found.secrets)


def plans() -> tuple[TablePlan, ...]:
    return (
        TablePlan("employees", keys=("id",), mode="merge", cursor="updated_at"),
        TablePlan("pay_runs", keys=("id",), mode="merge", cursor="updated_at"),
    )


def refusal(call: Callable[[], object]) -> SignInError:
    with pytest.raises(SignInError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("way", WAYS)
def test_what_a_sign_in_gives_is_synced_with(
    way: Way, config: dict[str, str], warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    found = way(config)
    route = Route(endpoint(found), warehouse, tmp_path / "work", entity=COMPANY)

    result = route.sync(*plans())

    counts = {
        name: warehouse_db.execute(f"SELECT count(*) FROM {route.dataset}.{name}".encode()).fetchone()
        for name in ("employees", "pay_runs")
    }
    assert {count.name: (count.rows_loaded,) for count in result.tables} == counts
    assert counts["employees"] == (214,)


@pytest.mark.parametrize(
    ("way", "stored", "method"),
    [
        (by_key, "api_key", None),
        (by_password, "session_token", "credentials_mfa"),
        (by_code, "session_token", "credentials_mfa"),
        (by_oauth, "refresh_token", "oauth2"),
    ],
)
def test_what_is_stored_is_one_secret_and_never_a_password(
    way: Way, stored: str, method: str | None, config: dict[str, str]
) -> None:
    found = way(config)

    assert list(found.secrets) == [stored]
    assert "payroll-" not in found.secrets[stored]
    assert found.config == {**config, **({"sign_in": method} if method else {})}
    assert found.secrets[stored] not in repr(found)


def test_who_connects_again_leaves_nothing_of_the_first_sign_in(config: dict[str, str]) -> None:
    first = dict(by_oauth(config).config)

    assert by_key(first).config == config
    assert by_password(first).config == {**config, "sign_in": "credentials_mfa"}


def test_a_long_run_renews_its_access_in_the_middle(
    config: dict[str, str], clock: Clock, warehouse: Endpoint, tmp_path: Path
) -> None:
    route = Route(endpoint(by_oauth(config)), warehouse, tmp_path / "work", entity="co_halden_bakeries")
    # So that an access token, good for ten minutes, ends with every few looks at the clock.
    clock.step = 4 * MINUTE

    result = route.sync(*plans())

    assert result.tables[0].rows_loaded == 812


def test_an_access_token_is_asked_for_once_while_it_holds(
    config: dict[str, str], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = endpoint(by_oauth(config))
    with caplog.at_level(logging.DEBUG, logger="urllib3"), Client(source) as client:
        for _ in range(3):
            list(client.pages(f"companies/{COMPANY}/employees"))
        before = caplog.text.count("POST /oauth/token")
        clock.now += 10 * MINUTE
        list(client.pages(f"companies/{COMPANY}/employees"))

    assert (before, caplog.text.count("POST /oauth/token")) == (1, 2)
    assert source.secrets["refresh_token"] not in caplog.text


def revoke(config: dict[str, str], token: str) -> None:
    sent = {"token": token, "client_id": "patchbay"}
    assert requests.post(f"{config['base_url']}/oauth/revoke", data=sent, timeout=5).status_code == 200


@pytest.mark.parametrize("way", [by_password, by_oauth])
def test_revoked_access_is_told_by_code(way: Way, config: dict[str, str]) -> None:
    found = way(config)
    access.check(endpoint(found), COMPANY)
    revoke(config, next(iter(found.secrets.values())))

    with pytest.raises(SyncError) as caught:
        access.check(endpoint(found), COMPANY)

    assert caught.value.code == "token_revoked"


def test_access_that_is_revoked_in_the_middle_of_a_run_is_told_by_code(
    config: dict[str, str], warehouse: Endpoint, tmp_path: Path
) -> None:
    found = by_oauth(config)

    def revoke_then(_kind: str, what: str) -> bool:
        if what == "employees":
            revoke(config, found.secrets["refresh_token"])
        return False

    route = Route(endpoint(found), warehouse, tmp_path / "work", entity="co_halden_bakeries")
    with pytest.raises(SyncError) as caught:
        route.sync(*plans(), recorder=Recorder(stop_when=revoke_then))

    assert (caught.value.code, caught.value.step) == ("token_revoked", "extract")


def test_a_session_that_has_ended_is_told_by_code(config: dict[str, str], clock: Clock) -> None:
    found = by_password(config)
    clock.now += 31 * 24 * 60 * MINUTE

    with pytest.raises(SyncError) as caught:
        access.check(endpoint(found))

    assert caught.value.code == "token_expired"


def test_what_was_not_granted_is_told_by_code(config: dict[str, str]) -> None:
    people, pay = by_oauth(config, scopes=("workforce",)), by_oauth(config, scopes=("payroll",))

    assert (people.scopes, pay.scopes) == (("workforce",), ("payroll",))
    for found in (people, pay):
        access.check(endpoint(found), COMPANY)
    access.check_tables(endpoint(pay), COMPANY, [("", "pay_runs"), ("", "pay_statements")])
    with pytest.raises(SyncError) as caught:
        access.check_tables(endpoint(people), COMPANY, [("", "employees"), ("", "pay_runs")])
    assert caught.value.code == "insufficient_scope"


@pytest.mark.parametrize("way", [by_password, by_oauth])
def test_what_a_user_may_not_read_is_told_by_code(
    way: Callable[[dict[str, str], str], SignedIn], config: dict[str, str]
) -> None:
    found = way(config, "wanda")

    assert found.scopes == ("workforce",)
    with pytest.raises(SyncError) as caught:
        access.check_tables(endpoint(found), COMPANY, [("", "pay_runs")])
    assert caught.value.code == "insufficient_permissions"


@pytest.mark.parametrize(("user", "refs"), [("sonja", [COMPANY]), ("egon", [])])
def test_companies_are_those_of_the_user(user: str, refs: list[str], config: dict[str, str]) -> None:
    found = endpoint(by_password(config, user))

    access.check(found)
    assert [one.ref for one in access.list_entities(found)] == refs


def test_wrong_passwords_are_counted_down(config: dict[str, str]) -> None:
    found = [refusal(lambda: ask(config, "nora", "typed-canary")) for _ in range(5)]

    assert [(one.code, one.tries_left) for one in found] == [
        *(("invalid_credentials", left) for left in (4, 3, 2, 1)),
        ("account_locked", 0),
    ]
    assert found[-1].retry_after == pytest.approx(15 * MINUTE, abs=1)
    assert "typed-canary" not in "".join(map(str, found))


def test_a_locked_account_is_told_by_code(config: dict[str, str]) -> None:
    found = refusal(lambda: ask(config, "lars"))

    assert (found.code, found.tries_left, found.retry_after) == ("account_locked", 0, None)


def test_wrong_codes_are_counted_down(config: dict[str, str]) -> None:
    asked = ask(config, "milan")
    assert isinstance(asked, Challenge)
    assert asked.hint == "A code of six digits was sent to the inbox of milan."
    assert asked.token not in repr(asked)

    found = [refusal(lambda: signing_in.answer(KIND, config, asked.token, "x")) for _ in range(3)]

    assert [(one.code, one.tries_left) for one in found] == [("mfa_failed", left) for left in (2, 1, 0)]


def test_a_code_that_came_too_late_is_told_by_code(config: dict[str, str], clock: Clock) -> None:
    asked = ask(config, "milan")
    assert isinstance(asked, Challenge)
    code = Visitor(config["base_url"]).code_in_inbox("milan")
    clock.now += 5 * MINUTE

    found = refusal(lambda: signing_in.answer(KIND, config, asked.token, code))

    assert (found.code, found.tries_left) == ("mfa_failed", 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"code": "made-up"}, "token_expired"),
        ({"verifier": "x" * 43}, "token_expired"),
        ({"redirect_uri": f"{REDIRECT}more"}, "token_expired"),
        ({"verifier": ""}, "misconfigured"),
    ],
)
def test_a_wrong_exchange_is_told_by_code(config: dict[str, str], changed: dict[str, str], code: str) -> None:
    visitor, verifier = begin(config)
    visitor.sends(username="nora", password="payroll-nora")
    visitor.sends(decision="allow", scope=["payroll"])
    sent = {"code": visitor.came_back_with()["code"], "verifier": verifier, "redirect_uri": REDIRECT, **changed}

    found = refusal(lambda: signing_in.exchange(KIND, config, **sent))

    assert found.code == code
    assert not [secret for secret in (visitor.came_back_with()["code"], verifier) if secret in str(found)]


def test_a_user_who_denies_is_told_by_code(config: dict[str, str]) -> None:
    visitor, _ = begin(config, state="kept")
    visitor.sends(decision="deny")
    back = visitor.came_back_with()

    found = signing_in.refused_at_provider(back["error"], back["error_description"])

    assert (found.code, back["state"]) == ("consent_revoked", "kept")


def test_a_provider_that_is_down_or_busy_is_told_by_code(clock: Clock) -> None:
    with serving(clock, knobs={"*": {"fail_status": 503}}) as url:
        assert refusal(lambda: ask({"base_url": url}, "nora")).code == "provider_unavailable"
    with serving(clock, knobs={"*": {"rate_limit": 0.01}}) as url:
        ask({"base_url": url}, "nora")
        found = refusal(lambda: ask({"base_url": url}, "nora"))
    assert (found.code, found.retry_after is None) == ("rate_limited", False)


def test_without_a_stored_sign_in_nothing_is_asked(config: dict[str, str]) -> None:
    with pytest.raises(SyncError, match="Neither an API key nor a sign-in is stored"):
        access.check(Endpoint(KIND, config))
