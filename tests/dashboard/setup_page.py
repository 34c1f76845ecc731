"""The setup page of a connection, as a browser sees it and sends its forms."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from connectors.models import Connection, Mode, Table
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_ready_connection

ABOUT = {
    "name": "Harbour Shop",
    "owner": "",
    "runbook_url": "",
    "tags": "",
    "credentials_end_on": "",
    "description": "",
}
SOURCE = {"host": "db.example", "port": "5432", "database": "shop", "schema": "public", "user": "reader"}


def make_harbour_shop() -> Connection:
    """Make a connection that is set up, with three tables."""
    made = make_ready_connection(name="Harbour Shop", config={**SOURCE, "port": 5432, "sslmode": "prefer"})
    make_entity(made)
    Table.objects.create(connection=made, name="notes", source_schema="public")
    Table.objects.create(
        connection=made, name="events", source_schema="public", mode=Mode.MERGE, keys=["id"], cursor="at"
    )
    return fresh(made)


def fresh(connection: Connection) -> Connection:
    """Read it anew."""
    return Connection.objects.get(pk=connection.pk)


def url(connection: Connection) -> str:
    """Return the address of the page."""
    return f"/connections/{connection.pk}/setup/"


def seen(client: Client, connection: Connection, part: str) -> str:
    """Return the version that the page holds for one of its parts; empty for a part that it has not."""
    page = flat(client.get(url(connection)))
    found = re.search(rf'name="part" value="{part}"><input type="hidden" name="seen" value="(\w+)"', page)
    return found[1] if found else ""


def post(client: Client, connection: Connection, part: str, *, version: str = "", **values: Any) -> Any:
    """Send a part's form as a browser does that has just opened the page."""
    return client.post(url(connection), {"part": part, "seen": version or seen(client, connection, part), **values})


def told(response: Any) -> str:
    """Return what the messages of an answer say."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def tables(connection: Connection, *names: str) -> list[str]:
    """Return the keys of tables as forms hold them."""
    return [str(pk) for pk in connection.tables.filter(name__in=names).values_list("pk", flat=True)]


def copied(connection: Connection) -> set[str]:
    """Return the names of the tables that are copied."""
    return set(connection.tables.filter(is_selected=True).values_list("name", flat=True))
