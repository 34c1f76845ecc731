"""The list's actions in a real browser: a row's menu by keyboard alone, rows that are ticked, and all of it without
scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Pause, Status
from jobs.models import Bulk
from jobs.services.bulk import work_off
from tests.browser import Chromium, window
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import Beside

Open = Callable[..., Page]


@pytest.fixture
def shops(live_server: LiveServer) -> list[Connection]:
    """Three connections that are set up."""
    del live_server
    found = [make_ready_connection(name=name) for name in ("Alpha", "Beta", "Gamma")]
    for one in found:
        make_entity(one)
    return found


@pytest.fixture
def open_list(shops: list[Connection], live_server: LiveServer, admin: Client, browser: Chromium) -> Iterator[Open]:
    """Opens the list as an admin; an error in a script or a breach of the policy fails the test."""
    del shops
    with ExitStack() as windows:

        def open_(*, scripts: bool = True) -> Page:
            return windows.enter_context(window(browser, admin, live_server.url, java_script_enabled=scripts))

        yield open_


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def tick(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}").check()


def stored(look: Callable[[], object]) -> object:
    """What the database says, read beside the browser's own event loop."""
    found: list[object] = []
    Beside(lambda: found.append(look())).start().join()
    return found[0]


def work() -> None:
    """Do what the workers would: none runs here."""
    Beside(lambda: [work_off(bulk.pk, seconds=30) for bulk in Bulk.objects.open()]).start().join()


def status_of(name: str) -> object:
    return stored(lambda: Connection.objects.get(name=name).status)


def test_menu_by_keyboard_pauses_with_a_reason_and_resumes(open_list: Open) -> None:
    page = open_list()
    keys = page.keyboard
    row(page, "Beta").get_by_role("button", name="Actions for Beta").focus()
    keys.press("Enter")
    expect(page.locator(".menu:popover-open")).to_be_visible()
    keys.press("Escape")
    expect(page.locator(".menu:popover-open")).to_have_count(0)
    expect(page.get_by_role("button", name="Actions for Beta")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Sync now")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    keys.type("Moving house")
    keys.press("Enter")
    expect(page.get_by_text("Beta is paused. Nothing is started until it is resumed.")).to_be_visible()
    assert stored(lambda: Pause.objects.open().get().reason) == "Moving house"

    page.get_by_role("link", name="Connections", exact=True).first.click()
    page.get_by_role("button", name="Actions for Beta").focus()
    keys.press("Enter")
    # Sync now is not to be had while it is paused.
    expect(page.get_by_role("link", name="Resume…")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Resume")).to_be_focused()
    keys.press("Enter")

    expect(page.get_by_text("Beta is resumed.")).to_be_visible()
    assert status_of("Beta") == Status.ACTIVE


def test_ticked_rows_are_tagged_and_the_report_comes_by_itself(open_list: Open) -> None:
    page = open_list()
    bar = page.locator("#bulk-form")
    expect(bar).to_be_hidden()
    tick(page, "Alpha", "Gamma")
    expect(bar).to_contain_text("2 selected")
    expect(page.get_by_role("searchbox")).to_be_hidden()
    expect(bar.get_by_role("button", name="Resume")).to_be_disabled()
    expect(bar.get_by_role("button", name="Resume")).to_have_attribute(
        "title", "None of the selected connections is paused"
    )

    bar.get_by_role("button", name="Tag").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Tag 2 connections")
    dialog.get_by_label("Tag", exact=True).fill("north")
    dialog.get_by_role("button", name="Change tags").click()

    expect(page.get_by_role("heading", level=2)).to_contain_text("0 of 2 looked at")
    work()
    expect(page.get_by_role("heading", level=2)).to_contain_text("2 of 2 tagged")
    page.get_by_role("link", name="Done").click()
    expect(row(page, "Gamma")).to_contain_text("north")
    expect(row(page, "Beta")).not_to_contain_text("north")


def test_select_all_is_a_step_of_its_own_and_clear_takes_it_back(open_list: Open) -> None:
    page = open_list()
    page.get_by_role("checkbox", name="Select all on this page").check()
    bar = page.locator("#bulk-form")
    everything = bar.get_by_role("checkbox", name="Select all 3")
    expect(everything).not_to_be_checked()
    everything.check()
    expect(bar).to_contain_text("3 selected")

    page.get_by_role("checkbox", name="Select Beta").uncheck()
    expect(everything).not_to_be_checked()
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Clear").click()

    expect(bar).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_visible()


def test_menu_and_bulk_work_without_scripts(open_list: Open) -> None:
    page = open_list(scripts=False)
    page.get_by_role("button", name="Actions for Alpha").click()
    page.get_by_role("link", name="Pause…").click()
    page.get_by_label("Reason").fill("Audit")
    page.get_by_role("button", name="Pause connection").click()
    expect(page.get_by_text("Alpha is paused.")).to_be_visible()

    page.get_by_role("link", name="Connections", exact=True).first.click()
    tick(page, "Alpha", "Beta")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Reason").fill("Month end")
    page.get_by_role("button", name="Pause 2").click()
    work()
    page.reload()

    expect(page.get_by_role("heading", level=2)).to_have_text("Pause: 1 of 2 paused")
    expect(page.get_by_role("row").filter(has_text="Alpha is paused already")).to_contain_text("Resume…")
    assert [status_of("Beta"), status_of("Gamma")] == [Status.PAUSED, Status.ACTIVE]
