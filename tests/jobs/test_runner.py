"""One attempt from the message to its end, with a real source and a real destination."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import psycopg
import pytest
from django.conf import settings as django_settings
from psycopg import sql
from pytest_django import Settings

from connectors import secrets
from connectors.engine.run import warm_up
from connectors.models import Connection, Entity, Status, Table
from jobs.models import Job, JobStatus, JobType, Lease, StepStatus
from jobs.runner import run_job
from jobs.services.cancel import request_cancel
from jobs.tasks import run
from tests.conftest import member
from tests.factories import make_destination, make_entity, make_job, make_ready_connection
from tests.jobs.chain import assert_consistent, make_available, together, waiting_job
from tests.servers import POSTGRES

pytestmark = pytest.mark.django_db(transaction=True)

DATABASE = "runner_source"
ROWS = 250


@pytest.fixture(scope="module", autouse=True)
def _source() -> Iterator[None]:
    """A shop on the test server, gone afterwards."""
    warm_up()
    name = sql.Identifier(DATABASE)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        with psycopg.connect(POSTGRES.server.url(DATABASE), autocommit=True) as shop:
            shop.execute("CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10, 2) NOT NULL)")
            shop.execute("INSERT INTO orders SELECT n, n * 1.5 FROM generate_series(1, %s) n", [ROWS])
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def entity(settings: Settings, tmp_path: Path) -> Entity:
    """The shop's schema, to be copied into a DuckDB file."""
    settings.PATCHBAY_HOME = tmp_path
    server = POSTGRES.server
    config = {"host": "127.0.0.1", "port": str(server.port), "database": DATABASE, "user": "patchbay"}
    lake = make_destination(kind="duckdb", config={"file": "lake"})
    connection = make_ready_connection(config=config, destination=lake, dataset="shop")
    store_password(connection, server.password)
    return make_entity(connection, ref="public", dataset="shop__public")


def store_password(connection: Connection, password: str) -> None:
    connection.credentials = secrets.seal({"password": password}, owner=f"connection:{connection.pk}")
    connection.save(update_fields=["credentials"])


def rows_there(entity: Entity) -> int:
    with duckdb.connect(str(django_settings.PATCHBAY_HOME / "duckdb" / "lake.duckdb"), read_only=True) as lake:
        (count,) = lake.execute(f"SELECT count(*) FROM {entity.dataset}.orders").fetchall()[0]
    return int(count)


def folders_left() -> list[Path]:
    return list((django_settings.PATCHBAY_HOME / "work").glob("*"))


def test_job_runs_to_its_end_and_its_counts_are_true(entity: Entity) -> None:
    job = waiting_job(entity)

    run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.rows_extracted, job.rows_loaded) == (JobStatus.SUCCESS, ROWS, rows_there(entity))
    assert set(job.steps.values_list("status", flat=True)) == {StepStatus.SUCCESS}
    assert job.steps.count() == 5
    assert job.log_lines.order_by("number").values_list("message", flat=True)[0].startswith("Attempt 1: 1 tables")
    assert [table["name"] for table in job.tables] == ["orders"]
    assert folders_left() == []
    assert_consistent(job)


def test_files_that_killed_workers_left_go_with_the_next_job(entity: Entity) -> None:
    connection, root = entity.connection, django_settings.PATCHBAY_HOME / "work"
    ended = make_job(connection, entity)
    beside = make_job(connection, make_entity(connection), status=JobStatus.RUNNING)
    for owner in (ended, beside):
        (root / f"{owner.pk}-1" / "files").mkdir(parents=True)
        (root / f"{owner.pk}-1" / "files" / "rows.csv").write_text("left")

    run_job(waiting_job(entity).pk)

    assert folders_left() == [root / f"{beside.pk}-1"]


def test_message_that_comes_again_or_late_runs_nothing(entity: Entity) -> None:
    job = waiting_job(entity)
    run(str(job.pk))
    first = Job.objects.values_list().get()

    for message in (str(job.pk), "not an id", "", str(entity.pk)):
        run(message)

    assert Job.objects.values_list().get() == first
    assert job.attempts.count() == 1


def test_two_messages_at_once_run_it_once(entity: Entity) -> None:
    job = waiting_job(entity)

    results = together(*[partial(run_job, job.pk)] * 2)

    assert results == []
    assert (Job.objects.get().status, job.attempts.count()) == (JobStatus.SUCCESS, 1)
    assert_consistent(job)


def test_wrong_password_is_told_in_the_source_s_words_without_the_password(entity: Entity) -> None:
    store_password(entity.connection, "wrong/pass word")
    job = waiting_job(entity)

    run_job(job.pk)

    job.refresh_from_db()
    entity.refresh_from_db()
    said = " ".join([job.error_detail, *job.log_lines.values_list("message", flat=True)])
    assert (job.status, job.error_code, job.error_step) == (JobStatus.FAILED, "invalid_credentials", "check_access")
    assert "password authentication failed" in said
    assert "wrong" not in said
    assert (entity.status, entity.next_run_at) == (Status.BROKEN, None)
    assert folders_left() == []
    assert_consistent(job)


def test_credentials_that_no_key_opens_are_told(entity: Entity) -> None:
    Connection.objects.update(credentials=secrets.seal({"password": "x"}, owner="connection:another"))
    job = waiting_job(entity)

    run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "misconfigured")
    assert "belong to another record" in job.error_detail
    assert_consistent(job)


def test_connection_without_chosen_tables_is_told(entity: Entity) -> None:
    Table.objects.update(is_selected=False)
    job = waiting_job(entity)

    run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_detail) == (
        JobStatus.FAILED,
        "misconfigured",
        "No table is selected.",
    )
    assert_consistent(job)


def test_job_that_nobody_can_do_ends_as_failed(entity: Entity) -> None:
    job = waiting_job(entity, type=JobType.TOKEN_REFRESH)
    for _ in range(3):
        make_available(job)
        run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.error_code, job.attempt) == (JobStatus.FAILED, "unknown_error", 3)
    assert_consistent(job)


def test_source_that_is_away_is_tried_again(entity: Entity) -> None:
    Connection.objects.update(config={**entity.connection.config, "port": "1"})
    job = waiting_job(entity)

    run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.error_code, job.attempt) == (JobStatus.PENDING, "unreachable", 1)
    assert job.next_attempt_at is not None
    Connection.objects.update(config=entity.connection.config)
    make_available(job)

    run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.attempt, job.rows_loaded) == (JobStatus.SUCCESS, 2, ROWS)
    assert_consistent(job)


def test_job_that_was_cancelled_before_its_message_came_runs_nothing(entity: Entity) -> None:
    job = waiting_job(entity)
    request_cancel(job=job, actor=member("operator"))

    run_job(job.pk)

    assert Job.objects.get().status == JobStatus.CANCELLED
    assert not Lease.objects.exists()
    assert not job.attempts.exists()
