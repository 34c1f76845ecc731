"""The dialog of a connection's tests: each outcome by its real cause, what to do, earlier tests, roles."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.utils import timezone
from psycopg import sql

from connectors import secrets
from connectors.models import Connection
from jobs.models import Job, JobStatus, JobType
from jobs.runner import run_job
from jobs.services.enqueue_test import enqueue_test
from jobs.services.pausing import pause_connection
from tests.conftest import member
from tests.dashboard.job_records import add_step
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_job, make_ready_connection
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


def test_port_that_drops_packets_is_a_timeout(operator: Client, connection: Connection) -> None:
    with swallowing_port() as port:
        set_config(port=port)(connection)
        page = press(operator, connection)

    assert "Test connection: connection timeout" in page
    assert steps_of(connection) == ["failed", "skipped", "skipped"]
    assert f"No answer from port {port} of 127.0.0.1 within 2 s." in page


def test_something_else_at_the_port_is_told(operator: Client, connection: Connection) -> None:
    with port_that_says(b"HTTP/1.1 400 Bad Request") as port:
        set_config(port=port)(connection)
        page = press(operator, connection)

    assert "Test connection: misconfigured" in page
    assert "is no PostgreSQL server" in page


def test_second_press_starts_nothing_and_shows_the_test_that_lives(operator: Client, connection: Connection) -> None:
    operator.post(url(connection))

    for headers in ({}, HTMX):
        again = operator.post(url(connection), headers=headers)

        assert again.status_code == 409
        assert "is on its way already. Nothing new was started." in flat(again)
        assert "waiting for a worker" in flat(again)
    assert Job.objects.filter(type=JobType.TEST_CONNECTION).count() == 1


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


def test_viewer_sees_results_but_no_button(viewer: Client, connection: Connection) -> None:
    make_job(connection, type=JobType.TEST_CONNECTION, status=JobStatus.FAILED, error_code="unreachable")

    page = flat(viewer.get(url(connection)))

    assert "Test connection: unreachable" in page
    assert "Test again" not in page
    assert 'id="test-results"' in flat(viewer.get(connection.get_absolute_url()))
    assert viewer.post(url(connection)).status_code == 403
    assert Job.objects.filter(type=JobType.TEST_CONNECTION).count() == 1


def test_never_tested_offers_the_first_test(operator: Client, viewer: Client, connection: Connection) -> None:
    assert "Start test" in flat(operator.get(url(connection)))
    page = flat(viewer.get(url(connection)))
    assert "was never tested" in page
    assert "Start test" not in page


def test_earlier_tests_are_listed_with_the_step_that_fails_and_since_when(
    operator: Client, connection: Connection
) -> None:
    kind: dict[str, Any] = {"type": JobType.TEST_CONNECTION}
    bad = {**kind, "status": JobStatus.FAILED, "error_code": "insufficient_permissions", "error_step": "permissions"}
    since = timezone.now() - timedelta(days=2)
    make_job(connection, **kind)
    make_job(connection, **bad, ended_at=since)
    last = make_job(connection, **bad)
    add_step(last, 1, "connectivity", "success", 0.1)

    page = flat(operator.get(url(connection)))

    assert "Permissions has failed in 2 tests in a row, the first" in page
    assert since.isoformat(timespec="seconds") in page
    listed = page.partition('id="earlier-tests"')[2]
    assert listed.count("data-dialog") == 2
    assert "Permission denied" in listed
    first = Job.objects.filter(**kind).order_by("pk")[0]
    assert "Test connection: success" in flat(operator.get(f"{url(connection)}?job={first.pk}"))


def test_test_of_another_connection_is_not_shown(operator: Client, connection: Connection) -> None:
    other = make_job(make_ready_connection(), type=JobType.TEST_CONNECTION)

    assert "was never tested" in flat(operator.get(f"{url(connection)}?job={other.pk}"))
    assert operator.get(f"{url(connection)}?job={other.pk}", headers=POLL).status_code == 404
    assert operator.get(f"{url(connection)}?job=1", headers=POLL).status_code == 404
    assert operator.get(f"{url(connection)}?job=1").status_code == 200


def test_paused_connection_can_be_tested_and_one_without_credentials_says_why_not(
    operator: Client, connection: Connection
) -> None:
    pause_connection(connection=connection, reason="Moving", actor=member("operator"))
    assert "Test connection: success" in press(operator, connection)
    Connection.objects.update(credentials=b"")

    refused = operator.post(url(connection))

    assert refused.status_code == 409
    assert "its credentials are missing. Fill them in first." in flat(refused)


def test_dialog_takes_the_same_queries_with_one_and_with_thirty_tests(
    operator: Client, connection: Connection, django_assert_num_queries: Any
) -> None:
    make_job(connection, type=JobType.TEST_CONNECTION)
    operator.get(url(connection))
    with django_assert_num_queries(6):
        operator.get(url(connection), headers=HTMX)
    for _ in range(29):
        make_job(connection, type=JobType.TEST_CONNECTION)
    with django_assert_num_queries(6):
        operator.get(url(connection), headers=HTMX)


def test_cancelled_test_says_so(operator: Client, connection: Connection) -> None:
    job = enqueue_test(connection=connection, actor=None)
    operator.post(f"/jobs/{job.pk}/cancel/")

    assert "Test connection: cancelled" in flat(operator.get(url(connection)))
