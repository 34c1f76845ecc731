"""The destinations' pages in a real browser with scripts off: one is added, tested and changed, each first wrongly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Activity, Destination
from tests.browser import Chromium, window
from tests.dashboard.landing import PASSWORD, PLACE, landing_place


@pytest.fixture(scope="module", autouse=True)
def _place() -> Iterator[None]:
    with landing_place():
        yield


def test_destination_is_added_tested_and_changed_without_scripts(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    with window(browser, operator, f"{live_server.url}/destinations/", java_script_enabled=False) as page:
        page.get_by_role("link", name="Add a destination").click()
        page.get_by_role("link", name="PostgreSQL").click()
        expect(page.get_by_label("Name")).to_be_focused()
        for label, value in {"Name": "Lake", "Host": "127.0.0.1", "Database": PLACE["database"]}.items():
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_label("Port").fill(PLACE["port"])
        page.get_by_label("User").fill(PLACE["user"])
        page.get_by_role("button", name="Test and add").click()
        expect(page.get_by_label("Password")).to_be_focused()
        expect(page.get_by_label("Password")).to_have_accessible_description("Fill in “Password”.")
        page.get_by_label("Password").fill("mistyped")
        page.get_by_role("button", name="Test and add").click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was stored")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Test and add").click()
        expect(page.get_by_text("Lake works and can be chosen for connections.")).to_be_visible()

        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("Lake works.")).to_be_visible()
        page.get_by_role("link", name="Edit").click()
        page.get_by_label("Database").fill("nowhere")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Test and save").click()
        expect(page.get_by_role("alert")).to_be_focused()
        page.get_by_label("Database").fill(PLACE["database"])
        page.get_by_label("Name").fill("Lake Constance")
        page.get_by_role("button", name="Test and save").click()
        expect(page.get_by_text("Lake Constance is changed.")).to_be_visible()

    assert Destination.objects.get().name == "Lake Constance"
    assert list(Activity.objects.order_by("pk").values_list("action", flat=True)) == [
        "destination.created",
        "destination.checked",
        "destination.changed",
    ]
