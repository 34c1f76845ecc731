"""Each outcome of a connection's test by its real cause, through the dialog, with what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from connectors import secrets
from connectors.models import Connection
from jobs.models import Job, JobType
from jobs.runner import run_job
from jobs.services.pausing import pause_connection
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_ready_connection
from tests.servers import POSTGRES

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

DATABASE, READER, PASSWORD = "tested_source", "tested_reader", "reader-password-0815"
HTMX = {"HX-Request": "true"}
POLL = {**HTMX, "HX-Trigger": "test-poll"}


@pytest.fixture(scope="module", autouse=True)
def _source() -> Iterator[None]:
    """A database with a role that may read one of two tables, gone afterwards."""
    name, role = sql.Identifier(DATABASE), sql.Identifier(READER)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        with psycopg.connect(POSTGRES.server.url(DATABASE), autocommit=True) as shop:
            shop.execute("CREATE TABLE orders (id int); CREATE TABLE invoices (id int)")
            shop.execute(sql.SQL("GRANT SELECT ON orders TO {}").format(role))
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def connection(settings: Settings) -> Connection:
    """A connection to that database, of the one table that may be read; an answer must come within two seconds."""
    settings.PATCHBAY_CONNECT_SECONDS = 2
    config = {"host": "127.0.0.1", "port": POSTGRES.server.port, "database": DATABASE, "user": READER}
    connection = make_ready_connection(name="Harbour Shop", config=config)
    set_password(connection, PASSWORD)
    make_entity(connection, ref="public")
    return connection


def set_password(connection: Connection, password: str) -> None:
    connection.credentials = secrets.seal({"password": password}, owner=f"connection:{connection.pk}")
    connection.save(update_fields=["credentials"])


def set_config(**values: Any) -> Callable[[Connection], None]:
    def change(connection: Connection) -> None:
        connection.config = {**connection.config, **values}
        connection.save(update_fields=["config"])

    return change


@contextmanager
def swallowing_port() -> Iterator[int]:
    """A port that drops what comes in: its queue of connections that nobody takes is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as kept:
        port = int(server.getsockname()[1])
        for _ in range(3):
            client = kept.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def port_that_says(words: bytes) -> Iterator[int]:
    """A port where something answers each connection with `words` and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(8)
                client.sendall(words)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(5)


def url(connection: Connection) -> str:
    return f"/connections/{connection.pk}/test/"


def press(client: Client, connection: Connection) -> str:
    """Press the button, let a worker's function do the work, and return the dialog."""
    assert client.post(url(connection)).status_code == 302
    run_job(Job.objects.get(type=JobType.TEST_CONNECTION).pk)
    return flat(client.get(url(connection), headers=HTMX))


def steps_of(connection: Connection) -> list[str]:
    job = Job.objects.get(connection=connection, type=JobType.TEST_CONNECTION)
    return list(job.steps.order_by("number").values_list("status", flat=True))


def no_select(connection: Connection) -> None:
    connection.tables.create(name="invoices", source_schema="public")


def test_success_says_so_step_by_step_with_times(operator: Client, connection: Connection) -> None:
    page = press(operator, connection)

    assert "Test connection: success" in page
    assert steps_of(connection) == ["success", "success", "success"]
    assert f"Port {POSTGRES.server.port} of 127.0.0.1 answers" in page
    assert page.count(" ms</span>") == 3
    assert "No data was changed." in page
    assert "1 table can be read" in page


@pytest.mark.parametrize(
    ("cause", "title", "steps", "words"),
    [
        (
            lambda connection: set_password(connection, "wrong-password"),
            "authentication failed",
            ["success", "failed", "skipped"],
            "password authentication failed",
        ),
        (no_select, "permission denied", ["success", "success", "failed"], "The user may not read: invoices."),
        (set_config(port=1), "unreachable", ["failed", "skipped", "skipped"], "Connection refused"),
        (set_config(sslmode="require"), "TLS error", ["failed", "skipped", "skipped"], "offers no encryption"),
        (
            set_config(schema="nowhere"),
            "misconfigured",
            ["success", "success", "failed"],
            "The database has no schema “nowhere”.",
        ),
        (set_config(host="10.0.0.1"), "misconfigured", ["failed", "skipped", "skipped"], "10.0.0.1 leads to 10.0.0.1"),
        (set_config(host="nothing.invalid"), "unreachable", ["failed", "skipped", "skipped"], "cannot be found"),
    ],
)
def test_each_outcome_by_its_cause(
    operator: Client,
    connection: Connection,
    cause: Callable[[Connection], None],
    title: str,
    steps: list[str],
    words: str,
) -> None:
    cause(connection)

    page = press(operator, connection)

    assert f"Test connection: {title}" in page
    assert steps_of(connection) == steps
    # The source's own words stand behind a fold, and nothing of a secret in them.
    assert words in page.partition("<details>")[2]
    assert "What to do" in page
    assert PASSWORD not in page
    assert "wrong-password" not in page


def test_missing_permission_comes_with_the_statement_that_gives_it(operator: Client, connection: Connection) -> None:
    no_select(connection)
    press(operator, connection)
    statement = operator.get(url(connection)).context["test"].statement

    with psycopg.connect(POSTGRES.server.url(DATABASE), autocommit=True) as owner:
        try:
            owner.execute(statement)
            operator.post(url(connection))
            run_job(Job.objects.filter(type=JobType.TEST_CONNECTION).latest("pk").pk)
        finally:
            owner.execute(sql.SQL("REVOKE SELECT ON invoices FROM {}").format(sql.Identifier(READER)))

    assert statement.endswith('GRANT SELECT ON "public"."invoices",\n  "public"."orders"\n  TO "tested_reader";')
    page = flat(operator.get(url(connection)))
    assert "Test connection: success" in page
    assert "Permission denied" in page.partition('id="earlier-tests"')[2]


def test_port_that_drops_packets_is_a_timeout(operator: Client, connection: Connection) -> None:
    with swallowing_port() as port:
        set_config(port=port)(connection)
        page = press(operator, connection)

    assert "Test connection: connection timeout" in page
    assert steps_of(connection) == ["failed", "skipped", "skipped"]
    assert f"No answer from port {port} of 127.0.0.1 within 2 s." in page


def test_port_that_is_open_and_silent_is_a_timeout_too(operator: Client, connection: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        set_config(port=silent.getsockname()[1])(connection)
        page = press(operator, connection)

    assert "Test connection: connection timeout" in page
    assert "The connection was opened, but no answer came within 2 s." in page


def test_something_else_at_the_port_is_told(operator: Client, connection: Connection) -> None:
    with port_that_says(b"HTTP/1.1 400 Bad Request") as port:
        set_config(port=port)(connection)
        page = press(operator, connection)

    assert "Test connection: misconfigured" in page
    assert "is no PostgreSQL server" in page


def test_press_in_the_dialog_answers_with_the_dialog_and_polls_to_the_end(
    operator: Client, connection: Connection
) -> None:
    started = operator.post(url(connection), headers=HTMX)
    job = Job.objects.get(type=JobType.TEST_CONNECTION)
    address = f"{url(connection)}?job={job.pk}"
    assert f'hx-get="{address}"' in flat(started)
    assert "<html" not in flat(started)

    waiting = operator.get(address, headers=POLL)
    assert waiting.status_code == 200
    run_job(job.pk)
    ended = operator.get(address, headers={**POLL, "If-None-Match": waiting["ETag"]})

    assert ended.status_code == 286
    assert 'hx-swap-oob="innerHTML:#test-title">Test connection: success' in flat(ended)
    assert 'hx-swap-oob="innerHTML:#test-spoken"' in flat(ended)
    assert "hx-trigger" not in flat(ended)


def test_paused_connection_can_be_tested_and_one_without_credentials_says_why_not(
    operator: Client, connection: Connection
) -> None:
    pause_connection(connection=connection, reason="Moving", actor=member("operator"))
    assert "Test connection: success" in press(operator, connection)
    Connection.objects.update(credentials=b"")

    refused = operator.post(url(connection))

    assert refused.status_code == 409
    assert "its credentials are missing. Fill them in first." in flat(refused)
