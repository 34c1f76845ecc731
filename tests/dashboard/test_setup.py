"""The setup page against a real source: a change is tested before it counts, and secrets are write-only."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from psycopg import sql
from pytest_django import DjangoAssertNumQueries

from connectors import secrets
from connectors.models import Activity, Connection, Status, Table, Tag
from connectors.services import facts
from connectors.services.activity import REPLACED
from connectors.services.asking import ask_in_time
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity
from tests.servers import POSTGRES

SOURCE, READER, PASSWORD, OTHER = "setup_source", "setup_reader", "s3cret-canary-of-setup", "an0ther-canary-of-setup"
# Session, user, groups, connection; leases, totals, entities' names; tables, counts, selection, tags, owners; health.
QUERIES = 16


@pytest.fixture(scope="module", autouse=True)
def _source() -> Iterator[None]:
    """A database with two tables and a reader of one password."""
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(SOURCE)))
        server.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(READER), sql.Literal(PASSWORD))
        )
    with psycopg.connect(POSTGRES.server.url(SOURCE), autocommit=True) as source:
        source.execute("CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE secret_plans (id int PRIMARY KEY)")
        source.execute(sql.SQL("GRANT SELECT ON orders TO {}").format(sql.Identifier(READER)))
    yield
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(SOURCE)))
        server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(READER)))


def config(**values: Any) -> dict[str, Any]:
    where = {"host": "127.0.0.1", "port": POSTGRES.server.port, "database": SOURCE, "user": READER}
    return {**where, "schema": "public", "sslmode": "prefer", **values}


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection whose stored sign-in works, with one entity."""
    del db
    made = make_connection(name="Harbour Shop", config=config(), credentials_set_at=timezone.now())
    Connection.objects.filter(pk=made.pk).update(
        credentials=secrets.seal({"password": PASSWORD}, owner=f"connection:{made.pk}")
    )
    make_entity(made, ref="public", name="Public")
    return fresh(made)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


def url(connection: Connection) -> str:
    return f"/connections/{connection.pk}/setup/"


def seen(client: Client, connection: Connection, part: str) -> str:
    """Return the version that the page holds for one of its parts."""
    page = flat(client.get(url(connection)))
    found = re.search(rf'name="part" value="{part}"><input type="hidden" name="seen" value="(\w+)"', page)
    assert found is not None
    return found[1]


def post(client: Client, connection: Connection, part: str, *, version: str = "", **values: Any) -> Any:
    """Send a part's form as a browser does that has just opened the page."""
    return client.post(url(connection), {"part": part, "seen": version or seen(client, connection, part), **values})


def source_form(**values: Any) -> dict[str, Any]:
    return {**config(), "password": "", **values}


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def stored(connection: Connection) -> tuple[object, ...]:
    found = fresh(connection)
    return found.config, bytes(found.credentials), found.credentials_set_at, found.tested_at, found.name


# --- what can be seen


def test_page_shows_every_part_and_no_secret(operator: Client, connection: Connection) -> None:
    page = flat(operator.get(url(connection)))

    for part in ("source", "schedule", "tables", "about"):
        assert f'name="part" value="{part}"' in page
    assert f'value="{SOURCE}"' in page
    assert "Set <time" in page
    assert PASSWORD not in page
    assert "••" not in page
    assert 'aria-current="page">Setup</a>' in page


def test_viewer_reads_the_page_and_changes_nothing(viewer: Client, connection: Connection) -> None:
    before = stored(connection)

    page = flat(viewer.get(url(connection)))
    answers = {
        part: viewer.post(url(connection), {"part": part, **source_form(name="Mine", database="postgres")}).status_code
        for part in ("source", "tables", "product", "about", "schedule")
    }

    assert f"<dd>{SOURCE}</dd>" in page
    assert "Set <time" in page
    assert 'name="part"' not in page
    assert set(answers.values()) == {403}
    assert stored(connection) == before


@pytest.mark.parametrize("count", [1, 3])
def test_setup_takes_the_same_queries_whatever_it_shows(
    operator: Client, connection: Connection, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        Table.objects.create(connection=connection, name=f"more {number}", source_schema="public")
        connection.tags.add(Tag.objects.create(name=f"tag {number}"))

    with django_assert_num_queries(QUERIES):
        operator.get(url(connection))


# --- how it signs in


def test_change_that_the_source_accepts_counts_at_once(operator: Client, connection: Connection) -> None:
    connection.entities.update(last_error_code="invalid_credentials", failure_streak=3)
    facts.refresh(fresh(connection))
    assert fresh(connection).status == Status.BROKEN
    Connection.objects.filter(pk=connection.pk).update(tested_at=None)

    response = post(operator, connection, "source", **source_form(sslmode="disable"))

    assert response.status_code == 302, flat(response)
    assert "the source accepts it" in told(response)
    found = fresh(connection)
    assert found.config == config(sslmode="disable")
    assert found.read_credentials() == {"password": PASSWORD}
    assert found.tested_at is not None
    assert (found.status, found.next_run_at is not None) == (Status.ACTIVE, True)
    assert not connection.entities.exclude(last_error_code="").exists()
    act = Activity.objects.get(connection=connection)
    assert (act.action, act.actor) == ("connection.configured", member("operator"))
    assert act.changes == [{"field": "sslmode", "before": "prefer", "after": "disable"}]


def test_new_credentials_are_sealed_and_never_told(operator: Client, connection: Connection) -> None:
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as server:
        change = sql.SQL("ALTER ROLE {} PASSWORD {}")
        server.execute(change.format(sql.Identifier(READER), sql.Literal(OTHER)))
        try:
            response = post(operator, connection, "source", **source_form(password=OTHER))
        finally:
            server.execute(change.format(sql.Identifier(READER), sql.Literal(PASSWORD)))

    assert response.status_code == 302, flat(response)
    found = fresh(connection)
    assert found.read_credentials() == {"password": OTHER}
    assert (found.credentials_set_by, found.config) == (member("operator"), config())
    act = Activity.objects.get(connection=connection)
    assert act.action == "connection.credentials_replaced"
    assert act.changes == [{"field": "password", "before": None, "after": REPLACED}]
    page = flat(operator.get(url(connection)))
    assert "by operator" in page
    assert OTHER not in page


def test_save_without_a_change_is_a_test(operator: Client, connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(tested_at=None)

    response = post(operator, connection, "source", **source_form())

    assert "Nothing was changed" in told(response)
    assert fresh(connection).tested_at is not None
    assert not Activity.objects.exists()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    ("typed", "said", "marked"),
    [
        ({"password": OTHER}, "refused the sign-in", "password"),
        ({"user": "nobody_here"}, "refused the sign-in", "password"),
        ({"database": "no_such_database"}, "does not exist", ""),
        ({"port": "deaf", "password": PASSWORD}, "cannot be reached", "host"),
        ({"host": "10.1.2.3", "password": PASSWORD}, "not allowed", "host"),
        ({"host": "no-such-host.invalid", "password": PASSWORD}, "cannot be found", "host"),
        ({"sslmode": "verify-full"}, "verify", "host"),
    ],
)
def test_refused_change_comes_back_with_the_reason_and_is_stored_nowhere(
    operator: Client, connection: Connection, deaf_port: int, typed: dict[str, str], said: str, marked: str
) -> None:
    typed = {name: str(deaf_port) if value == "deaf" else value for name, value in typed.items()}
    before = stored(connection)

    response = post(operator, connection, "source", **source_form(**typed))

    page = flat(response)
    assert response.status_code == 422
    assert said in page
    assert "Nothing was stored" in page
    for name, value in typed.items():
        assert (f'value="{value}"' in page or f'value="{value}" selected' in page) is (name != "password")
    assert PASSWORD not in page
    assert OTHER not in page
    assert re.findall(r'id="source_(\w+)" aria-invalid|id="source_(\w+)_error"', page) != [] or not marked
    assert (f'id="source_{marked}_error"' in page) is bool(marked)
    assert stored(connection) == before
    assert not Activity.objects.exists()


def test_change_that_hides_a_chosen_table_is_refused(operator: Client, connection: Connection) -> None:
    Table.objects.create(connection=connection, name="secret_plans", source_schema="public")
    before = stored(connection)

    response = post(operator, connection, "source", **source_form(sslmode="disable"))

    assert response.status_code == 422
    assert "may not read: secret_plans" in flat(response)
    assert stored(connection) == before


@pytest.mark.parametrize("typed", [{"host": "localhost"}, {"port": "1"}])
def test_stored_secret_goes_nowhere_else(operator: Client, connection: Connection, typed: dict[str, str]) -> None:
    before = stored(connection)

    response = post(operator, connection, "source", **source_form(**typed))

    assert response.status_code == 422
    assert "It is sent only to where it was stored for" in flat(response)
    assert stored(connection) == before


def test_secret_that_no_key_opens_is_asked_for_again(operator: Client, connection: Connection) -> None:
    other = secrets.seal({"password": PASSWORD}, owner="connection:another")
    Connection.objects.filter(pk=connection.pk).update(credentials=other)

    refused = post(operator, connection, "source", **source_form())
    typed = post(operator, connection, "source", **source_form(password=PASSWORD))

    assert "cannot be opened with the keys of this installation" in flat(refused)
    assert typed.status_code == 302
    assert fresh(connection).read_credentials() == {"password": PASSWORD}


def test_what_names_the_entity_cannot_change(operator: Client, connection: Connection) -> None:
    response = post(operator, connection, "source", **source_form(schema="pg_catalog"))

    assert response.status_code == 302
    assert fresh(connection).config["schema"] == "public"


def test_first_accepted_sign_in_finds_the_tables(operator: Client, connection: Connection) -> None:
    connection.entities.all().delete()
    connection.tables.all().delete()
    Connection.objects.filter(pk=connection.pk).update(credentials=b"", credentials_set_at=None)

    response = post(operator, connection, "source", **source_form(password=PASSWORD))

    assert response.status_code == 302, flat(response)
    assert set(connection.tables.values_list("name", flat=True)) == {"orders", "secret_plans"}
    assert fresh(connection).status == Status.ACTIVE


def test_form_that_is_older_than_a_change_shows_both_and_stores_nothing(
    operator: Client, admin: Client, connection: Connection
) -> None:
    version = seen(operator, connection, "source")
    post(admin, connection, "source", **source_form(sslmode="disable"))
    before = stored(connection)

    response = post(operator, connection, "source", version=version, **source_form(sslmode="allow"))
    assert response.status_code == 422
    response = post(operator, connection, "source", version=version, **source_form(user=READER, sslmode="prefer"))

    page = flat(response)
    assert response.status_code == 409
    assert "admin changed this" in page
    assert '<th scope="row">Encryption</th><td class="mono">disable</td><td class="mono">prefer</td>' in page
    assert stored(connection) == before
    again = re.search(r'name="part" value="source"><input type="hidden" name="seen" value="(\w+)"', page)
    assert again is not None
    assert post(operator, connection, "source", version=again[1], **source_form()).status_code == 302
    assert fresh(connection).config["sslmode"] == "prefer"


def test_second_press_changes_nothing_more(operator: Client, connection: Connection) -> None:
    version = seen(operator, connection, "source")
    post(operator, connection, "source", version=version, **source_form(sslmode="disable"))

    again = post(operator, connection, "source", version=version, **source_form(sslmode="disable"))

    assert "Nothing was changed" in told(again)
    assert Activity.objects.count() == 1


def test_question_that_takes_too_long_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        asked = socket.create_connection(silent.getsockname(), timeout=5)

        with pytest.raises(Exception, match="connection_timeout: No answer came within 0 seconds"):
            ask_in_time(lambda: asked.recv(1), seconds=0.1)
        asked.close()
