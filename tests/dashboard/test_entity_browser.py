"""The job history of several entities in a real browser: the drawer, its keys, and updates that take nothing away."""

from __future__ import annotations

from functools import partial

from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Entity
from jobs.services.finish import Failure, fail, succeed
from tests.browser import Chromium, aside, is_error, window
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import RESULT, started, waiting_job

# Some polls of a page on which something runs.
SOON = 15_000


def _payroll() -> dict[str, Entity]:
    """Three companies, all of which synced before and wait to sync again."""
    connection = make_ready_connection(provider="sandbox_payroll", name="Payroll")
    found = {}
    for name in ("Alder", "Birch", "Cedar"):
        found[name] = make_entity(connection, name=name, ref=name.lower(), last_success_at=timezone.now())
        waiting_job(found[name])
    return found


def _run(entity: Entity, code: str = "") -> None:
    claim = started(entity.jobs.get())
    if code:
        fail(claim=claim, failure=Failure(code))
    else:
        succeed(claim=claim, result=RESULT)


def _hold_a_poll(page: Page) -> Route:
    """Wait until the page asks for news, and keep it waiting for the answer."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.headers.get("hx-trigger") == "poll" and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/entities/**", hold)
    while not held:
        page.wait_for_timeout(50)
    return held[0]


def _hold(page: Page, address: str) -> list[Route]:
    """Keep all that asks this address waiting for the answer."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(address, hold)
    return held


def test_drawer_follows_keys_and_a_run_and_nothing_in_hand_is_lost(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    companies = _payroll()
    alder, birch, cedar = companies.values()
    address = f"{live_server.url}/connections/{birch.connection_id}"
    with window(browser, operator, f"{address}/jobs/?text=e", fault=is_error) as page:
        rows, cells, drawer = page.locator("#entity-rows"), page.locator(".cells"), page.locator("#drawer-inside")
        page.locator(f"#entity-{alder.pk}").press("Enter")
        expect(drawer).to_contain_text("Alder")
        late = _hold_a_poll(page)
        page.keyboard.press("ArrowDown")
        # Birch has no "e", so the list leaves it out, and the way through it does too.
        expect(drawer).to_contain_text("Cedar")
        expect(page).to_have_url(f"{address}/entities/{cedar.pk}/?text=e")
        expect(page.locator(f"#entity-{cedar.pk}")).to_be_focused()
        # News of Alder that come only now are no news of what the page shows.
        with page.expect_response(late.request.url):
            late.continue_()
        page.evaluate("new Promise((done) => setTimeout(done, 200))")
        page.unroute("**/entities/**")
        expect(drawer).to_contain_text("Cedar")
        page.keyboard.press("ArrowUp")
        expect(page).to_have_url(f"{address}/entities/{alder.pk}/?text=e")

        search = page.get_by_label("Filter entities")
        search.fill("half a wo")
        for entity, code in ((alder, "entity_access_lost"), (cedar, "")):
            aside(partial(_run, entity, code))
        expect(cells.get_by_role("link", name="Alder: Failed")).to_be_visible(timeout=SOON)
        expect(cells.get_by_role("link", name="Cedar: Success")).to_be_visible(timeout=SOON)
        expect(rows.get_by_role("row", name="Alder")).to_contain_text("Failed")
        expect(drawer.locator(".drawer-table tbody tr").first).to_contain_text("Failed")
        expect(page.locator(".legend").first).to_contain_text("Pending 1")
        expect(search).to_be_focused()
        expect(search).to_have_value("half a wo")

        page.locator("#exclude-entity").click()
        # The answer is a page of its own; a press before its scripts are there would send its form without them.
        with page.expect_navigation():
            page.get_by_role("dialog").get_by_role("button", name="Exclude company").click()
        expect(page.locator("#pg")).to_have_text("2 of 2 entities synced in the last 24 h")
        page.locator("#include-entity").click()
        expect(page.locator("#exclude-entity")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
        expect(page).to_have_url(f"{address}/jobs/?text=e")

    assert Connection.objects.get(pk=birch.connection_id).entities.selected().count() == len(companies)


def test_news_that_come_during_a_press_do_not_take_the_place_of_its_answer(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    alder = _payroll()["Alder"]
    aside(partial(_run, alder, "entity_access_lost"))
    with window(browser, operator, live_server.url + alder.get_absolute_url(), fault=is_error) as page:
        button = page.locator("#sync-entity")
        expect(button).to_have_text("Sync this company")
        late, presses = _hold_a_poll(page), _hold(page, "**/sync/**")
        with page.expect_request("**/sync/**"):
            button.click()
        with page.expect_response(late.request.url):
            late.continue_()
        # Time for what must not happen: that the news take the place which the press asked an answer for.
        page.evaluate("new Promise((done) => setTimeout(done, 200))")
        _hold(page, "**/entities/*/")
        presses[0].continue_()
        expect(button).to_have_text("Queued")
