"""An open list of connections in a real browser: it renews itself, and nothing that somebody is doing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Status
from jobs.models import JobStatus
from tests.browser import Chromium, aside, is_error, window
from tests.factories import make_connection, make_entity, make_job

# Some polls of a list on which something runs.
SOON = 15_000


@pytest.fixture
def page(live_server: LiveServer, operator: Client, browser: Chromium) -> Iterator[Page]:
    """A browser of an operator. An error of any kind fails the test."""
    options = {"base_url": live_server.url, "viewport": {"width": 1440, "height": 600}}
    with window(browser, operator, live_server.url, fault=is_error, **options) as opened:
        yield opened


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
