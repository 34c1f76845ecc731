"""Sessions in a real browser: a story that goes on while it is read, telephones, folds, keys, what is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import ViewportSize, expect

from tests.axe import Axe
from tests.browser import Chromium, aside, is_error, window
from tests.e2e.test_pages import FLAWS
from tests.factories import make_ready_connection
from tests.sessions_log.recorded import accepted, connected, make_session, six_exits_and_three_refusals, tell
from tests.sessions_log.telling import event, exits, opened

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

# Some polls.
SOON = 15_000
TELEPHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}


def test_a_story_goes_on_while_it_is_read(live_server: LiveServer, operator: Client, browser: Chromium) -> None:
    session = make_session(*opened())
    url = f"{live_server.url}{session.get_absolute_url()}"
    with window(browser, operator, url, fault=is_error) as page:
        sentence = page.locator("#sentence")
        expect(sentence).to_have_text("Opened the link, and is at the terms now.")
        aside(lambda: tell(session, *exits(6, first=31, every=23.8)))
        expect(sentence).to_contain_text("left the terms six times in two minutes", timeout=SOON)
        expect(page.locator("#session-status")).to_have_text("Opened, at the terms")
        aside(lambda: tell(session, event("session.exited", 300, stage="terms")))
        expect(page.locator("#session-status")).to_have_text("Exited at the terms", timeout=SOON)
        expect(page.locator("[hx-trigger='every 2s']")).to_have_count(0)
        expect(page.locator("#next-link")).to_be_visible()


def test_what_is_folded_opens_by_key_and_has_all_its_times(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    session = make_session(*six_exits_and_three_refusals())
    url = f"{live_server.url}{session.get_absolute_url()}"
    with window(browser, operator, url, fault=is_error) as page:
        times = page.get_by_text("+0:54, back after 12 s")
        expect(times).to_be_hidden()
        page.locator(".tl summary").first.focus()
        page.keyboard.press("Enter")
        expect(times).to_be_visible()
        expect(page.locator(".tl details[open] li")).to_have_count(6)


def test_on_a_telephone_the_list_leads_to_a_session_and_back(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    connection = make_ready_connection()
    session = make_session(*six_exits_and_three_refusals(), connection=connection)
    make_session(*opened(), connection=connection)
    url = f"{live_server.url}/connections/{connection.pk}/sessions/"
    with window(browser, operator, url, fault=is_error, viewport=TELEPHONE) as page:
        chosen = page.locator(f"#session-{session.pk}")
        expect(page.locator("#story")).to_be_hidden()
        chosen.click()
        expect(page.locator("#sentence")).to_contain_text("left the terms six times")
        expect(chosen).to_be_hidden()
        page.locator("#back-to-list").click()
        expect(chosen).to_be_visible()
        expect(page.locator("#story")).to_be_hidden()


def test_without_scripts_everything_is_a_link(live_server: LiveServer, operator: Client, browser: Chromium) -> None:
    session = make_session(*six_exits_and_three_refusals())
    with window(browser, operator, f"{live_server.url}/sessions/", java_script_enabled=False) as page:
        page.locator("#card-abandoned").click()
        page.locator(f"#of-{session.pk}").click()
        page.locator("#view-raw").click()
        expect(page.get_by_text("session.abandoned")).to_be_visible()
        page.locator("#view-told").click()
        page.locator(".tl summary").first.click()
        expect(page.locator(".tl details[open] li")).to_have_count(6)


def test_no_page_has_a_flaw_on_a_telephone_nor_a_serious_one_for_axe(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    connection = make_ready_connection(provider="sandbox_payroll")
    session = make_session(*six_exits_and_three_refusals(), connection=connection)
    waiting = make_session(connection=connection)
    done = make_session(*opened(), *accepted(), *connected(), connection=connection)
    of_connection = f"/connections/{connection.pk}"
    paths = [
        "/sessions/",
        "/sessions/?status=failed",
        session.get_absolute_url(),
        f"{session.get_absolute_url()}?view=raw",
        waiting.get_absolute_url(),
        done.get_absolute_url(),
        f"{of_connection}/sessions/",
        f"{of_connection}/sessions/?session={session.pk}",
        f"{of_connection}/auth/?session={session.pk}",
    ]
    axe = Axe()
    flaws: dict[str, list[str]] = {}
    with window(browser, operator, live_server.url) as page:
        for path in paths:
            page.set_viewport_size(DESK)
            page.goto(f"{live_server.url}{path}")
            found = page.evaluate(FLAWS) + axe.find_in_both_schemes(page)
            # A telephone hides some of it, and shows other things instead.
            page.set_viewport_size(TELEPHONE)
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            found += page.evaluate(FLAWS) + axe.find(page)
            flaws |= {path: found} if found else {}
    assert flaws == {}
