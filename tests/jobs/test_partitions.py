"""The weekly partitions of jobs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from jobs.models import Attempt, Job, Lease
from jobs.partitions import WEEK, bound_of, existing_weeks, partition_name, week_of
from tests.factories import make_connection, make_entity, make_job


def test_week_begins_on_monday_in_utc() -> None:
    assert week_of(datetime(2026, 11, 22, 23, 59, tzinfo=UTC)) == datetime(2026, 11, 16, tzinfo=UTC)


def test_bound_is_the_first_id_of_the_week() -> None:
    assert str(bound_of(datetime(2026, 11, 16, tzinfo=UTC))) == "01a1e1a7-4c00-7000-8000-000000000000"


@pytest.mark.django_db
def test_migrations_make_partitions_for_the_weeks_to_come() -> None:
    with connection.cursor() as cursor:
        weeks = existing_weeks(cursor)

    assert week_of(datetime.now(UTC)) + WEEK in weeks


@pytest.mark.django_db
def test_job_and_children_land_in_the_partition_of_their_week() -> None:
    source = make_connection()
    job = make_job(source, make_entity(source))
    Attempt.objects.create(job=job, number=1, token=job.pk, worker="w", started_at=datetime.now(UTC))

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM jobs_attempt UNION SELECT tableoid::regclass::text FROM jobs_job"
        )
        places = {name for (name,) in cursor.fetchall()}

    week = week_of(job.created_at)
    assert places == {partition_name("jobs_job", week), partition_name("jobs_attempt", week)}
    assert Job.objects.get(pk=job.pk).attempts.get().number == 1
    assert not Lease.objects.exists()
