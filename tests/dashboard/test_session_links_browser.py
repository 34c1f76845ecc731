"""A connect link made by the keyboard alone and copied; made without scripts; and mailed, opened and pressed on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from sessions_log.models import ConnectLook, Session
from tests.browser import Chromium, window
from tests.dashboard.keyboard import Keyboard
from tests.dashboard.test_settings_connect import SVG
from tests.factories import make_connection, make_destination, make_entity

if TYPE_CHECKING:
    from pytest_django import Settings

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
        address = page.locator("#id_sandbox_payroll-base_url")
        expect(address).to_be_hidden()
        page.get_by_label("Sandbox Payroll").check()
        address.fill("not an address")
        page.get_by_label("Workforce").uncheck()
        page.get_by_label("Who connects").fill("Halden Foods")
        page.get_by_label("Who connects").press("Enter")
        expect(page.get_by_text("Fill in what this provider needs.")).to_be_visible()
        address.fill("https://payroll.example.com")
        page.get_by_role("button", name="Create link").click()
        assert LINK.match(page.get_by_role("region", name="Connect link").inner_text())

    session = Session.objects.get()
    assert (session.products, session.end_user_name) == (["payroll"], "Halden Foods")


def test_person_opens_the_mail_and_sees_who_asks(
    live_server: LiveServer, operator: Client, browser: Chromium, settings: Settings, tmp_path: Path
) -> None:
    settings.PATCHBAY_EMAIL_HOST, settings.PATCHBAY_EMAIL_DIR = "", str(tmp_path)
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(tmp_path)
    ConnectLook.objects.create(name="Meridian Payroll", brand="#ffcc00", logo=SVG, logo_type="image/svg+xml")
    connection = make_connection(name="Halden Foods")
    address = f"{live_server.url}/sessions/new/?connection={connection.pk}"
    with window(browser, operator, address) as page:
        page.get_by_label("E-mail").fill("dana@halden.example")
        page.get_by_role("button", name="Send by e-mail").click()
        expect(page.get_by_text(f"written to {tmp_path}")).to_be_visible()

    (mail,) = tmp_path.iterdir()
    found = re.search(r"^http://localhost:\d+/connect/\S+$", mail.read_text(), re.MULTILINE)
    assert found
    # A mail scanner was here before.
    assert [Client().get(found[0]).status_code, Client().head(found[0]).status_code] == [200, 200]
    with window(browser, Client(), found[0]) as page:
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_contain_text("Meridian Payroll asks you to sign in again")
        expect(page.locator(".brandbar img")).to_be_visible()
        button = page.locator(".btn--primary").first
        expect(button).to_have_css("background-color", "rgb(255, 204, 0)")
        expect(button).to_have_css("color", "rgb(13, 23, 20)")
        button.click()
        expect(page).to_have_url(re.compile(r"/connect/session/[0-9a-f-]{36}/terms/$"))
        expect(page.locator(".brandbar")).to_contain_text("Meridian Payroll")

    session = Session.objects.get()
    told = list(session.events.order_by("occurred_at").values_list("name", flat=True))
    assert (session.status, told[:3]) == ("opened", ["link.created", "link.clicked", "session.opened"])
    assert session.events.get(name="link.created").detail == {"by": "operator", "sent": "email"}
