"""Every action of a row's menu, pressed on a page that is older than the state that the connection is in by now."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection
from jobs.services.pausing import pause_connection
from tests.browser import Chromium, aside, window
from tests.dashboard.states import STATES, bring_into, everything
from tests.factories import make_entity, make_ready_connection
from tests.menus import menu_item, row_menu

PATIENCE = 5_000
# A hidden tab asks for no updates, so what it shows grows old.
HIDDEN = "Object.defineProperty(document, 'hidden', {get: () => true})"
DELETED = "was deleted"
# What is pressed in the menu, and then in its dialog.
PRESSES = {
    "sync": ("Sync now", ""),
    "test": ("Test connection", ""),
    "pause": ("Pause…", "Pause connection"),
    "resume": ("Resume…", "Resume"),
    "resync": ("Historical re-sync…", "Start re-sync"),
    "duplicate": ("Duplicate", ""),
    "delete": ("Delete…", "Delete connection"),
}
# What the browser shows then, in each of the states: the result, or with a star why not.
SHOWN = {
    "sync": (
        "*is paused: Holiday",
        "*Nothing new was started",
        "*cannot sync yet. No credentials are stored",
        f"*{DELETED}",
    ),
    "test": (
        "waiting for a worker",
        "waiting for a worker",
        "*cannot be asked yet: its credentials are missing",
        f"*{DELETED}",
    ),
    "pause": ("*is paused already", "is paused.", "is paused.", f"*{DELETED}"),
    "resume": ("is resumed.", "*is not paused", "*is not paused", f"*{DELETED}"),
    "resync": (
        "*is paused: Holiday",
        "historical re-sync queued",
        "*cannot sync yet. No credentials are stored",
        f"*{DELETED}",
    ),
    "duplicate": ("has the settings of", "has the settings of", "has the settings of", f"*{DELETED}"),
    "delete": ("is deleted.", "is deleted.", "is deleted.", f"*{DELETED}"),
}


@pytest.fixture
def connections(live_server: LiveServer) -> dict[str, Connection]:
    """A connection for each action. The one to resume is paused."""
    del live_server
    made = {action: make_ready_connection(name=f"Shop to {action}") for action in PRESSES}
    for connection in made.values():
        make_entity(connection)
    pause_connection(connection=made["resume"], reason="Holiday", actor=None)
    return made


@pytest.fixture
def page(
    live_server: LiveServer, admin: Client, connections: dict[str, Connection], browser: Chromium
) -> Iterator[Page]:
    """The list, opened by an admin to whom no update comes, as in a tab that was left open."""
    del connections
    with window(browser, admin, live_server.url) as opened:
        opened.set_default_timeout(PATIENCE)
        opened.add_init_script(HIDDEN)
        yield opened


def answer_question(page: Page, connection: Connection) -> None:
    """Fill in what the open dialog asks for."""
    for label, answer in (("Reason", "Moving house"), ("to confirm", connection.name)):
        for field in page.get_by_role("dialog").get_by_label(label).all():
            field.fill(answer)


@pytest.mark.parametrize("state", STATES)
def test_press_on_a_page_that_is_older_than_the_state(
    page: Page, connections: dict[str, Connection], live_server: LiveServer, state: str
) -> None:
    for action, (item, button) in PRESSES.items():
        connection, shown = connections[action], SHOWN[action][STATES.index(state)]
        press = menu_item(row_menu(page, connection.name), item)
        if button:
            press.click()
            press = page.get_by_role("dialog").get_by_role("button", name=button)
        expect(press).to_be_visible()
        if button:
            answer_question(page, connection)
        aside(partial(bring_into, state, connection))
        before = aside(everything)

        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            press.click()

        told = page.locator("#messages, main, dialog[open]").filter(has_text=shown.lstrip("*"))
        expect(told.filter(has_text=connection.name).first).to_be_visible()
        is_refused = shown.startswith("*")
        assert (action, answer.value.status == 409) == (action, is_refused)
        assert (action, aside(everything) == before) == (action, is_refused)
        page.keyboard.press("Escape")
        if button or action == "duplicate":
            page.goto(live_server.url)
