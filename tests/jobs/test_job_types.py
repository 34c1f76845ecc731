"""Each job type through a real attempt: tests, discoveries, re-syncs and purges against a real source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from psycopg import sql
from pytest_django import Settings

from connectors import secrets
from connectors.engine.run import warm_up
from connectors.models import Connection, Entity, Status, Table
from connectors.services import facts, review
from connectors.services.connect import set_credentials
from jobs.models import Job, JobStatus, JobType, Lease, Queue, StepStatus
from jobs.runner import run_job
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.enqueue_discover import enqueue_discover
from jobs.services.enqueue_purge import enqueue_purge
from jobs.services.enqueue_resync import enqueue_resync
from jobs.services.enqueue_test import enqueue_test, outcome_of
from jobs.services.pausing import pause_connection, resume_connection
from tests.conftest import member
from tests.factories import make_destination, make_entity, make_ready_connection
from tests.jobs.chain import assert_consistent, assert_statuses_derived, published
from tests.servers import POSTGRES

pytestmark = pytest.mark.django_db(transaction=True)

DATABASE = "job_types_source"
READER, PASSWORD = "job_types_reader", "reader-password-4711"
ROWS = 250


@pytest.fixture(scope="module", autouse=True)
def _source() -> Iterator[None]:
    """A shop on the test server with a reader of its own, gone afterwards."""
    warm_up()
    name, role = sql.Identifier(DATABASE), sql.Identifier(READER)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def shop() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The shop, filled anew."""
    with psycopg.connect(POSTGRES.server.url(DATABASE), autocommit=True) as shop:
        shop.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        shop.execute("CREATE TABLE orders (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL)")
        shop.execute(
            "INSERT INTO orders SELECT n, timestamptz '2024-01-01 00:00+00' + n * interval '1 day' "
            "FROM generate_series(1, %s) n",
            [ROWS],
        )
        shop.execute("CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers VALUES (1), (2)")
        shop.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(READER)))
        shop.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(READER)))
        yield shop


@pytest.fixture
def entity(shop: object, settings: Settings, tmp_path: Path) -> Entity:
    """The shop's schema, to be copied into a DuckDB file."""
    del shop
    settings.PATCHBAY_HOME = tmp_path
    config = {"host": "127.0.0.1", "port": str(POSTGRES.server.port), "database": DATABASE, "user": READER}
    lake = make_destination(kind="duckdb", config={"file": "lake"})
    connection = make_ready_connection(config=config, destination=lake, dataset="shop")
    connection.credentials = secrets.seal({"password": PASSWORD}, owner=f"connection:{connection.pk}")
    connection.save(update_fields=["credentials"])
    connection.tables.update(mode="merge", cursor="updated_at")
    Table.objects.create(connection=connection, name="customers", source_schema="public", keys=["id"])
    entity = make_entity(connection, ref="public", dataset="shop__public")
    with transaction.atomic():
        facts.refresh(connection)
    entity.refresh_from_db()
    return entity


def ran(job: Job) -> Job:
    """Run a pending job here, to its end."""
    run_job(job.pk)
    assert_consistent(job)
    return Job.objects.get(pk=job.pk)


def synced(entity: Entity) -> Job:
    (job,) = enqueue_sync(connection=entity.connection, actor=None)
    return ran(job)


def count_there(table: str = "orders") -> int | None:
    """Return the rows of a table in the lake, None where there is none."""
    with duckdb.connect(str(django_settings.PATCHBAY_HOME / "duckdb" / "lake.duckdb"), read_only=True) as lake:
        try:
            return int(lake.execute(f"SELECT count(*) FROM shop__public.{table}").fetchall()[0][0])
        except duckdb.CatalogException:
            return None


def steps_of(job: Job) -> list[tuple[str, str]]:
    return list(job.steps.order_by("number").values_list("name", "status"))


def test_test_that_works_counts_as_tested_and_is_no_run(entity: Entity) -> None:
    connection = entity.connection
    before = timezone.now()

    job = ran(enqueue_test(connection=connection, actor=member("operator")))

    assert (job.status, outcome_of(job)) == (JobStatus.SUCCESS, "success")
    assert [status for _, status in steps_of(job)] == [StepStatus.SUCCESS] * 3
    connection.refresh_from_db()
    assert connection.tested_at is not None
    assert connection.tested_at > before
    assert (connection.last_run_at, connection.recent_runs) == (None, [])


def test_test_is_published_on_its_own_queue_and_hinders_no_sync(entity: Entity) -> None:
    job = enqueue_test(connection=entity.connection, actor=None)

    lease = Lease.objects.get(pk=job.pk)
    assert (lease.queue, lease.exclusive_key, lease.entity_id) == (Queue.INTERACTIVE, None, None)
    assert [str(job.pk)] in published("interactive")


def test_second_test_meanwhile_starts_nothing(entity: Entity) -> None:
    job = enqueue_test(connection=entity.connection, actor=None)

    with pytest.raises(CannotSync, match="on its way already") as caught:
        enqueue_test(connection=entity.connection, actor=None)

    assert caught.value.job_id == job.pk
    assert Job.objects.count() == 1


def test_test_without_credentials_is_refused(entity: Entity) -> None:
    Connection.objects.update(credentials=b"")

    with pytest.raises(CannotSync, match="credentials are missing"):
        enqueue_test(connection=entity.connection, actor=None)

    assert not Job.objects.exists()


def test_refused_sign_in_is_recorded_and_a_later_test_sets_the_schedule_going(entity: Entity) -> None:
    connection = entity.connection
    set_credentials(connection=connection, credentials={"password": "wrong"})
    Connection.objects.update(tested_at=timezone.now())

    refused = ran(enqueue_test(connection=connection, actor=None))

    assert (refused.status, refused.error_code, outcome_of(refused)) == (
        JobStatus.FAILED,
        "invalid_credentials",
        "authentication_failed",
    )
    assert steps_of(refused) == [
        ("connectivity", StepStatus.SUCCESS),
        ("authentication", StepStatus.FAILED),
        ("permissions", StepStatus.SKIPPED),
    ]
    entity.refresh_from_db()
    assert (entity.status, entity.status_reason, entity.next_run_at) == (Status.BROKEN, "invalid_credentials", None)

    set_credentials(connection=connection, credentials={"password": PASSWORD})
    ran(enqueue_test(connection=connection, actor=None))

    entity.refresh_from_db()
    assert (entity.status, entity.failure_streak) == (Status.ACTIVE, 0)
    assert entity.next_run_at is not None


def test_failing_test_is_told_at_once_and_changes_no_fact(entity: Entity) -> None:
    connection = entity.connection
    Connection.objects.update(config={**connection.config, "port": "1"})
    before = Entity.objects.values().get(pk=entity.pk)

    job = ran(enqueue_test(connection=connection, actor=None))

    assert (job.status, job.error_code, outcome_of(job)) == (JobStatus.FAILED, "unreachable", "unreachable")
    assert (job.attempt, job.error_step) == (1, "connectivity")
    assert Entity.objects.values().get(pk=entity.pk) == before


def test_table_that_may_not_be_read_is_named(entity: Entity, shop: psycopg.Connection[tuple[object, ...]]) -> None:
    shop.execute(sql.SQL("REVOKE SELECT ON customers FROM {}").format(sql.Identifier(READER)))

    job = ran(enqueue_test(connection=entity.connection, actor=None))

    assert (job.error_code, job.error_step, outcome_of(job)) == (
        "insufficient_permissions",
        "permissions",
        "permission_denied",
    )
    assert "customers" in job.error_detail


def test_test_says_nothing_about_credentials_that_were_stored_meanwhile(entity: Entity) -> None:

    used = Connection.objects.get(pk=entity.connection_id)
    set_credentials(connection=entity.connection, credentials={"password": "another"})

    assert not review.record_accepted(connection=used)
    assert not review.record_refused(connection=used, code="invalid_credentials")

    entity.connection.refresh_from_db()
    assert (entity.connection.tested_at, entity.connection.status_reason) == (None, "never_tested")


def test_discovery_takes_up_what_is_new(entity: Entity, shop: psycopg.Connection[tuple[object, ...]]) -> None:
    shop.execute("CREATE TABLE invoices (id int PRIMARY KEY)")

    job = ran(enqueue_discover(connection=entity.connection, actor=None))

    assert job.status == JobStatus.SUCCESS
    assert steps_of(job) == [("check_access", StepStatus.SUCCESS), ("discover", StepStatus.SUCCESS)]
    assert set(entity.connection.tables.values_list("name", flat=True)) == {"orders", "customers", "invoices"}


def test_resync_reads_everything_again_and_takes_out_what_is_gone(
    entity: Entity, shop: psycopg.Connection[tuple[object, ...]]
) -> None:
    synced(entity)
    shop.execute("DELETE FROM orders WHERE id <= 50")

    (waiting,) = enqueue_resync(connection=entity.connection, actor=member("operator"))
    lease = Lease.objects.get(pk=waiting.pk)
    job = ran(waiting)

    assert (lease.queue, lease.is_bulk) == (Queue.BULK, True)
    assert (job.status, job.type) == (JobStatus.SUCCESS, JobType.HISTORICAL_RESYNC)
    assert {table["name"]: table["extracted"] for table in job.tables} == {"orders": ROWS - 50, "customers": 2}
    assert count_there() == ROWS - 50


def test_resync_of_chosen_tables_from_a_date(entity: Entity) -> None:
    synced(entity)
    orders = entity.connection.tables.get(name="orders")

    (waiting,) = enqueue_resync(
        connection=entity.connection, actor=None, entity=entity, tables=[orders], since=date(2024, 2, 1)
    )
    job = ran(waiting)

    # The 1st of February is the 31st row; the source looks ten minutes further back.
    assert {table["name"]: table["extracted"] for table in job.tables} == {"orders": ROWS - 30}
    assert (count_there(), count_there("customers")) == (ROWS, 2)


def test_resync_ends_the_sync_that_waits_and_waits_for_the_one_that_runs(entity: Entity) -> None:
    (waiting,) = enqueue_sync(connection=entity.connection, actor=None)

    (resync,) = enqueue_resync(connection=entity.connection, actor=None)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (JobStatus.CANCELLED, "superseded")
    with pytest.raises(CannotSync, match="on its way already") as caught:
        enqueue_resync(connection=entity.connection, actor=None)
    assert caught.value.job_id == resync.pk
    assert ran(resync).status == JobStatus.SUCCESS


def test_purge_needs_a_pause_and_removes_what_was_loaded(entity: Entity) -> None:
    connection = entity.connection
    synced(entity)
    with pytest.raises(CannotSync, match="Pause"):
        enqueue_purge(connection=connection, actor=member("admin"))
    pause_connection(connection=connection, reason="Moving", actor=member("admin"))

    (waiting,) = enqueue_purge(connection=connection, actor=member("admin"))
    with pytest.raises(CannotSync, match="being purged"):
        resume_connection(connection=connection, actor=member("admin"))
    job = ran(waiting)

    assert job.status == JobStatus.SUCCESS
    assert (count_there(), count_there("customers")) == (None, None)
    resume_connection(connection=connection, actor=member("admin"))
    assert synced(entity).rows_loaded == ROWS + 2


def test_edited_settings_apply_from_the_next_attempt(entity: Entity) -> None:
    """The snapshot rule: an attempt works with what was stored when it began."""
    (waiting,) = enqueue_sync(connection=entity.connection, actor=None)
    Connection.objects.update(config={**entity.connection.config, "port": "1"})
    run_job(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (JobStatus.PENDING, "unreachable")

    Connection.objects.update(config=entity.connection.config)
    Lease.objects.update(available_at=timezone.now() - timedelta(seconds=1))

    assert ran(waiting).status == JobStatus.SUCCESS
    assert_statuses_derived(entity.connection)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("account_locked", "authentication_failed"),
        ("insufficient_scope", "permission_denied"),
        ("dns_failure", "unreachable"),
        ("job_timed_out", "connection_timeout"),
        ("tls_error", "tls_error"),
        ("address_not_allowed", "misconfigured"),
    ],
)
def test_outcome_of_a_failed_test_is_one_of_seven_words(code: str, outcome: str) -> None:
    assert outcome_of(Job(status=JobStatus.FAILED, error_code=code)) == outcome
    assert outcome_of(Job(status=JobStatus.CANCELLED, error_code="cancelled_by_user")) == ""
