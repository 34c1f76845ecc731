"""Weekly partitions: made ahead, dropped whole when they are past the retention time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from connectors.ids import first_id_at
from jobs.models import Attempt, Job, JobStatus, Lease, LogLine, Step
from jobs.partitions import WEEK, create_week, drop_week, existing_weeks, week_of
from jobs.services.retention import WEEKS_AHEAD, keep_partitions
from tests.factories import make_job
from tests.jobs.chain import ready_entity
from tests.servers import POSTGRES

pytestmark = pytest.mark.django_db


def weeks() -> list[datetime]:
    with connection.cursor() as cursor:
        return existing_weeks(cursor)


def old_job(age: timedelta, status: str = JobStatus.SUCCESS) -> Job:
    """A job of long ago with its attempt, step and line, in the partition of its week."""
    moment = timezone.now() - age
    with connection.cursor() as cursor:
        create_week(cursor, week_of(moment))
    entity = ready_entity()
    job = make_job(entity.connection, entity, pk=first_id_at(moment), status=status)
    Attempt.objects.create(job=job, number=1, token=job.pk, worker="w", started_at=moment)
    Step.objects.create(job=job, number=1, attempt=1, name="extract")
    LogLine.objects.create(job=job, number=1, attempt=1, at=moment, level="info", message="Long ago.")
    return job


def check_deferred() -> None:
    """Let the foreign keys be checked now, as a commit does: a table with open checks cannot be dropped."""
    connection.check_constraints()


def left_of(job_id: UUID) -> list[int]:
    models = (Job, Attempt, Step, LogLine)
    return [model.objects.filter(**{"pk" if model is Job else "job": job_id}).count() for model in models]


def test_weeks_are_made_ahead() -> None:
    now = week_of(timezone.now())
    with connection.cursor() as cursor:
        drop_week(cursor, now + WEEKS_AHEAD * WEEK)

    keep_partitions()

    assert weeks()[-1] == now + WEEKS_AHEAD * WEEK
    assert {now + offset * WEEK for offset in range(WEEKS_AHEAD + 1)} <= set(weeks())


def test_keeping_twice_changes_nothing() -> None:
    keep_partitions()
    before = weeks()

    keep_partitions()

    assert weeks() == before


def test_week_past_the_retention_time_goes_with_all_that_hangs_on_it(settings: Settings) -> None:
    settings.PATCHBAY_RETENTION_DAYS = 60
    old, young = old_job(timedelta(days=75)), old_job(timedelta(days=40))
    check_deferred()

    keep_partitions()

    assert left_of(old.pk) == [0, 0, 0, 0]
    assert left_of(young.pk) == [1, 1, 1, 1]
    assert week_of(timezone.now() - timedelta(days=75)) not in weeks()
    assert week_of(timezone.now() - timedelta(days=40)) in weeks()


def test_week_is_kept_until_its_last_day_is_old_enough(settings: Settings) -> None:
    settings.PATCHBAY_RETENTION_DAYS = 60
    monday = week_of(timezone.now() - timedelta(days=60))
    with connection.cursor() as cursor:
        create_week(cursor, monday)
        create_week(cursor, monday - WEEK)

    keep_partitions()

    assert monday in weeks()
    assert monday - WEEK not in weeks()


def test_week_with_a_job_that_has_not_ended_is_kept() -> None:
    job = old_job(timedelta(days=100), status=JobStatus.PENDING)
    check_deferred()

    keep_partitions()

    assert Lease.objects.filter(pk=job.pk).exists()
    assert left_of(job.pk) == [1, 1, 1, 1]


def test_job_of_a_week_without_partition_is_stored_all_the_same() -> None:
    entity = ready_entity()

    job = make_job(entity.connection, entity, pk=first_id_at(timezone.now() + timedelta(days=300)))

    assert Job.objects.get(pk=job.pk).entity == entity


def test_jobs_in_the_default_partition_keep_no_other_week_back(settings: Settings) -> None:
    """Patchbay was off for weeks, and a job came before the partition of its week."""
    monday, entity = week_of(timezone.now()), ready_entity()
    with connection.cursor() as cursor:
        drop_week(cursor, monday + WEEK)
        drop_week(cursor, monday + 2 * WEEK)
        create_week(cursor, monday - 20 * WEEK)
    early = make_job(entity.connection, entity, pk=first_id_at(monday + WEEK))
    check_deferred()

    keep_partitions()

    assert monday + WEEK not in weeks()
    assert monday + 2 * WEEK in weeks()
    assert monday - 20 * WEEK not in weeks()
    assert Job.objects.filter(pk=early.pk).exists()


def test_old_jobs_of_the_default_partition_go_too(settings: Settings) -> None:
    settings.PATCHBAY_RETENTION_DAYS = 60
    entity, moment = ready_entity(), timezone.now() - timedelta(days=75)
    old = make_job(entity.connection, entity, pk=first_id_at(moment))
    live = make_job(entity.connection, entity, pk=first_id_at(moment + timedelta(minutes=1)), status=JobStatus.PENDING)
    young = make_job(entity.connection, entity, pk=first_id_at(timezone.now() - timedelta(days=40)))
    for job in (old, live, young):
        LogLine.objects.create(job=job, number=1, attempt=1, at=moment, level="info", message="By default.")
    check_deferred()

    keep_partitions()

    assert [left_of(job.pk)[::3] for job in (old, live, young)] == [[0, 0], [1, 1], [1, 1]]


@pytest.mark.django_db(transaction=True)
def test_what_a_long_read_prevents_is_made_up_later() -> None:
    monday = week_of(timezone.now())
    with connection.cursor() as cursor:
        create_week(cursor, monday - 20 * WEEK)
        drop_week(cursor, monday + WEEKS_AHEAD * WEEK)
        cursor.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(POSTGRES.server.url(str(connection.settings_dict["NAME"]))) as reader:
        reader.execute("SELECT count(*) FROM jobs_job")
        keep_partitions()

    first = weeks()
    keep_partitions()

    assert (first[0], first[-1]) == (monday - 20 * WEEK, monday + (WEEKS_AHEAD - 1) * WEEK)
    assert monday - 20 * WEEK not in weeks()
    assert weeks()[-1] == monday + WEEKS_AHEAD * WEEK
    connection.close()
