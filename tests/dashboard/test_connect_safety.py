"""What the hosted flow keeps to itself, and what holds where many press at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qsl

import pytest
import redis
import requests
from django.db import connection as database
from django.test import Client, RequestFactory
from django.urls import reverse
from psycopg import sql
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection
from dashboard import throttle
from dashboard.connecting.steps import Step
from dashboard.throttle import Limit, wait_seconds
from dashboard.views import connect_visit
from jobs.models import Job
from sessions_log.models import Session
from tests.dashboard.connecting import Person, make_link, person
from tests.sandbox.running import API_KEY, Running
from tests.servers import POSTGRES, REDIS

CROWD = 50


def presses(live_server: LiveServer, address: str) -> list[int]:
    """Press a link in so many browsers at once, and return what each was answered."""
    url = live_server.url.replace("localhost", "127.0.0.1")
    start = Barrier(CROWD)

    def press(_: int) -> int:
        with requests.Session() as browser:
            browser.trust_env = False
            page = browser.get(f"{url}{address}", timeout=60)
            token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            start.wait(timeout=60)
            sent = {"csrfmiddlewaretoken": token}
            return browser.post(f"{url}{address}", sent, timeout=60, allow_redirects=False).status_code

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(press, range(CROWD)))


def test_fifty_presses_at_once_open_one_session(live_server: LiveServer) -> None:
    session, address = make_link()

    answers = presses(live_server, address)

    assert sorted(answers) == [303, *[410] * (CROWD - 1)]
    assert [event.name for event in session.events.order_by("occurred_at")] == [
        "link.created",
        "link.clicked",
        "session.opened",
    ]


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_are_asked_once_and_connect_once(sandbox: Running) -> None:
    someone = person().agree()
    press = someone.press(Step.SIGN_IN, method="api_key")
    second = Person(someone.session, someone.address)
    second.client.cookies.load({name: morsel.value for name, morsel in someone.client.cookies.items()})

    def sign_in(one: Person) -> str:
        try:
            answer = one.send(Step.SIGN_IN, method="api_key", api_key=API_KEY, press=press)
            return str(answer.headers["Location"])
        finally:
            database.close()

    def connect(one: Person) -> str:
        try:
            return str(one.send(Step.COMPANIES, action="connect", refs=["co_halden_foods"]).headers["Location"])
        finally:
            database.close()

    with ThreadPoolExecutor(2) as pool:
        signed_in = list(pool.map(sign_in, (someone, second)))
        connected = list(pool.map(connect, (someone, second)))

    assert signed_in == [someone.at(Step.COMPANIES)] * 2
    assert connected == [someone.at(Step.DONE)] * 2
    assert Connection.objects.count() == Job.objects.count() == 1
    told = someone.told()
    assert [told.count(name) for name in ("credentials.submitted", "login.succeeded", "session.completed")] == [1, 1, 1]


# ---- Nothing that was typed -------------------------------------------------------------------------------------
CANARIES = {
    name: f"canary-{name}-{number}x7"
    for number, name in enumerate(
        ("search", "company", "user", "password", "code", "key", "host", "database", "method")
    )
}


def _type_everywhere(someone: Person) -> None:
    """Type a word of its own into every field of the flow, in vain."""
    someone.client.get(someone.address, {"q": CANARIES["search"]})
    someone.begin()
    someone.send(Step.TERMS, agree=CANARIES["search"], action=CANARIES["search"])
    someone.send(Step.TERMS, agree="on")
    someone.see(Step.PROVIDER, q=CANARIES["search"])
    someone.send(Step.PROVIDER, provider=CANARIES["search"])
    someone.send(Step.PROVIDER, provider="postgres")
    for host in (CANARIES["host"], f"https://{CANARIES['host']}", "127.0.0.1"):
        someone.send(
            Step.SIGN_IN,
            method="password",
            host=host,
            port=str(POSTGRES.server.port),
            database=CANARIES["database"],
            schema=CANARIES["database"],
            user=CANARIES["user"],
            password=CANARIES["password"],
            sslmode="prefer",
        )
    someone.send(Step.PROVIDER, provider="sandbox_payroll")
    someone.send(Step.SIGN_IN, method=CANARIES["method"])
    someone.send(Step.SIGN_IN, method="api_key", api_key=CANARIES["key"])
    someone.send(Step.SIGN_IN, method="credentials_mfa", username=CANARIES["user"], password=CANARIES["password"])
    someone.send(Step.SIGN_IN, method="credentials_mfa", username="milan", password="payroll-milan")
    someone.send(Step.CODE, code=CANARIES["code"])
    someone.send(Step.CODE, code="000000")
    someone.send(Step.SIGN_IN, method="api_key", api_key=API_KEY)
    someone.send(Step.COMPANIES, action="search", q=CANARIES["company"], refs=[CANARIES["company"]])
    events = reverse("connect:events", args=[someone.session.pk])
    someone.client.post(events, {"name": "page.exited", "page": CANARIES["search"], "how": CANARIES["search"]})
    someone.client.get(reverse("connect:help", args=[someone.session.pk]), {"q": CANARIES["search"]})
    someone.client.get(reverse("connect:oauth-return"), {"state": CANARIES["code"], "code": CANARIES["code"]})
    someone.client.post(reverse("connect:leave", args=[someone.session.pk]), {"reason": CANARIES["search"]})


def _cells() -> Iterator[tuple[str, bytes]]:
    """Give every table's content as the database writes it out, with what bytes hold read as bytes."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        )
        columns = cursor.fetchall()
        for table, column, kind in columns:
            shown = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
            query = sql.SQL(f"SELECT string_agg({shown}, ' ') FROM {{}}").format(
                sql.Identifier(column), sql.Identifier(table)
            )
            cursor.execute(query)
            yield f"{table}.{column}", (cursor.fetchone()[0] or "").encode()


def _redis_dump() -> bytes:
    with redis.Redis(unix_socket_path=str(REDIS.server.socket)) as broker:
        kept = []
        for key in broker.scan_iter():
            kind = broker.type(key)
            readers: dict[bytes, Any] = {
                b"string": broker.get,
                b"list": lambda name: broker.lrange(name, 0, -1),
                b"hash": broker.hgetall,
                b"set": broker.smembers,
                b"zset": lambda name: broker.zrange(name, 0, -1),
            }
            kept.append(key + repr(readers[kind](key)).encode())
        return b"\n".join(kept)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged at any level, also by our own loggers, which pass nothing on."""
    ours = [logging.getLogger(name) for name in ("dashboard", "connectors", "jobs", "sessions_log", "django.request")]
    levels = [logger.level for logger in ours]
    caplog.set_level(logging.DEBUG)
    for logger in ours:
        logger.addHandler(caplog.handler)
        logger.setLevel(logging.DEBUG)
    yield caplog
    for logger, level in zip(ours, levels, strict=True):
        logger.removeHandler(caplog.handler)
        logger.setLevel(level)


@pytest.mark.django_db
def test_nothing_that_was_typed_is_anywhere(sandbox: Running, logged: pytest.LogCaptureFixture) -> None:
    someone = person(provider="")

    _type_everywhere(someone)
    logging.getLogger("dashboard").info("a line of ours")

    told = someone.told()
    assert {"provider.searched", "login.failed", "mfa.failed", "error.shown", "entity.listed"} <= set(told)
    places = {**dict(_cells()), "redis": _redis_dump(), "log": logged.text.encode()}
    found = {place: name for place, text in places.items() for name, word in CANARIES.items() if word.encode() in text}
    assert found == {}
    # The search would find what is there.
    assert b"Halden Foods" in places["sessions_log_session.end_user_name"]
    assert b"limit:connect-pages" in places["redis"]
    assert b"a line of ours" in places["log"]
    assert API_KEY.encode() not in b"".join(places.values())


@pytest.mark.django_db
def test_no_page_shows_a_secret_that_was_typed(sandbox: Running) -> None:
    someone = person().agree()

    answer = someone.send(
        Step.SIGN_IN, method="credentials_mfa", username="wanda", password="canary-password", press="aa"
    )

    page = answer.content.decode()
    assert 'value="wanda"' in page
    assert "canary-password" not in page
    assert "canary-password" not in someone.see(Step.SIGN_IN, method="credentials_mfa").content.decode()


# ---- The provider's own pages ------------------------------------------------------------------------------------
def go_there(someone: Person) -> dict[str, str]:
    """Go to the provider and return what it was asked with."""
    answer = someone.send(Step.SIGN_IN, method="oauth2", press=someone.press(Step.SIGN_IN, method="oauth2"))
    query = answer.headers["Location"].partition("?")[2]
    return dict(parse_qsl(query))


@pytest.mark.django_db
def test_policy_lets_the_form_of_this_step_alone_lead_to_the_provider(sandbox: Running) -> None:
    someone = person().agree()

    policies = {
        "oauth2": someone.see(Step.SIGN_IN, method="oauth2").headers["Content-Security-Policy"],
        "api_key": someone.see(Step.SIGN_IN, method="api_key").headers["Content-Security-Policy"],
        "terms": someone.see(Step.TERMS).headers["Content-Security-Policy"],
    }

    assert f"form-action 'self' {sandbox.url}" in policies["oauth2"]
    assert {name for name, policy in policies.items() if sandbox.url in policy} == {"oauth2"}
    assert all("unsafe" not in policy for policy in policies.values())


@pytest.mark.django_db
def test_sign_in_there_is_asked_with_state_and_challenge_and_comes_back_to_us(sandbox: Running) -> None:
    asked = go_there(person().agree())

    assert asked["redirect_uri"] == "http://testserver/connect/callback/"
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert asked["scope"] == "workforce payroll"
    assert bytes(Session.objects.get().oauth_state_hash or b"") != asked["state"].encode()


@pytest.mark.django_db
def test_state_is_taken_once_and_in_its_own_browser(sandbox: Running, client: Client) -> None:
    someone, other = person().agree(), person().agree()
    state, back = go_there(someone)["state"], reverse("connect:oauth-return")
    others = go_there(other)["state"]
    wrong = {"state": state[:-1] + ("A" if state[-1] != "A" else "B"), "error": "access_denied"}

    refused = [
        client.get(back, {"state": state, "error": "access_denied"}),
        other.client.get(back, {"state": state, "error": "access_denied"}),
        someone.client.get(back, {"state": others, "error": "access_denied"}),
        someone.client.get(back, wrong),
        someone.client.get(back, {"code": "x"}),
    ]
    first = someone.client.get(back, {"state": state, "error": "access_denied"})
    again = someone.client.get(back, {"state": state, "error": "access_denied"})

    assert [answer.status_code for answer in refused] == [400] * 5
    assert first.headers["Location"] == someone.at(Step.SIGN_IN)
    assert again.status_code == 400
    assert someone.told().count("oauth.failed") == 1
    assert other.told().count("oauth.failed") == 0


# ---- Limits ------------------------------------------------------------------------------------------------------
def test_limit_counts_a_burst_in_parallel_exactly() -> None:
    limit = Limit("test-burst", 30, 60)

    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: wait_seconds(limit, "somebody"), range(100)))

    assert waits.count(0) == 30
    assert all(0 < wait <= 60 for wait in waits if wait)
    assert wait_seconds(limit, "somebody else") == 0


def test_limit_lets_everybody_through_while_redis_is_away(settings: Settings, logged: pytest.LogCaptureFixture) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1"

    waits = [wait_seconds(Limit("test-away", 1, 60), "somebody") for _ in range(3)]

    assert waits == [0, 0, 0]
    assert "Redis is away" in logged.text


@pytest.mark.django_db
def test_too_many_sign_ins_of_a_session_are_told_to_wait(sandbox: Running) -> None:
    someone = person().agree()
    limit = connect_visit.SIGN_INS

    answers = [
        someone.send(Step.SIGN_IN, method="api_key", api_key=f"wrong-{number}") for number in range(limit.count + 1)
    ]

    assert [answer.status_code for answer in answers] == [*[422] * limit.count, 429]
    assert "It works again in 10 minutes" in answers[-1].content.decode()
    assert 0 < int(answers[-1].headers["Retry-After"]) <= limit.seconds
    assert someone.told().count("login.failed") == limit.count
    assert person().agree().send(Step.SIGN_IN, method="api_key", api_key="wrong").status_code == 422


@pytest.mark.parametrize(
    ("forwarded", "proxy", "address"),
    [("", None, "127.0.0.1"), ("9.9.9.9", None, "127.0.0.1"), ("1.1.1.1, 9.9.9.9", ("HTTP_X", "https"), "9.9.9.9")],
)
def test_address_is_that_which_our_own_proxy_names(
    settings: Settings, rf: RequestFactory, forwarded: str, proxy: tuple[str, str] | None, address: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = proxy

    assert throttle.address_of(rf.get("/", headers={"x-forwarded-for": forwarded})) == address
