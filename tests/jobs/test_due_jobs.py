"""The tick makes one job per slot, however many ticks there are and whoever else is at work."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Entity, ScheduleKind, Table
from connectors.schedules import next_slot, schedule_of
from connectors.services import facts
from connectors.services.pause import pause, resume
from jobs.models import Job, JobStatus, Lease, LeaseState, Trigger
from jobs.services.dispatch import make_due_jobs
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import (
    Beside,
    make_due,
    ready_entity,
    somebody_waits_for_a_lock,
    started,
    together,
    waiting_job,
)
from tests.waiting import wait_until

ANCHOR = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def anchored_entity(interval_seconds: int = 3600) -> Entity:
    """The only entity of a connection whose slots are counted from `ANCHOR`."""
    entity = ready_entity(interval_seconds=interval_seconds)
    Connection.objects.filter(pk=entity.connection_id).update(anchor_at=ANCHOR)
    entity.connection.refresh_from_db()
    return entity


@pytest.mark.django_db
def test_due_slot_becomes_one_job_that_names_it() -> None:
    entity = anchored_entity()
    slot = timezone.now().replace(minute=0, second=0, microsecond=0)
    make_due(entity, slot)

    assert make_due_jobs() == 1

    job = Job.objects.get()
    assert (job.slot_at, job.trigger, job.status, job.missed_slots) == (slot, Trigger.SCHEDULE, JobStatus.PENDING, 0)
    lease = Lease.objects.get()
    assert (lease.pk, lease.slot_at, lease.state) == (job.pk, slot, LeaseState.PENDING)


@pytest.mark.django_db
def test_slot_is_made_into_a_job_once() -> None:
    make_due(ready_entity())

    assert [make_due_jobs(), make_due_jobs()] == [1, 0]


@pytest.mark.django_db
def test_next_run_stays_on_the_anchored_slots_however_late_the_tick_is() -> None:
    entity = anchored_entity()
    make_due(entity, timezone.now() - timedelta(hours=5, minutes=17))

    make_due_jobs()

    entity.refresh_from_db()
    assert entity.next_run_at is not None
    assert (entity.next_run_at - ANCHOR) % timedelta(hours=1) == timedelta()
    assert timedelta() < entity.next_run_at - timezone.now() <= timedelta(hours=1)
    assert Connection.objects.get().next_run_at == entity.next_run_at


@pytest.mark.django_db
def test_missed_slots_are_made_up_by_one_run_that_counts_them() -> None:
    entity = anchored_entity()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    make_due(entity, hour - timedelta(hours=5))

    assert make_due_jobs() == 1

    assert Job.objects.get().missed_slots == 5


@pytest.mark.django_db
def test_nothing_is_made_that_is_not_due() -> None:
    ready_entity()
    unselected = ready_entity()
    Entity.objects.filter(pk=unselected.pk).update(is_selected=False)
    make_due(unselected)

    assert make_due_jobs() == 0


@pytest.mark.django_db
def test_paused_connections_due_slot_is_not_scheduled_and_comes_back_on_a_slot() -> None:
    entity = anchored_entity()
    make_due(entity)
    pause(connection=entity.connection, reason="Moving house", actor=None)

    assert make_due_jobs() == 0
    resume(connection=entity.connection, actor=None)

    entity.refresh_from_db()
    assert entity.next_run_at == next_slot(schedule_of(entity.connection), timezone.now())
    assert make_due_jobs() == 0


@pytest.mark.django_db
def test_connection_without_chosen_tables_is_not_scheduled() -> None:
    entity = anchored_entity()
    make_due(entity)
    Table.objects.update(is_selected=False)

    with transaction.atomic():
        facts.refresh(facts.lock(entity.connection_id))

    assert make_due_jobs() == 0


@pytest.mark.parametrize("kind", [ScheduleKind.MANUAL, ScheduleKind.CRON])
@pytest.mark.django_db
def test_next_run_follows_the_kind_of_schedule(kind: ScheduleKind) -> None:
    entity = ready_entity(schedule_kind=kind, cron="30 4 * * *", time_zone="Europe/Berlin")
    make_due(entity)

    make_due_jobs()

    entity.refresh_from_db()
    assert entity.next_run_at == next_slot(schedule_of(entity.connection), timezone.now())
    assert (entity.next_run_at is None) == (kind == ScheduleKind.MANUAL)


@pytest.mark.django_db
def test_slot_coalesces_into_a_job_that_waits_already() -> None:
    entity = ready_entity()
    waiting = waiting_job(entity)
    make_due(entity)

    assert make_due_jobs() == 0

    entity.refresh_from_db()
    assert Job.objects.get().pk == waiting.pk
    assert entity.next_run_at is not None
    assert entity.next_run_at > timezone.now()


@pytest.mark.django_db
def test_slot_beside_a_running_job_waits_behind_it() -> None:
    entity = ready_entity()
    started(waiting_job(entity))
    make_due(entity)

    assert make_due_jobs() == 1

    assert sorted(Lease.objects.values_list("state", flat=True)) == [LeaseState.PENDING, LeaseState.RUNNING]


@pytest.mark.django_db
def test_tick_takes_as_many_queries_for_five_entities_as_for_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    queries = 12
    make_due(ready_entity())
    with django_assert_num_queries(queries):
        assert make_due_jobs() == 1

    connection = make_ready_connection()
    for _ in range(5):
        make_due(make_entity(connection))
    with django_assert_num_queries(queries):
        assert make_due_jobs() == 5


@pytest.mark.django_db
def test_crowd_is_made_batch_after_batch_by_one_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.services.dispatch.DUE_BATCH", 2)
    connection = make_ready_connection()
    for _ in range(5):
        make_due(make_entity(connection))

    assert make_due_jobs() == 5
    assert Job.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_ticks_at_once_make_exactly_one_job_per_slot() -> None:
    connections = [make_ready_connection() for _ in range(3)]
    entities = [make_entity(connection) for connection in connections for _ in range(6)]
    for entity in entities:
        make_due(entity)

    results = together(*[make_due_jobs] * 4)

    assert [one for one in results if isinstance(one, Exception)] == []
    # Rows that one tick held were skipped by the others; whoever holds them made their jobs.
    assert sum(one for one in results if isinstance(one, int)) == len(entities)
    assert Counter(Job.objects.values_list("entity_id", "slot_at")) == Counter(
        (entity.pk, job.slot_at) for entity in entities for job in entity.jobs.all()
    )
    assert set(Job.objects.values_list("entity_id", flat=True)) == {entity.pk for entity in entities}
    assert Lease.objects.count() == Job.objects.count() == len(entities)


@pytest.mark.django_db(transaction=True)
def test_tick_commits_while_a_service_holds_the_connection() -> None:
    """Both would wait for each other if the service's lock stopped the foreign keys of the tick's new jobs."""
    entity = ready_entity()
    make_due(entity)
    beside = Beside(make_due_jobs)

    with transaction.atomic():
        facts.lock(entity.connection_id)
        beside.start()
        wait_until(Job.objects.exists, what="the tick's job")
    beside.join()

    assert Lease.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_pause_beside_a_tick_leaves_no_next_run() -> None:
    """The tick stores the connection's next run last; it must not store what it read before the pause."""
    entity = ready_entity()
    make_due(entity)
    beside = Beside(make_due_jobs)

    with transaction.atomic():
        facts.lock(entity.connection_id)
        beside.start()
        wait_until(Job.objects.exists, what="the tick's job")
        wait_until(somebody_waits_for_a_lock, what="the tick waiting for the connection")
        pause(connection=entity.connection, reason="Moving house", actor=None)
    beside.join()

    entity.refresh_from_db()
    assert entity.next_run_at is None
    assert Connection.objects.get().next_run_at is None


@pytest.mark.django_db
def test_schedule_that_cannot_be_read_stops_nobody_else() -> None:
    past = timezone.now() - timedelta(minutes=1)
    broken = make_ready_connection(schedule_kind="cron", cron="not a schedule")
    entity = make_entity(broken, next_run_at=past - timedelta(minutes=1))
    other = make_entity(make_ready_connection(), next_run_at=past)

    assert make_due_jobs() == 1
    assert list(Job.objects.values_list("entity", flat=True)) == [other.pk]
    entity.refresh_from_db()
    assert entity.next_run_at is not None
    assert entity.next_run_at > timezone.now()
