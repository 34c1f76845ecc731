"""An open list of connections in a real browser: it renews itself, and nothing that somebody is doing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Status
from jobs.models import JobStatus
from tests.factories import make_connection, make_entity, make_job

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
T = TypeVar("T")
# Some polls of a list on which something runs.
SOON = 15_000


@pytest.fixture
def page(live_server: LiveServer, operator: Client) -> Iterator[Page]:
    """A browser of an operator. A script's error or a breach of the content policy fails the test."""
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": operator.session.session_key or "", "url": live_server.url}
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 600})
        context.add_cookies([cookie])  # type: ignore[list-item]  # a TypedDict, spelled as a dict
        opened = context.new_page()
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        yield opened
        browser.close()
    assert faults == []


def aside(work: Callable[[], T]) -> T:
    """Do what others do meanwhile. In a thread: the browser's own is an event loop, where the database is refused."""

    def done() -> T:
        try:
            return work()
        finally:
            database.close()

    with ThreadPoolExecutor(1) as worker:
        return worker.submit(done).result()


def make_shops() -> list[Connection]:
    """Twenty connections, and one that runs, so that the page asks every two seconds."""
    running = make_connection(name="Runs")
    make_job(running, make_entity(running), status=JobStatus.RUNNING)
    return [make_connection(name=f"Shop {number:02}") for number in range(1, 21)]


def change_three(shops: list[Connection]) -> None:
    """Break one, delete one, make one."""
    Connection.objects.filter(pk=shops[3].pk).update(status=Status.BROKEN, status_reason="unreachable")
    Connection.objects.filter(pk=shops[4].pk).update(deleted_at=timezone.now())
    make_connection(name="AAA new")


def make_tagged() -> None:
    """One with a tag and one without."""
    make_connection(name="Halden").tags.create(name="Finance")
    make_connection(name="Oriel")


def test_rows_renew_in_their_place_and_nothing_in_hand_is_lost(page: Page) -> None:
    shops = aside(make_shops)
    page.goto("/")
    search = page.get_by_label("Filter by name, tag or ID")
    search.fill("half a wo")
    page.evaluate("scrollTo(0, 400)")
    before = page.locator("tbody tr .name a").all_inner_texts()

    aside(lambda: change_three(shops))

    expect(page.locator(f"#status-{shops[3].pk.hex}")).to_contain_text("Broken", timeout=SOON)
    expect(page.locator(f"#status-{shops[4].pk.hex}")).to_have_text("Deleted")
    expect(page.locator("#changes")).to_have_text("3 changes: refresh")
    assert page.locator("tbody tr .name a").all_inner_texts() == before
    expect(search).to_be_focused()
    expect(search).to_have_value("half a wo")
    assert page.evaluate("scrollY") == 400

    page.get_by_role("link", name="3 changes: refresh").click()
    expect(page.locator("tbody tr .name a").first).to_have_text("Shop 04")
    expect(page.locator("tbody")).to_contain_text("AAA new")
    expect(page.locator("tbody")).not_to_contain_text("Shop 05")


def test_keyboard_alone_filters_by_tag_and_chooses_columns(page: Page) -> None:
    aside(make_tagged)
    page.goto("/")

    page.get_by_role("button", name="Tag").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/?tag=Finance")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Columns").press("Enter")
    page.get_by_label("Schedule").press("Space")
    page.get_by_label("Owner").press("Space")
    page.get_by_role("button", name="Show these").press("Enter")

    expect(page.locator("thead")).to_contain_text("Owner")
    expect(page.locator("thead")).not_to_contain_text("Schedule")
    expect(page).to_have_url("/?tag=Finance")
    page.get_by_role("link", name="Tag: Finance. Remove this filter").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
