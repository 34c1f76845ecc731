"""A connect link made by the keyboard alone, from the page of a connection, and copied; and without scripts."""

from __future__ import annotations

import re

from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from sessions_log.models import Session
from tests.browser import Chromium, window
from tests.dashboard.keyboard import Keyboard
from tests.factories import make_connection, make_destination, make_entity

LINK = re.compile(r"^http://localhost:\d+/connect/[A-Za-z0-9_-]{43}/$")


def test_link_is_made_and_copied_by_keyboard_from_the_banner(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    refused = {"status": "broken", "status_reason": "invalid_credentials"}
    connection = make_connection(name="Halden Foods", last_error_code="invalid_credentials", **refused)
    make_entity(connection, **refused)
    address = f"{live_server.url}/connections/{connection.pk}/"
    clipboard = ["clipboard-read", "clipboard-write"]
    with window(browser, operator, address, permissions=clipboard) as page:
        keys = Keyboard(page)
        keys.press("link", "Let the end user sign in…")
        keys.must_be_on("textbox", "Who connects optional")
        keys.page.keyboard.type("Dana Whitfield")
        keys.press("button", "Create link")
        keys.must_be_on("button", "Copy link")
        link = page.get_by_role("region", name="Connect link").inner_text()
        assert LINK.match(link)
        page.keyboard.press("Enter")
        expect(page.locator("#announce")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == link
        keys.press("link", "Withdraw…", back=True)
        keys.must_be_on("link", "Keep it")
        keys.press("button", "Withdraw link")
        expect(page.get_by_text("The connect link for Dana Whitfield does not work any more.")).to_be_visible()

    assert Session.objects.get().status == "expired"


def test_link_for_a_new_connection_is_made_without_scripts(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    make_destination(name="Warehouse")
    with window(browser, operator, f"{live_server.url}/sessions/new/", java_script_enabled=False) as page:
        expect(page.get_by_label("Address")).to_be_hidden()
        page.get_by_label("Sandbox Payroll").check()
        page.get_by_label("Address").fill("not an address")
        page.get_by_label("Workforce").uncheck()
        page.get_by_label("Who connects").fill("Halden Foods")
        page.get_by_label("Who connects").press("Enter")
        expect(page.get_by_text("Fill in what this provider needs.")).to_be_visible()
        page.get_by_label("Address").fill("https://payroll.example.com")
        page.get_by_role("button", name="Create link").click()
        assert LINK.match(page.get_by_role("region", name="Connect link").inner_text())

    session = Session.objects.get()
    assert (session.products, session.end_user_name) == (["payroll"], "Halden Foods")
