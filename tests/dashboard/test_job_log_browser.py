"""The log of a job in a browser: what arrives disturbs nothing that a person does, and no script is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Locator, expect

from tests.browser import Chromium, aside, window
from tests.dashboard.job_records import add_lines, payroll_entity, running_sync
from tests.dashboard.keyboard import Keyboard

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from jobs.models import Job

# How far the log stands from its own end.
FROM_END = "(log) => Math.abs(log.scrollTop)"


def long_job() -> Job:
    """A running job with 700 lines, of which one in the middle is an error."""
    job = running_sync(payroll_entity())
    add_lines(job, *(f"page {number}" for number in range(1, 350)))
    add_lines(job, "page 350 was refused", level="error")
    add_lines(job, *(f"page {number}" for number in range(351, 701)))
    return job


def top_of(line: Locator) -> float:
    """Where a line stands in the window."""
    box = line.bounding_box()
    assert box is not None
    return box["y"]


def test_lines_that_arrive_disturb_neither_reading_nor_typing(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    job = long_job()
    with window(browser, operator, f"{live_server.url}{job.get_absolute_url()}") as page:
        log, search = page.get_by_role("region", name="Job log"), page.get_by_label("Search the log")
        page.get_by_text("Times in").scroll_into_view_if_needed()
        expect(page.get_by_text("page 700", exact=True)).to_be_in_viewport()
        search.fill("half a wo")

        aside(lambda: add_lines(job, "page 701 came"))

        # Whoever looks at the end stays there.
        expect(page.get_by_text("page 701 came")).to_be_attached()
        assert log.evaluate(FROM_END) == 0
        expect(search).to_be_focused()
        expect(search).to_have_value("half a wo")

        log.evaluate("(log) => log.scrollBy(0, -900)")
        read = page.get_by_text("page 650", exact=True)
        read.scroll_into_view_if_needed()
        before = top_of(read)
        aside(lambda: add_lines(job, "page 702 came"))
        expect(page.get_by_text("page 702 came")).to_be_attached()
        assert top_of(read) == before


def test_first_error_is_reached_and_shared_by_keyboard_without_scripts(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    job = long_job()
    address = f"{live_server.url}{job.get_absolute_url()}"
    with window(browser, operator, address, java_script_enabled=False) as page:
        keyboard = Keyboard(page)
        expect(page.get_by_text("Load it again for news")).to_be_visible()

        keyboard.reach(page.get_by_role("link", name="First error"))
        page.keyboard.press("Enter")

        page.wait_for_url(f"{address}?line=350#L350")
        line = page.locator("#L350")
        expect(line).to_be_in_viewport()
        assert line.evaluate("(line) => getComputedStyle(line).boxShadow") != "none"
        page.get_by_role("link", name="Download").focus()
        # What follows five hundred lines is two keys away, and a level one press.
        keyboard.reach(page.get_by_role("link", name="Skip the lines"))
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Oldest")).to_be_focused()
        page.get_by_role("button", name="Error 1").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#log-lines > li[id]")).to_have_count(1)
        expect(page.get_by_text("1 matching line")).to_be_visible()
