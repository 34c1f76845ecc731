"""What bad input gets on the setup page: a sentence at its field, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connectors.models import Activity, Connection
from tests.dashboard.pages import flat
from tests.dashboard.setup_page import ABOUT, SOURCE, copied, fresh, make_harbour_shop, post, url
from tests.factories import make_connection

LONG = "x" * 201


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection that is set up, with three tables."""
    del db
    return make_harbour_shop()


BAD_NOTES = [
    ({"name": ""}, "Give the connection a name that its readers will know."),
    ({"name": "   "}, "Give the connection a name that its readers will know."),
    ({"name": LONG}, "This is too long: 201 characters, at most 200."),
    ({"name": "Sh\0op"}, "Null characters are not allowed."),
    ({"name": "Taken"}, "“Taken” is the name of another connection."),
    ({"runbook_url": "javascript:alert(1)"}, "A web address begins with https:// or http:// and names a server."),
    ({"runbook_url": "ftp://wiki.example/a"}, "A web address begins with https:// or http:// and names a server."),
    ({"runbook_url": "wiki.example/a"}, "A web address begins with https:// or http:// and names a server."),
    ({"runbook_url": "https://"}, "A web address begins with https:// or http:// and names a server."),
    ({"runbook_url": "https://wiki.example:99999999/"}, "A web address begins with https:// or http://"),
    ({"runbook_url": "https://wiki.example/a b"}, "A web address has no spaces in it."),
    ({"runbook_url": "data:text/html,<b>"}, "A web address begins with https:// or http:// and names a server."),
    ({"runbook_url": f"https://wiki.example/{'x' * 500}"}, "This is too long: 521 characters, at most 500."),
    ({"runbook_url": "https://wiki.example/\0"}, "Null characters are not allowed."),
    ({"tags": "x" * 41}, f"“{'x' * 40}…” is too long for a tag: 41 characters, at most 40."),
    ({"tags": ",".join(f"t{number}" for number in range(50))}, "These are 50 tags; a connection has at most 20."),
    ({"tags": "a\0b"}, "Null characters are not allowed."),
    ({"owner": "4711"}, "This is no member any more. Choose somebody else."),
    ({"owner": "nobody"}, "This is no member any more. Choose somebody else."),
    ({"owner": "9" * 30}, "This is no member any more. Choose somebody else."),
    ({"owner": "gone"}, "This is no member any more. Choose somebody else."),
    ({"description": "x" * 2001}, "This is too long: 2001 characters, at most 2000."),
    ({"description": "\0"}, "Null characters are not allowed."),
]


BAD_SOURCE = [
    ({"host": ""}, "Fill in “Host”."),
    ({"host": "db example"}, "This is no name of a server: letters, digits, “.” and “-”, without blanks."),
    ({"host": "postgres://db.example"}, "Leave out “postgres://”: only the name or address of the server."),
    ({"host": "me:pw@db.example"}, "Leave out the user and the password"),
    ({"host": "db.example:5432"}, "Leave out the port here, it has a field of its own."),
    ({"host": "db.example\0"}, "Null characters are not allowed."),
    ({"host": "x" * 256}, "at most 255 characters"),
    ({"port": "abc"}, "“Port” is a whole number from 1 to 65535."),
    ({"port": "0"}, "“Port” is a whole number from 1 to 65535."),
    ({"port": "65536"}, "“Port” is a whole number from 1 to 65535."),
    ({"port": "-1"}, "“Port” is a whole number from 1 to 65535."),
    ({"port": "54.3"}, "“Port” is a whole number from 1 to 65535."),
    ({"database": ""}, "Fill in “Database”."),
    ({"database": "shop\0"}, "Null characters are not allowed."),
    ({"user": " "}, "Fill in “User”."),
    ({"sslmode": "sometimes"}, "sometimes is not one of the available choices"),
    ({"password": "pass\0word"}, "Null characters are not allowed."),
    ({"password": "x" * 4001}, "at most 4000 characters"),
]


def stored(connection: Connection) -> tuple[object, ...]:
    found = fresh(connection)
    notes = (found.name, found.runbook_url, found.description, found.owner_id, found.tags.count())
    return found.config, bytes(found.credentials), found.tested_at, copied(connection), notes


@pytest.mark.parametrize(("typed", "said"), BAD_NOTES)
def test_bad_note_gets_a_sentence_and_stays_in_the_form(
    operator: Client, connection: Connection, typed: dict[str, str], said: str
) -> None:
    make_connection(name="Taken")
    gone = User.objects.create(username="gone", is_active=False)
    values = {**ABOUT, **{name: str(gone.pk) if value == "gone" else value for name, value in typed.items()}}
    before = stored(connection)

    response = post(operator, connection, "about", **values)

    page = flat(response)
    assert response.status_code == 422
    assert said in page
    assert stored(connection) == before
    assert not Activity.objects.exists()
    (name, value) = next(iter(typed.items()))
    if name in {"name", "runbook_url", "tags"} and value.strip() and "\0" not in value:
        assert f'name="{name}" value="{value.replace("<", "&lt;").replace(">", "&gt;")}"' in page


@pytest.mark.parametrize(("typed", "said"), BAD_SOURCE)
def test_bad_setting_gets_a_sentence_and_nothing_is_asked(
    operator: Client, connection: Connection, typed: dict[str, str], said: str
) -> None:
    before = stored(connection)

    response = post(operator, connection, "source", **{**SOURCE, "sslmode": "prefer", "password": "", **typed})

    assert response.status_code == 422
    assert said in flat(response)
    assert "pass\0word" not in response.content.decode()
    assert stored(connection) == before


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("tables", {"shown": ["nothing"]}, "A table of this form is no table of this connection any more."),
        ("tables", {"shown": ["01a1f376-a902-75f3-b08f-448cbd9c1e65"]}, "is no table of this connection any more"),
        ("tables", {}, "This form shows no table, so nothing was changed."),
        ("tables", {"every": "off"}, "This form shows no table, so nothing was changed."),
        ("product", {}, "This field is required."),
        ("magic", {}, "This form is no part of the page, so nothing was changed."),
        ("", {}, "This form is no part of the page, so nothing was changed."),
    ],
)
def test_form_that_is_none_of_the_page_changes_nothing(
    operator: Client, connection: Connection, part: str, values: dict[str, Any], said: str
) -> None:
    before = stored(connection)

    response = post(operator, connection, part, version="none", **values)

    assert response.status_code == 422
    assert said in flat(response)
    assert stored(connection) == before


def test_form_without_its_version_does_not_overwrite(operator: Client, connection: Connection) -> None:
    response = operator.post(url(connection), {"part": "about", **ABOUT, "name": "Other"})

    assert response.status_code == 409
    assert fresh(connection).name == "Harbour Shop"


@pytest.mark.parametrize("query", [{"after": "x"}, {"before": "x~y"}, {"text": "a\0"}, {"text": "x" * 101}])
def test_address_that_the_page_does_not_know_is_ignored(
    viewer: Client, connection: Connection, query: dict[str, str]
) -> None:
    page = flat(viewer.get(url(connection), query))

    assert "is not a value that the page knows. It was ignored." in page
    assert ">orders<" in page
