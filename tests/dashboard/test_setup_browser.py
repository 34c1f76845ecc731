"""The setup page by the keyboard alone, with scripts off and on: what is stored, and where the focus is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from connectors import secrets
from connectors.models import Connection, Table
from tests.browser import Chromium, window
from tests.dashboard.keyboard import Keyboard
from tests.factories import make_connection, make_entity
from tests.servers import POSTGRES

PASSWORD = "a-password-typed-without-scripts"


@pytest.fixture
def connection(live_server: LiveServer) -> Iterator[Connection]:
    """A connection to a database that is there, with a password that is wrong."""
    del live_server
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as server:
        server.execute(f"CREATE ROLE keyboard_reader LOGIN PASSWORD '{PASSWORD}'")
        config = {"host": "127.0.0.1", "port": POSTGRES.server.port, "database": "postgres", "user": "keyboard_reader"}
        made = make_connection(name="Harbour Shop", config=config, credentials_set_at=timezone.now())
        sealed = secrets.seal({"password": "wrong"}, owner=f"connection:{made.pk}")
        Connection.objects.filter(pk=made.pk).update(credentials=sealed)
        made.tables.update(name="pg_class", source_schema="pg_catalog")
        Table.objects.create(connection=made, name="pg_type", source_schema="pg_catalog")
        make_entity(made, ref="public")
        yield made
        server.execute("DROP ROLE keyboard_reader")


def test_secret_is_replaced_and_a_table_taken_out_by_keyboard_without_scripts(
    live_server: LiveServer, operator: Client, connection: Connection, browser: Chromium
) -> None:
    address = f"{live_server.url}/connections/{connection.pk}/setup/"
    with window(browser, operator, address, java_script_enabled=False) as page:
        page.get_by_label("Encryption").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("New password")).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Stored: the source accepts it.")).to_be_visible()
        expect(page.get_by_text("by operator")).to_be_visible()

        page.get_by_label("pg_type").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Save selection").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("pg_type from the next run on: not copied.")).to_be_visible()

    assert Connection.objects.get().read_credentials() == {"password": PASSWORD}
    assert list(connection.tables.filter(is_selected=True).values_list("name", flat=True)) == ["pg_class"]


def test_what_is_refused_has_the_focus_and_a_preview_takes_none_away(
    live_server: LiveServer, operator: Client, connection: Connection, browser: Chromium
) -> None:
    with window(browser, operator, f"{live_server.url}/connections/{connection.pk}/setup/") as page:
        keys = Keyboard(page)
        keys.reach(page.locator("summary.secret"))
        page.keyboard.press("Enter")
        keys.type("mistyped\n", into="New password")
        expect(page.get_by_role("alert")).to_be_focused()
        keys.must_show_focus()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was stored")

        keys.reach(page.get_by_role("radio", name="6 hours"))
        page.keyboard.press("ArrowDown")
        expect(page.locator("#schedule-preview caption")).to_have_text("The next runs, Daily")
        keys.must_be_on("radio", re.compile("24 hours"))
        keys.press("button", "Save schedule")
        expect(page.get_by_text("The schedule is stored.")).to_be_visible()
        # The part that was saved is where Tab goes on.
        page.keyboard.press("Tab")
        keys.must_be_on("radio", re.compile("24 hours"))

        keys.type("\n", into="Name")
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        keys.must_show_focus()
        keys.type("Harbour & Sons\n", into="Name")
        expect(page.get_by_role("heading", name="Harbour & Sons", level=1)).to_be_visible()

    connection.refresh_from_db()
    assert (connection.name, connection.interval_seconds) == ("Harbour & Sons", 86_400)
