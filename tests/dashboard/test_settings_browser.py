"""The look of the connect flow in a browser: previewed and stored by keyboard, and in the colours that were typed."""

from __future__ import annotations

import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from sessions_log.models import ConnectLook
from tests.browser import Chromium, is_error, window
from tests.dashboard.keyboard import Keyboard
from tests.dashboard.test_settings_connect import SVG


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_look_is_previewed_and_stored_by_keyboard(
    live_server: LiveServer, admin: Client, browser: Chromium, *, scripts: bool
) -> None:
    with window(browser, admin, f"{live_server.url}/settings/connect/", java_script_enabled=scripts) as page:
        keys = Keyboard(page)
        page.get_by_label("Name shown to end users").fill("Meridian Payroll")
        page.get_by_label("Brand colour").fill("#7a7a7a")
        page.get_by_label("Brand colour").press("Enter")
        expect(page.get_by_text("Neither white nor dark text can be read on it")).to_be_visible()
        expect(page.get_by_label("Brand colour")).to_be_focused()
        page.get_by_label("Brand colour").fill("#ffcc00")
        page.get_by_label("In dark mode").fill("")
        if scripts:
            keys.press("button", "Preview")
        else:
            page.get_by_role("button", name="Preview").press("Enter")
        expect(page.get_by_text("Nothing is stored yet")).to_be_visible()
        expect(page.get_by_text("Dark text reads well")).to_be_visible()
        button = page.locator("#preview-step .btn--primary")
        expect(button).to_have_css("background-color", "rgb(255, 204, 0)")
        expect(button).to_have_css("color", "rgb(13, 23, 20)")
        page.get_by_role("button", name="Save").press("Enter")
        expect(page.get_by_text("Stored. The connect flow looks like this from now on.")).to_be_visible()
        expect(button).to_have_css("background-color", "rgb(255, 204, 0)")

    assert (ConnectLook.objects.get().name, ConnectLook.objects.get().brand) == ("Meridian Payroll", "#ffcc00")


def test_logo_is_drawn_under_its_policy(live_server: LiveServer, admin: Client, browser: Chromium) -> None:
    with window(browser, admin, f"{live_server.url}/settings/connect/", fault=is_error) as page:
        page.get_by_label("Logo").set_input_files({"name": "m.svg", "mimeType": "image/svg+xml", "buffer": SVG})
        page.get_by_role("button", name="Save").click()
        logo = page.locator("#preview-step img")
        expect(logo).to_be_visible()
        assert logo.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
