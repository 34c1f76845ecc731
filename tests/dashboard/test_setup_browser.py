"""The setup page with scripts off and the keyboard alone: a secret is replaced, a table is taken out."""

from __future__ import annotations

import psycopg
import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from connectors import secrets
from connectors.models import Connection, Table
from tests.browser import Chromium, window
from tests.factories import make_connection, make_entity
from tests.servers import POSTGRES

PASSWORD = "a-password-typed-without-scripts"


@pytest.fixture
def connection(live_server: LiveServer) -> Connection:
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
    return made


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
