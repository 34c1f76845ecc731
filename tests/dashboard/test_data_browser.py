"""The Data page in a real browser: from the Schema tab to the first rows of a table, by the keyboard."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection
from tests.browser import Chromium, window
from tests.factories import make_connection, make_destination, make_entity


@pytest.fixture
def connection(live_server: LiveServer, settings: Settings, tmp_path: Path) -> Connection:
    """A connection whose table lies in a DuckDB file, which the web process itself cannot open."""
    del live_server
    settings.PATCHBAY_HOME = tmp_path
    (tmp_path / "duckdb").mkdir()
    with duckdb.connect(str(tmp_path / "duckdb" / "lake.duckdb")) as lake:
        lake.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, note text, scan blob)")
        lake.execute("INSERT INTO shop.orders VALUES (1, NULL, '\\x00\\xff'), (2, '', NULL)")
    made = make_connection(destination=make_destination(kind="duckdb", config={"file": "lake"}))
    make_entity(made, dataset="shop")
    return made


def test_rows_of_a_file_are_seen_on_a_press(
    live_server: LiveServer, operator: Client, connection: Connection, browser: Chromium
) -> None:
    with window(browser, operator, f"{live_server.url}{connection.get_absolute_url()}schema/") as page:
        page.get_by_role("link", name="Data at the destination").click()
        expect(page.get_by_role("heading", name="orders")).to_be_visible()
        expect(page.get_by_role("row", name="scan blob")).to_be_visible()
        page.get_by_role("button", name="Show first rows").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="First rows")).to_be_visible()
        expect(page.get_by_role("row", name="1 null 2 bytes")).to_be_visible()
        expect(page.get_by_role("row", name="2 empty text null")).to_be_visible()
