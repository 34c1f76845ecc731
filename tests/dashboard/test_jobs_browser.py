"""The list of all jobs in a real browser: it renews itself around what somebody does, and keys reach every bar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection
from jobs.models import Bulk, JobStatus
from tests.browser import Chromium, aside, is_error, window
from tests.dashboard.keyboard import Keyboard
from tests.dashboard.test_jobs_list import made_at
from tests.dashboard.test_jobs_retry import failing
from tests.factories import make_connection, make_job

# Some polls.
SOON = 15_000


@pytest.fixture
def page(
    live_server: LiveServer, operator: Client, browser: Chromium, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """A browser of an operator, whose list asks every second. An error of any kind fails the test."""
    for interval in ("_BUSY", "_IDLE"):
        monkeypatch.setattr(f"dashboard.pages.job_list.{interval}", 1)
    options = {"base_url": live_server.url, "viewport": {"width": 1440, "height": 700}}
    with window(browser, operator, live_server.url, fault=is_error, **options) as opened:
        yield opened


def make_history() -> Connection:
    """Jobs of three hours ago and now, of which one failed, and a connection that fails."""
    connection = make_connection(name="Shop")
    for minute in range(30):
        made_at(connection, timezone.now() - timedelta(hours=3, minutes=minute))
    made_at(connection, timezone.now() - timedelta(hours=3), status=JobStatus.FAILED)
    failing("Alpha")
    return connection


def test_list_renews_around_what_is_in_hand_and_keys_do_everything(page: Page) -> None:
    connection = aside(make_history)
    page.goto("/jobs/")
    keys = Keyboard(page)
    search = page.get_by_label("Connection, its name or ID")
    search.fill("half a wo")
    page.evaluate("scrollTo(0, 300)")

    new = aside(lambda: make_job(connection, status=JobStatus.RUNNING))

    expect(page.locator(f"#job-{new.pk}")).to_be_visible(timeout=SOON)
    expect(page.locator("#total-running b")).to_have_text("1")
    expect(search).to_be_focused()
    expect(search).to_have_value("half a wo")
    assert page.evaluate("scrollY") == 300

    # A bar keeps the focus while the bars are renewed, and an open menu stays open.
    bar = page.locator("a[id^=bar-][aria-label*=' 1 failed']")
    keys.reach(bar, back=True)
    aside(lambda: make_job(connection))
    expect(page.locator("#total-success b")).not_to_have_text("30", timeout=SOON)
    expect(bar).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Made: "))).to_be_visible()
    expect(page.locator("[id^=bar-][aria-current]")).to_have_count(1)

    keys.press("link", "Retry: unreachable, PostgreSQL")
    keys.press("button", "Retry 1 connection")
    expect(page.get_by_role("heading", name=re.compile("^Retry: 0 of 1 looked at"))).to_be_visible()
    assert aside(Bulk.objects.count) == 1
