"""The Schema tab by the keyboard alone and with scripts off: a change is accepted, a row filter is made and stored."""

from __future__ import annotations

import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Table
from tests.browser import Chromium, aside, window
from tests.dashboard.schema_records import change_everything, make_schema_connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_change_is_accepted_and_a_filter_made_by_keyboard_without_scripts(
    live_server: LiveServer, operator: Client, browser: Chromium
) -> None:
    connection = make_schema_connection()
    change_everything(connection)
    address = f"{live_server.url}/connections/{connection.pk}/schema/"
    with window(browser, operator, address, java_script_enabled=False) as page:
        page.get_by_role("button", name="Ignore: column added, iban").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Accepted: billing.invoices.")).to_be_visible()
        expect(page.get_by_role("heading", name="5 pending schema changes")).to_be_visible()

        page.get_by_role("button", name="Add line").press("Enter")
        page.get_by_label("Column, line 1").select_option("issued_on")
        page.keyboard.press("Tab")
        page.get_by_label("Comparison, line 1").select_option("ge")
        page.get_by_label("Value, line 1").fill("2024-01-01")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Stored: billing.invoices is copied like this from the next run on.")).to_be_visible()
        expect(page.get_by_label("Value, line 1")).to_have_value("2024-01-01")

        page.get_by_role("link", name="refunds").press("Enter")
        expect(page.get_by_role("heading", name="billing.refunds")).to_be_visible()
        # Nothing is wider than a telephone.
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

        stored = aside(lambda: Table.objects.get(name="invoices").filters)

    assert stored == [{"column": "issued_on", "operator": "ge", "value": "2024-01-01"}]
