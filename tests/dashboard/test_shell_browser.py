"""What the scripts of the frame do, in a real browser on a page of the real server.

The page is the 404 page, which is the bare frame. What a script asks the server for is answered by the test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser import Chromium, window

DIALOG = """
<header><div><h2>Cancel this job?</h2></div></header>
<footer><a class="btn" data-close href="/elsewhere">Keep running</a><button class="btn">Cancel job</button></footer>
"""
# Counts the requests that htmx would send where a test can see it: the policy forbids evaluating a condition.
COUNT = """() => {
    let count = 0;
    document.addEventListener("htmx:beforeRequest", () => { document.body.dataset.polls = ++count; });
}"""
SEVERAL = re.compile(r"[3-9]|\d\d+")
HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
ADD = """html => {
    const main = document.getElementById("main");
    main.insertAdjacentHTML("beforeend", html);
    htmx.process(main);
}"""
# In one step, so that no poll comes between.
ADD_WITH_OPEN_MENU = f"html => {{ ({ADD})(html); document.getElementById('m').showPopover(); }}"


@pytest.fixture
def page(live_server: LiveServer, viewer: Client, browser: Chromium) -> Iterator[Page]:
    """The frame, opened by a viewer; an error in a script or a breach of the content policy fails the test."""
    clipboard = ("clipboard-read", "clipboard-write")
    with window(browser, viewer, f"{live_server.url}/nothing/", permissions=clipboard) as opened:
        yield opened


def test_theme_is_kept_by_the_server(page: Page) -> None:
    page.get_by_role("button", name="Switch colour theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    response = page.reload()

    assert response is not None
    assert 'data-theme="dark"' in response.text()


def test_copy_button_copies_and_says_so(page: Page) -> None:
    page.evaluate(ADD, '<button class="copy" data-copy="01a1f376-a902">Copy</button>')

    page.get_by_role("button", name="Copy").click()

    expect(page.locator("#announce")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "01a1f376-a902"


def test_dialog_opens_its_address_and_closes_in_place(page: Page) -> None:
    page.route("**/cancel/", lambda route: route.fulfill(body=DIALOG, content_type="text/html"))
    page.evaluate(ADD, '<a href="/cancel/" data-dialog>Cancel</a>')
    before = page.url

    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_contain_text("Cancel this job?")
    page.get_by_role("link", name="Keep running").click()

    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#dialog")).to_be_empty()
    assert page.url == before


def test_failed_request_says_so_and_keeps_the_page(page: Page) -> None:
    status = 500
    page.route("**/part/", lambda route: route.fulfill(status=status, body="new", content_type="text/html"))
    page.evaluate(ADD, '<button hx-get="/part/" hx-target="#out">Update</button><p id="out">old</p>')

    page.get_by_role("button", name="Update").click()
    expect(page.locator("#messages")).to_contain_text("Could not update.")
    expect(page.locator("#out")).to_have_text("old")
    status = 200
    page.get_by_role("button", name="Update").click()

    expect(page.locator("#out")).to_have_text("new")
    expect(page.locator("#messages")).not_to_contain_text("Could not update.")


def test_hidden_tab_does_not_poll_and_catches_up_when_seen(page: Page) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="new", content_type="text/html")

    page.route("**/part/", answer)
    page.evaluate(HIDDEN, True)  # noqa: FBT003 - the argument of a script
    page.evaluate(COUNT)
    page.evaluate(ADD, '<p id="out" hx-get="/part/" hx-trigger="every 50ms">old</p>')
    expect(page.locator("body")).to_have_attribute("data-polls", SEVERAL)
    assert asked == []

    page.evaluate(HIDDEN, False)  # noqa: FBT003 - the argument of a script

    expect(page.locator("#out")).to_have_text("new")


def test_poll_leaves_an_open_menu_alone(page: Page) -> None:
    page.route("**/part/", lambda route: route.fulfill(body="new", content_type="text/html"))
    page.evaluate(COUNT)
    page.evaluate(
        ADD_WITH_OPEN_MENU,
        '<div id="out" hx-get="/part/" hx-trigger="every 50ms">'
        '<button popovertarget="m">Actions</button><div class="menu" id="m" popover>menu</div></div>',
    )

    expect(page.locator("body")).to_have_attribute("data-polls", SEVERAL)
    expect(page.locator("#m")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("#out")).to_have_text("new")


def test_escape_follows_the_closing_link_of_a_drawer(page: Page) -> None:
    page.evaluate(ADD, '<a data-escape href="#closed">Close</a>')

    page.keyboard.press("Escape")

    page.wait_for_url("**#closed")


def test_account_menu_is_anchored_to_its_button(page: Page) -> None:
    button = page.get_by_role("button", name="Account: viewer, viewer")

    button.click()

    anchor, menu = button.bounding_box(), page.locator("#account-menu").bounding_box()
    assert anchor is not None
    assert menu is not None
    assert abs((menu["x"] + menu["width"]) - (anchor["x"] + anchor["width"])) < 2
    assert 0 <= menu["y"] - (anchor["y"] + anchor["height"]) < 12
