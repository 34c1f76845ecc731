"""The tick: one job per slot however many ticks there are, taken in turns, published as workers have room."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from connectors.models import Connection, Entity, ScheduleKind, Table
from connectors.schedules import next_slot, schedule_of
from connectors.services import facts
from connectors.services.pause import pause, resume
from jobs.models import Job, JobStatus, Lease, LeaseState, Queue, Trigger
from jobs.services import dispatch
from jobs.services.dispatch import claim_for_dispatch, make_due_jobs, tick
from jobs.services.finish import cancel
from jobs.services.start import start
from tests.factories import make_destination, make_entity, make_ready_connection
from tests.jobs.chain import (
    Beside,
    make_due,
    published,
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


# ---- making jobs of slots -------------------------------------------------------------------------------------------


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
    queries = 13
    make_due(ready_entity())
    with django_assert_num_queries(queries):
        assert make_due_jobs() == 1

    connection = make_ready_connection()
    for _ in range(5):
        make_due(make_entity(connection))
    with django_assert_num_queries(queries):
        assert make_due_jobs() == 5


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


# ---- choosing what goes to the workers ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_as_many_are_chosen_as_workers_have_room_for(settings: Settings) -> None:
    settings.PATCHBAY_IN_FLIGHT = 3
    jobs = [waiting_job(ready_entity()) for _ in range(5)]
    started(jobs[0])

    chosen = claim_for_dispatch(Queue.SYNC)

    assert [lease.pk for lease in chosen] == [jobs[1].pk, jobs[2].pk]
    assert claim_for_dispatch(Queue.SYNC) == []


@pytest.mark.django_db
def test_connections_take_turns_and_the_oldest_goes_first_in_each(settings: Settings) -> None:
    settings.PATCHBAY_IN_FLIGHT = 4
    first, second = make_ready_connection(), make_ready_connection()
    of_first = [waiting_job(make_entity(first)).pk for _ in range(3)]
    of_second = [waiting_job(make_entity(second)).pk for _ in range(3)]

    chosen = claim_for_dispatch(Queue.SYNC)

    assert [lease.pk for lease in chosen] == [of_first[0], of_second[0], of_first[1], of_second[1]]


@pytest.mark.django_db
def test_long_queue_of_one_connection_hides_nobody(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 3)
    settings.PATCHBAY_IN_FLIGHT = 2
    crowded = make_ready_connection()
    waiting = [waiting_job(make_entity(crowded)).pk for _ in range(5)]
    small = waiting_job(ready_entity()).pk

    chosen = claim_for_dispatch(Queue.SYNC)

    assert [lease.pk for lease in chosen] == [waiting[0], small]


@pytest.mark.django_db
def test_jobs_that_cannot_start_do_not_fill_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 2)
    lake = make_ready_connection(destination=make_destination(kind="duckdb"))
    jobs = [waiting_job(make_entity(lake)) for _ in range(4)]
    Lease.objects.update(exclusive_key=lake.destination_id)
    started(jobs[0])
    other = waiting_job(ready_entity())

    assert [lease.pk for lease in claim_for_dispatch(Queue.SYNC)] == [other.pk]


@pytest.mark.django_db
def test_destination_with_one_writer_gets_one_job_at_a_time() -> None:
    lake = make_ready_connection(destination=make_destination(kind="duckdb"))
    jobs = [waiting_job(make_entity(lake)) for _ in range(3)]
    Lease.objects.update(exclusive_key=lake.destination_id)

    # The second look finds the first job published and not started yet: that is taken as well.
    assert [[lease.pk for lease in claim_for_dispatch(Queue.SYNC)] for _ in range(2)] == [[jobs[0].pk], []]
    cancel(claim=started(jobs[0]))

    assert [lease.pk for lease in claim_for_dispatch(Queue.SYNC)] == [jobs[1].pk]


@pytest.mark.django_db
def test_job_behind_a_running_one_of_its_entity_stays() -> None:
    entity = ready_entity()
    running = started(waiting_job(entity))
    behind = waiting_job(entity)

    assert claim_for_dispatch(Queue.SYNC) == []
    cancel(claim=running)

    assert [lease.pk for lease in claim_for_dispatch(Queue.SYNC)] == [behind.pk]


@pytest.mark.django_db
def test_job_that_waits_for_its_next_attempt_stays() -> None:
    job = waiting_job(ready_entity())
    Lease.objects.filter(pk=job.pk).update(available_at=timezone.now() + timedelta(seconds=30))

    assert claim_for_dispatch(Queue.SYNC) == []


@pytest.mark.django_db
def test_other_queues_stay() -> None:
    job = waiting_job(ready_entity())
    Lease.objects.filter(pk=job.pk).update(queue=Queue.INTERACTIVE)

    assert claim_for_dispatch(Queue.SYNC) == []
    assert len(claim_for_dispatch(Queue.INTERACTIVE)) == 1


@pytest.mark.parametrize(
    ("times", "seconds_ago", "is_published_again"),
    [
        (1, 119, False),
        (1, 121, True),
        (2, 239, False),
        (2, 241, True),
        (4, 959, False),
        (4, 961, True),
        (5, 1799, False),
        (5, 1801, True),
        # A day without any worker must not end in a number that no clock holds.
        (200, 1799, False),
        (200, 1801, True),
    ],
)
@pytest.mark.django_db
def test_lost_message_is_published_again_at_doubling_times(
    times: int,
    seconds_ago: int,
    is_published_again: bool,  # noqa: FBT001
) -> None:
    job = waiting_job(ready_entity())
    ago = timezone.now() - timedelta(seconds=seconds_ago)
    Lease.objects.filter(pk=job.pk).update(dispatched_at=ago, dispatch_count=times)

    assert bool(claim_for_dispatch(Queue.SYNC)) == is_published_again

    lease = Lease.objects.get(pk=job.pk)
    assert lease.dispatch_count == times + is_published_again


@pytest.mark.django_db(transaction=True)
def test_ticks_at_once_publish_each_job_once() -> None:
    published()
    jobs = [waiting_job(ready_entity()) for _ in range(4)]

    results = together(*[tick] * 3)

    assert [one for one in results if isinstance(one, Exception)] == []
    assert sorted(published()) == sorted([str(job.pk)] for job in jobs)
    assert set(Lease.objects.values_list("dispatch_count", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_tick_makes_publishes_and_the_message_carries_nothing_but_the_id() -> None:
    published()
    make_due(ready_entity())

    assert tick() == 1

    assert published() == [[str(Job.objects.get().pk)]]
    assert start(job_id=Job.objects.get().pk, worker="w") is not None


@pytest.mark.django_db(transaction=True)
def test_tick_and_the_end_of_a_job_of_the_same_entity_do_not_lock_each_other_out() -> None:
    entity = ready_entity()
    for _ in range(6):
        claim = started(waiting_job(entity))
        make_due(entity)

        results = together(partial(cancel, claim=claim), make_due_jobs)

        assert [one for one in results if isinstance(one, Exception)] == []
        Lease.objects.all().delete()
