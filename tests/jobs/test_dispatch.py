"""What goes to the workers: in turns, as many as there is room for, again when a message was lost."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from pytest_django import Settings

from jobs.models import Job, Lease, Queue
from jobs.services import dispatch
from jobs.services.dispatch import claim_for_dispatch, make_due_jobs, tick
from jobs.services.finish import cancel
from jobs.services.start import start
from tests.factories import make_destination, make_entity, make_ready_connection
from tests.jobs.chain import (
    make_due,
    published,
    ready_entity,
    started,
    together,
    waiting_job,
)


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
def test_what_a_connection_has_with_the_workers_counts_as_its_turns(settings: Settings) -> None:
    settings.PATCHBAY_IN_FLIGHT = 2
    crowded = make_ready_connection()
    started(waiting_job(make_entity(crowded)))
    waiting_job(make_entity(crowded))
    small = waiting_job(ready_entity())

    chosen = claim_for_dispatch(Queue.SYNC)

    # The crowded one's next is older, and would get every place that becomes free.
    assert [lease.pk for lease in chosen] == [small.pk]


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
