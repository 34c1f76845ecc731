"""The hosted flow in a real browser, against the real sandbox and a real database: to its end, and away from it.

What happened is asserted event by event, and so is what the session and the funnel say of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from psycopg import sql
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Status
from jobs.models import Job, Trigger
from sessions_log.funnel import Scope, read_funnel
from sessions_log.models import Session, SessionStatus
from sessions_log.services.sweep import sweep
from sessions_log.stages import STAGES as STAGE_ORDER
from tests.browser import Chromium, aside
from tests.dashboard.connecting import make_link
from tests.dashboard.flow_walk import (
    Open,
    agree,
    allow_there,
    begin,
    choose_companies,
    following,
    go_to_provider,
    is_at,
    read_code,
    sign_in_by_key,
    sign_in_by_password,
    take_way,
)
from tests.dashboard.pages import flat
from tests.sandbox.running import Running
from tests.servers import POSTGRES
from tests.waiting import wait_until

DATABASE, READER, PASSWORD = "harbour_flow", "harbour_flow_reader", "blue boat & staple"
BEGUN = ["link.created", "link.clicked", "session.opened", "page.viewed"]
AGREED = [*BEGUN, "terms.accepted", "page.viewed"]
CHOSEN = [*AGREED, "auth_method.selected", "page.viewed"]
SIGNED_IN = ["login.succeeded", "entity.listed", "page.viewed"]
CONNECTED = ["permissions.verified", "session.completed"]


@pytest.fixture(scope="module", autouse=True)
def _source() -> Iterator[None]:
    """Make a database with two tables and a role that reads them."""
    database, reader = sql.Identifier(DATABASE), sql.Identifier(READER)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(database))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(reader, sql.Literal(PASSWORD)))
        with psycopg.connect(POSTGRES.server.url(DATABASE), autocommit=True) as source:
            source.execute("CREATE TABLE ships (id int PRIMARY KEY); CREATE TABLE berths (id int PRIMARY KEY)")
            source.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(reader))
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
        admin.execute(sql.SQL("DROP ROLE {}").format(reader))


@pytest.fixture
def follow(live_server: LiveServer, sandbox: Running, browser: Chromium) -> Open:
    """Give a function that opens a link in a browser of its own: `with follow(address) as page`."""
    return partial(following, browser, live_server.url.replace("localhost", "127.0.0.1"))


def told(session: Session) -> list[str]:
    """Return the names of the session's events in order."""
    return aside(lambda: [str(one.name) for one in session.events.order_by("occurred_at", "pk")])


def now(session: Session) -> Session:
    return aside(lambda: Session.objects.select_related("connection").get(pk=session.pk))


def heard(session: Session, name: str, count: int = 1) -> None:
    """Wait until the script's message has come in, which no page waits for."""
    wait_until(lambda: told(session).count(name) == count, what=f"{count} of {name}")


def funnel() -> tuple[str, str]:
    """Return what the funnel says of the one session there is: the last stage of those it counts it at, and how it is.

    That is "left", "here" or "connected".
    """
    found = aside(lambda: read_funnel(Scope(since=timezone.now() - timedelta(days=1)), timezone.now())).everybody
    counted = [one for one in found.stages if one.reached]
    assert [one.reached for one in found.stages] == [1] * len(counted) + [0] * (len(found.stages) - len(counted))
    assert (
        sum(one.left + one.here for one in found.stages) == counted[-1].left + counted[-1].here == 1 - found.connected
    )
    return str(counted[-1].stage), "connected" if found.connected else "left" if counted[-1].left else "here"


# ---- To the end -------------------------------------------------------------------------------------------------
def test_api_key_leads_to_a_connection(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        sign_in_by_key(page)
        choose_companies(page, "Halden Foods SE", "Halden Bakeries GmbH")
        is_at(page, "2 companies are connected")
        expect(page.get_by_role("main")).to_contain_text("Waiting")

    assert told(session) == [*CHOSEN, "credentials.submitted", *SIGNED_IN, "entity.selected", *CONNECTED]
    _is_connected(session, entities=2)


def test_password_and_code_lead_to_a_connection(follow: Open, sandbox: Running) -> None:
    session, address = make_link()

    with follow(address) as page:
        sign_in_by_password(page, "milan")
        expect(page.get_by_label("Code")).to_be_focused()
        page.get_by_label("Code").fill(read_code(page, sandbox, "milan"))
        page.get_by_role("button", name="Continue").click()
        choose_companies(page, "Halden Foods SE")
        is_at(page, "1 company is connected")

    asked = ["credentials.submitted", "mfa.requested", "page.viewed", "mfa.submitted"]
    assert told(session) == [*CHOSEN, *asked, *SIGNED_IN, "entity.selected", *CONNECTED]
    _is_connected(session, entities=1)
    credentials = Connection.objects.get().read_credentials()
    assert set(credentials) == {"session_token"}


def test_providers_own_pages_lead_to_a_connection(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        go_to_provider(page)
        allow_there(page, "nora")
        choose_companies(page, "Halden Foods SE")
        is_at(page, "1 company is connected")

    assert told(session) == [*CHOSEN, "oauth.opened", *SIGNED_IN, "entity.selected", *CONNECTED]
    _is_connected(session, entities=1)
    assert set(Connection.objects.get().read_credentials()) == {"refresh_token"}


def test_database_account_leads_to_a_connection(follow: Open) -> None:
    session, address = make_link(provider="")

    with follow(address) as page:
        agree(page)
        page.get_by_role("button", name="PostgreSQL").click()
        page.get_by_label("Host").fill("127.0.0.1")
        page.get_by_label("Port").fill(str(POSTGRES.server.port))
        page.get_by_label("Database").fill(DATABASE)
        page.get_by_label("User").fill(READER)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Check and connect 1 schema").click()
        is_at(page, "1 schema is connected")

    assert told(session) == [
        *AGREED,
        *("provider.selected", "page.viewed", "credentials.submitted", *SIGNED_IN),
        *CONNECTED,
    ]
    _is_connected(session, entities=1)
    assert {table.name for table in Connection.objects.get().tables.filter(is_selected=True)} == {"berths", "ships"}


def _is_connected(session: Session, *, entities: int) -> None:
    done, connection = now(session), Connection.objects.get()
    assert (done.status, done.stage, done.error_code) == (SessionStatus.COMPLETED, "connected", "")
    assert funnel() == ("connected", "connected")
    assert (done.connection, bytes(done.sealed)) == (connection, b"")
    assert connection.status == Status.ACTIVE
    jobs = Job.objects.order_by("pk")
    assert [job.trigger for job in jobs] == [Trigger.SESSION] * entities
    assert done.first_job_id == jobs[0].pk


# ---- Away -------------------------------------------------------------------------------------------------------
def test_six_exits_from_the_terms_back_and_forth_are_told_in_a_sentence(follow: Open, viewer: Client) -> None:
    session, address = make_link()

    with follow(address) as page:
        begin(page)
        for number in range(1, 7):
            page.goto("about:blank")
            heard(session, "page.exited", number)
            page.go_back()
            expect(page.get_by_role("button", name="Continue")).to_be_visible()
            heard(session, "page.viewed", number + 1)
        names, found, counted = told(session), now(session), funnel()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="User name and password").click()
        for tries in (4, 3, 2):
            page.get_by_label("User name").fill("nora")
            page.get_by_label("Password").fill("wrong")
            page.get_by_role("button", name="Sign in", exact=True).click()
            expect(page.get_by_role("alert")).to_contain_text(f"{tries} tries are left")
        page.goto("about:blank")
        heard(session, "page.exited", 7)
    sweep(now=timezone.now() + timedelta(minutes=16))

    assert names == [*BEGUN, *["page.exited", "page.viewed"] * 6]
    assert found.findings == [{"code": "terms_exited", "count": 6, "returns": 6}]
    assert (found.status, found.stage) == (SessionStatus.OPENED, "terms")
    assert (counted, funnel()) == (("terms", "here"), ("authentication", "left"))
    story = flat(viewer.get(now(session).get_absolute_url()))
    beginning, end = "Opened the link, left the terms six times in ", "was refused three times, left the sign-in"
    assert re.search(rf"{beginning}[a-z0-9 ]+, came back, {end}, then silence\.", story)


STAGES: dict[str, tuple[Callable[[Page], None], list[str], str]] = {
    "terms": (begin, BEGUN, "terms"),
    "sign-in": (agree, AGREED, "authentication"),
    "code": (
        lambda page: sign_in_by_password(page, "milan"),
        [*CHOSEN, "credentials.submitted", "mfa.requested", "page.viewed"],
        "mfa",
    ),
    "companies": (sign_in_by_key, [*CHOSEN, "credentials.submitted", *SIGNED_IN], "entity_selection"),
    "check": (
        lambda page: sign_in_by_password(page, "sonja"),
        [*CHOSEN, "credentials.submitted", *SIGNED_IN],
        "verification",
    ),
}


@pytest.mark.parametrize("step", STAGES)
def test_tab_that_is_closed_at_a_step_is_told_and_silence_ends_it(follow: Open, step: str) -> None:
    walk, before, stage = STAGES[step]
    session, address = make_link()

    with follow(address) as page:
        walk(page)
        expect(page.locator("body")).to_have_attribute("data-page", step)
        page.goto("about:blank")
        heard(session, "page.exited")
    sweep(now=timezone.now() + timedelta(minutes=16))

    assert told(session) == [*before, "page.exited", "session.abandoned"]
    left = now(session)
    assert (left.status, left.stage, left.findings) == (SessionStatus.ABANDONED, stage, [])
    assert funnel() == (stage, "left")
    assert bytes(left.sealed) == b""


@pytest.mark.parametrize("step", STAGES)
def test_leaving_on_purpose_at_a_step_is_told_with_its_reason(follow: Open, step: str) -> None:
    walk, before, stage = STAGES[step]
    session, address = make_link()

    with follow(address) as page:
        walk(page)
        expect(page.locator("body")).to_have_attribute("data-page", step)
        page.get_by_role("link", name="Leave").click()
        page.get_by_label("I do not have the sign-in at hand").check()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You left. Nothing was connected")

    assert told(session) == [*before, "session.exited"]
    left = now(session)
    assert (left.status, left.stage, left.findings) == (SessionStatus.EXITED, stage, [])
    assert funnel() == (stage, "left")
    assert left.events.get(name="session.exited").exit_reason == "no_access"


def test_leaving_while_choosing_a_service_after_looking_for_one_we_do_not_have(follow: Open) -> None:
    session, address = make_link(provider="")

    with follow(address) as page:
        agree(page)
        page.get_by_label("Search services").fill("canary-service")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("status")).to_contain_text("No service matches")
        page.goto("about:blank")
        heard(session, "page.exited")

    assert told(session) == [*AGREED, "page.viewed", "provider.searched", "page.exited"]
    left = now(session)
    assert (left.stage, [one["code"] for one in left.findings]) == ("provider_selection", ["provider_unknown"])
    assert funnel() == ("provider_selection", "here")


def test_wrong_password_three_times_then_silence(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        take_way(page, "User name and password")
        for tries in (4, 3, 2):
            page.get_by_label("User name").fill("nora")
            page.get_by_label("Password").fill("canary-password")
            page.get_by_role("button", name="Sign in", exact=True).click()
            expect(page.get_by_role("alert")).to_contain_text(f"{tries} tries are left")
        expect(page.get_by_label("User name")).to_have_value("nora")
        expect(page.get_by_label("Password")).to_have_value("")
        page.goto("about:blank")
        heard(session, "page.exited")
    sweep(now=timezone.now() + timedelta(minutes=16))

    refused = ["credentials.submitted", "login.failed"] * 3
    assert told(session) == [*CHOSEN, *refused, "page.exited", "session.abandoned"]
    left = now(session)
    assert (left.status, left.stage, left.error_code) == (
        SessionStatus.ABANDONED,
        "authentication",
        "invalid_credentials",
    )
    assert [(one["code"], one["count"]) for one in left.findings] == [
        ("sign_in_refused", 3),
        ("refused_then_silent", 3),
    ]
    assert funnel() == ("authentication", "left")
    words = [event.words for event in left.events.filter(name="login.failed").order_by("occurred_at")]
    assert [f"{tries} tries are left" in text for tries, text in zip((4, 3, 2), words, strict=True)] == [True] * 3


def test_denied_at_the_provider_is_told_and_can_be_done_again(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        go_to_provider(page)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("alert")).to_contain_text("You did not allow access at Sandbox Payroll")
        denied, counted = now(session), funnel()
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("You did not allow access at Sandbox Payroll")
        heard(session, "page.exited")
        page.get_by_role("button", name="Go to Sandbox Payroll").click()
        allow_there(page, "nora")
        expect(page.get_by_role("heading", level=1)).to_have_text("Choose companies")
        names, in_the_end = told(session), funnel()

    assert (denied.status, denied.stage, denied.error_code) == (
        SessionStatus.FAILED,
        "authentication",
        "consent_revoked",
    )
    assert (counted, in_the_end) == (("authentication", "left"), ("entity_selection", "here"))
    assert names == [
        *CHOSEN,
        *("oauth.opened", "oauth.failed", "page.exited", "session.resumed", "page.viewed"),
        *("oauth.opened", *SIGNED_IN),
    ]


def test_back_from_the_providers_page_closes_it(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        go_to_provider(page)
        page.go_back()
        expect(page.get_by_role("button", name="Go to Sandbox Payroll")).to_be_visible()
        names, counted = told(session), funnel()

    assert names == [*CHOSEN, "oauth.opened", "oauth.closed", "page.viewed"]
    assert counted == ("authentication", "here")


def test_permission_that_is_missing_is_named(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        sign_in_by_password(page, "wanda")
        choose_companies(page, "Halden Foods SE")
        expect(page.get_by_role("alert")).to_contain_text("Missing: Payroll.")
        expect(page.get_by_role("button", name="Check again")).to_be_visible()
        names, left = told(session), now(session)

    assert names == [*CHOSEN, "credentials.submitted", *SIGNED_IN, "entity.selected", "permissions.missing"]
    assert (left.status, left.stage) == (SessionStatus.FAILED, "verification")
    assert funnel() == ("verification", "left")
    assert left.findings == [{"code": "permission_missing", "count": 1, "missing": ["Payroll"]}]
    assert not Connection.objects.exists()


def test_account_that_sees_no_company_is_told_so(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        sign_in_by_password(page, "egon")
        expect(page.get_by_role("alert")).to_contain_text("This account may not read everything that is needed")
        page.get_by_role("link", name="Back").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Sandbox Payroll")
        names, left, counted = told(session), now(session), funnel()

    assert counted == (STAGE_ORDER[left.furthest], "here")
    refused = ["credentials.submitted", "login.succeeded", "entity.listed", "permissions.missing"]
    assert names == [*CHOSEN, *refused, "session.resumed", "page.viewed"]
    assert [one["code"] for one in left.findings] == ["permission_missing"]


def test_locked_account_ends_the_session_as_failed(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        sign_in_by_password(page, "lars")
        expect(page.get_by_role("alert")).to_contain_text("Sandbox Payroll has locked the account")
        page.goto("about:blank")
        heard(session, "page.exited")
    sweep(now=timezone.now() + timedelta(minutes=16))

    left = now(session)
    assert told(session) == [*CHOSEN, "credentials.submitted", "login.failed", "page.exited"]
    assert (left.status, left.error_code) == (SessionStatus.FAILED, "account_locked")
    assert funnel() == ("authentication", "left")
    assert [one["code"] for one in left.findings] == ["account_locked"]
