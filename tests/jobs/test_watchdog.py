"""The overdue watchdog: what it counts, what it leaves alone, and how soon it tells."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Entity
from connectors.services.pause import pause
from jobs.models import JobStatus, Lease, Pulse, Queue, Worker
from jobs.services import watchdog
from jobs.services.dispatch import make_due_jobs
from jobs.services.watchdog import overdue, vitals
from jobs.services.why import situation_at
from tests.factories import make_connection, make_entity, make_job, make_ready_connection

pytestmark = pytest.mark.django_db

LATE = timedelta(seconds=61)


def late_entity(late: timedelta = LATE) -> Entity:
    """An entity of a minute's schedule whose slot passed without a job."""
    connection = make_ready_connection(interval_seconds=60)
    return make_entity(connection, next_run_at=timezone.now() - late)


def late_job(late: timedelta = LATE, **values: object) -> Lease:
    """A job of a slot that passed, which still waits."""
    entity = make_entity(make_connection())
    job = make_job(entity.connection, entity, status=JobStatus.PENDING)
    Lease.objects.filter(pk=job.pk).update(**{"slot_at": timezone.now() - late, **values})
    return Lease.objects.get(pk=job.pk)


def test_slot_without_a_job_alarms_within_two_intervals() -> None:
    assert vitals().overdue == 0

    entity = late_entity()

    assert timedelta(seconds=entity.connection.interval_seconds) * 2 > LATE
    assert vitals().overdue == 1
    (found,) = overdue(situation_at(timezone.now()))
    assert (found.connection, found.entity, found.job_id) == (entity.connection.name, entity.name, None)
    assert found.why == "No worker of the queue system is alive to make its job"


def test_job_that_was_made_and_does_not_start_is_overdue_too() -> None:
    lease = late_job()

    assert vitals().overdue == 1
    (found,) = overdue(situation_at(timezone.now()))
    assert found.job_id == lease.job_id
    assert found.why == "No worker of the queue sync is alive"


def test_what_is_on_time_or_was_tried_is_not_overdue() -> None:
    late_entity(timedelta(seconds=50))
    late_job(timedelta(seconds=50))
    late_job(attempt=1)
    make_entity(make_connection(), next_run_at=timezone.now() + LATE)
    paused = late_entity()
    pause(connection=paused.connection, reason="Later", actor=None)

    assert vitals().overdue == 0
    assert overdue(situation_at(timezone.now())) == []


def test_tick_that_catches_up_ends_the_alarm() -> None:
    late_entity()

    made = make_due_jobs()

    assert made == 1
    # The job exists now; it is overdue until a worker takes it.
    assert [bool(one.job_id) for one in overdue(situation_at(timezone.now()))] == [True]
    Lease.objects.all().delete()
    assert vitals().overdue == 0


def test_longest_waiting_come_first_and_no_more_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "SHOWN", 2)
    for minutes in (2, 4, 3):
        late_entity(timedelta(minutes=minutes))
    late_job(timedelta(minutes=5))

    found = overdue(situation_at(timezone.now()))

    assert [round((timezone.now() - one.slot_at).total_seconds() / 60) for one in found] == [5, 4]
    assert vitals().overdue == 4


def test_signs_of_life_in_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    now = timezone.now()
    for queue, ago, draining in (("sync", 0, None), ("bulk", 31, None), ("system", 0, now)):
        seen = now - timedelta(seconds=ago)
        Worker.objects.create(
            identity=queue, name=queue, queue=queue, slots=1, version="1", started_at=now, seen_at=seen,
            draining_at=draining,
        )  # fmt: skip
    Pulse.objects.create(name="tick", at=now - timedelta(seconds=31))

    with django_assert_num_queries(1):
        signs = vitals()

    assert signs.queues == {Queue.SYNC}
    assert signs.deserted == ("interactive", "bulk", "system")
    assert signs.is_silent
    Pulse.objects.update(at=timezone.now())
    assert not vitals().is_silent
