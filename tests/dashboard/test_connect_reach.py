"""The hosted flow for everybody: axe, the keyboard alone, no scripts, a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from sessions_log.models import ConnectLook, Session, SessionStatus
from tests.axe import Axe
from tests.browser import Chromium, aside
from tests.dashboard.connecting import make_link
from tests.dashboard.flow_walk import (
    Open,
    allow_there,
    begin,
    choose_companies,
    following,
    go_to_provider,
    is_at,
    read_code,
    sign_in_by_key,
    sign_in_by_password,
)
from tests.dashboard.keyboard import Keyboard
from tests.sandbox.running import API_KEY, Running

TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth ? [`${innerWidth}: wider than the screen`] : []"


@pytest.fixture
def follow(live_server: LiveServer, sandbox: Running, browser: Chromium) -> Open:
    """Give a function that opens a link in a browser of its own, with the operator's links on the pages."""
    ConnectLook.objects.create(
        name="Meridian",
        support_url="https://support.example/",
        terms_url="https://terms.example/",
        privacy_url="https://privacy.example/",
    )
    return partial(following, browser, live_server.url.replace("localhost", "127.0.0.1"))


def stops(page: Page, sandbox: Running) -> Iterator[str]:  # noqa: PLR0915 - one walk, press by press
    """Go through the flow, and stop at each page there is, also at what is refused."""
    yield "start"
    begin(page)
    yield "terms"
    page.get_by_role("button", name="Continue").click()
    yield "terms, refused"
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Continue").click()
    is_at(page, "Choose your service")
    yield "services"
    page.get_by_label("Search services").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    yield "no service"
    page.get_by_role("link", name="show all services").click()
    page.get_by_role("button", name="PostgreSQL").click()
    yield "database"
    page.get_by_role("button", name="Sign in", exact=True).click()
    yield "database, refused"
    page.get_by_role("link", name="Back").click()
    page.get_by_role("button", name="Sandbox Payroll").click()
    yield "ways"
    page.get_by_role("button", name="Sign in at Sandbox Payroll").click()
    yield "elsewhere"
    page.get_by_role("link", name="Sign in another way").click()
    page.get_by_role("button", name="User name and password").click()
    yield "password"
    page.get_by_label("User name").fill("milan")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    yield "password, refused"
    page.get_by_label("Password").fill("payroll-milan")
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_at(page, "Enter the code")
    yield "code"
    page.get_by_role("link", name="Get help").click()
    yield "help"
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("link", name="Leave").click()
    yield "leave"
    page.get_by_role("link", name="Stay").click()
    page.get_by_label("Code").fill(read_code(page, sandbox, "milan"))
    page.get_by_role("button", name="Continue").click()
    is_at(page, "Choose companies")
    yield "companies"
    page.get_by_role("button", name="Connect the chosen companies").click()
    yield "companies, refused"
    choose_companies(page, "Halden Foods SE", "Halden Bakeries GmbH")
    is_at(page, "2 companies are connected")
    yield "done"
    page.goto(page.url.replace("/done/", "/nothing-else/"))
    yield "nothing"


def flaws(page: Page, axe: Axe) -> list[str]:
    """Return what axe finds, of whatever impact, and whether a telephone has to be pushed aside."""
    found = axe.find_in_both_schemes(page)
    page.set_viewport_size({"width": 320, "height": 700})
    found += page.evaluate(TOO_WIDE)
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


def test_axe_finds_nothing_on_any_page_and_each_fits_a_telephone(follow: Open, sandbox: Running) -> None:
    _, address = make_link(provider="")

    with follow(address) as page:
        axe = Axe(is_mild_told=True)
        found = {stop: flaws(page, axe) for stop in stops(page, sandbox)}

    assert {stop: one for stop, one in found.items() if one} == {}
    assert len(found) == 18


def test_keyboard_alone_connects(follow: Open) -> None:
    session, address = make_link()

    with follow(address) as page:
        keys = Keyboard(page)
        keys.press("button", "Begin")
        is_at(page, "Connect Sandbox Payroll")
        keys.press("button", "Continue")
        # What is wrong has the focus, and says why.
        expect(page.get_by_role("checkbox")).to_be_focused()
        page.keyboard.press("Space")
        keys.press("button", "Continue")
        is_at(page, "Sign in to Sandbox Payroll")
        keys.press("button", "API key For whoever administers the account: it shows every company.")
        keys.type("wrong\n", into="API key")
        expect(page.get_by_label("API key")).to_be_focused()
        page.keyboard.type(f"{API_KEY}\n")
        is_at(page, "Choose companies")
        # Enter in the search looks, and connects nothing.
        keys.type("foods se\n", into="Search companies")
        expect(page.get_by_role("checkbox")).to_have_count(1)
        keys.press("checkbox", "Halden Foods SE", with_key="Space")
        keys.press("button", "Connect the chosen companies")
        is_at(page, "1 company is connected")

    assert aside(lambda: Session.objects.get(pk=session.pk).status) == SessionStatus.COMPLETED


def test_key_connects_without_scripts(follow: Open) -> None:
    session, address = make_link()

    with follow(address, java_script_enabled=False) as page:
        sign_in_by_key(page)
        page.get_by_label("Search companies").fill("bakeries")
        page.get_by_role("button", name="Search").click()
        choose_companies(page, "Halden Bakeries GmbH")
        is_at(page, "1 company is connected")

    assert _status(session) == SessionStatus.COMPLETED


def test_password_and_code_connect_without_scripts_on_a_telephone(follow: Open, sandbox: Running) -> None:
    session, address = make_link()

    with follow(address, java_script_enabled=False, viewport={"width": 390, "height": 844}) as page:
        sign_in_by_password(page, "milan")
        page.get_by_label("Code").fill(read_code(page, sandbox, "milan"))
        page.get_by_role("button", name="Continue").click()
        choose_companies(page, "Halden Foods SE")
        is_at(page, "1 company is connected")

    assert _status(session) == SessionStatus.COMPLETED


def test_providers_own_pages_connect_without_scripts(follow: Open) -> None:
    session, address = make_link()

    with follow(address, java_script_enabled=False) as page:
        go_to_provider(page)
        allow_there(page, "sonja")
        page.get_by_role("button", name="Check and connect 1 company").click()
        is_at(page, "1 company is connected")

    assert _status(session) == SessionStatus.COMPLETED


def test_leaving_and_coming_back_work_without_scripts(follow: Open) -> None:
    session, address = make_link()

    with follow(address, java_script_enabled=False) as page:
        begin(page)
        page.get_by_role("button", name="I do not agree").click()
        is_at(page, "You left. Nothing was connected")
        left = _status(session)
        page.get_by_role("link", name="Go on after all").click()
        is_at(page, "Connect Sandbox Payroll")

    assert (left, _status(session)) == (SessionStatus.EXITED, SessionStatus.OPENED)


def _status(session: Session) -> str:
    return aside(lambda: Session.objects.get(pk=session.pk).status)
