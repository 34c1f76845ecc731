"""The search box in a real browser, by keyboard alone: from a pasted ID to the job's cause and what to do."""

from __future__ import annotations

from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from jobs.models import JobStatus
from tests.axe import Axe
from tests.browser import Chromium, is_error, window
from tests.factories import make_connection, make_entity, make_job


def test_box_suggests_moves_opens_and_closes_by_keyboard(
    live_server: LiveServer, viewer: Client, browser: Chromium
) -> None:
    connection = make_connection(name="Halden Foods")
    entity = make_entity(connection, name="Bakeries")
    job = make_job(connection, entity, status=JobStatus.FAILED, error_code="unreachable")
    short = str(job.pk)[:13]

    with window(browser, viewer, live_server.url, fault=is_error, base_url=live_server.url) as page:
        box = page.get_by_role("combobox", name="Find anything")
        options = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
        page.keyboard.press("/")
        expect(box).to_be_focused()
        page.keyboard.type(short)
        expect(options).to_have_count(3)
        expect(box).to_have_attribute("aria-expanded", "true")
        expect(page.locator("#announce")).to_have_text("3 hits")
        assert Axe().find(page) == []

        page.keyboard.press("ArrowUp")
        expect(options.last).to_have_attribute("aria-selected", "true")
        expect(box).to_have_attribute("aria-activedescendant", "found-2-2")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(options.first).to_have_attribute("aria-selected", "true")
        expect(box).to_be_focused()
        page.keyboard.press("Escape")
        expect(options).to_have_count(0)
        expect(box).to_have_attribute("aria-expanded", "false")
        expect(box).to_have_value(short)

        # Ctrl K takes all of it, so that the next paste replaces it. Two steps to the cause: paste, Enter.
        page.get_by_role("link", name="System").focus()
        page.keyboard.press("Control+k")
        page.keyboard.insert_text(f" {short.upper()} ")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{job.get_absolute_url()}")
        expect(page.get_by_text("cannot be reached").first).to_be_visible()
        expect(page.get_by_text("Check host and port").first).to_be_visible()

        page.keyboard.press("Control+k")
        page.keyboard.type("baker")
        page.keyboard.press("ArrowDown")
        expect(options).to_have_count(1)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{entity.get_absolute_url()}")
