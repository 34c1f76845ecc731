"""Why is it not running? The sentence for each cause, out of facts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Entity, Status
from connectors.services.pause import pause
from jobs.models import AccountBlock, Job, JobStatus, Lease, LeaseState, Pulse, Queue, Worker
from jobs.services.why import why_not_running, why_waiting
from tests.conftest import member
from tests.factories import make_connection, make_destination, make_entity, make_job

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 19, 14, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=2, seconds=5)


def add_worker(queue: Queue = Queue.SYNC, slots: int = 2, **values: Any) -> None:
    moments: dict[str, Any] = {"started_at": NOW, "seen_at": NOW, **values}
    Worker.objects.create(identity=f"{queue}/1", name=queue, queue=queue, slots=slots, version="1", **moments)


def entity_of(connection: Connection | None = None, **values: Any) -> Entity:
    return make_entity(connection or make_connection(), **{"next_run_at": SOON, **values})


def pending(entity: Entity, **values: Any) -> Job:
    """A pending job whose lease has these values."""
    job = make_job(entity.connection, entity, status=JobStatus.PENDING)
    Lease.objects.filter(pk=job.pk).update(**{"available_at": NOW, **values})
    return job


def running(entity: Entity, **values: Any) -> Job:
    job = make_job(entity.connection, entity, status=JobStatus.RUNNING)
    Lease.objects.filter(pk=job.pk).update(**values)
    return job


def why(subject: Connection | Entity) -> str:
    reason = why_not_running(type(subject).objects.get(pk=subject.pk), now=NOW)
    return reason.sentence if reason else ""


def clause(job: Job) -> str:
    reason = why_waiting(job, now=NOW)
    return reason.clause if reason else ""


def test_paused_names_who_why_and_until() -> None:
    connection = make_connection()
    pause(connection=connection, reason="Migration.", actor=member("operator"), until=NOW + timedelta(hours=1))

    assert why(connection) == "Paused by operator, until 15:30:00: Migration."
    assert why(entity_of(connection)) == "Paused by operator, until 15:30:00: Migration."


def test_incomplete_names_what_is_missing() -> None:
    connection = make_connection(status=Status.INCOMPLETE, status_reason="never_tested")

    assert why(connection) == "The connection was never tested with its current credentials."


def test_held_sign_in_waits_for_a_person() -> None:
    entity = entity_of(status=Status.BROKEN, status_reason="invalid_credentials", next_run_at=None)

    assert why(entity) == "On hold after “Sign-in refused”: nothing is tried until a person mends it."


def test_what_runs_needs_no_reason() -> None:
    entity = entity_of()
    running(entity)

    assert why(entity) == ""
    assert why(entity.connection) == ""


def test_schedule_by_hand_is_told() -> None:
    assert why(entity_of(make_connection(schedule_kind="manual"))) == "It runs only when somebody asks for it."


def test_entity_that_is_excluded_is_told() -> None:
    assert why(entity_of(is_selected=False)) == "It is excluded."


def test_schedule_that_cannot_be_read_is_told() -> None:
    entity = entity_of(make_connection(schedule_kind="cron", cron="often"))

    assert why(entity) == "Its schedule cannot be read: “often” in UTC."


def test_planned_run_has_its_time() -> None:
    assert why(entity_of()) == "Due at 14:32:05."
    assert why(entity_of(next_run_at=NOW + timedelta(days=1))) == "Due at 20 Nov, 14:30."


@pytest.mark.parametrize(
    ("has_worker", "tick", "reason"),
    [
        (False, NOW, "but no worker of the queue system is alive to make its job"),
        (True, NOW - timedelta(minutes=3), "but the scheduler has been silent since 14:27:00"),
        (True, NOW, "its job is about to be made"),
        (True, None, "its job is about to be made"),
    ],
)
def test_slot_that_passed_says_who_is_missing(has_worker: bool, tick: datetime | None, reason: str) -> None:  # noqa: FBT001
    if has_worker:
        add_worker(Queue.SYSTEM)
    if tick:
        Pulse.objects.create(name="tick", at=tick)

    assert why(entity_of(next_run_at=NOW - timedelta(minutes=1))) == f"Due since 14:29:00, {reason}."


def test_next_attempt_has_its_number_and_time() -> None:
    entity = entity_of()
    job = pending(entity, attempt=1, available_at=SOON)
    Job.objects.filter(pk=job.pk).update(error_code="unreachable", max_attempts=5)

    assert why(entity) == "Attempt 2 of 5 after “Not reachable”, next at 14:32:05."


def test_blocked_account_is_told_with_its_end() -> None:
    add_worker()
    entity = entity_of()
    pending(entity, account_key="abc")
    AccountBlock.objects.create(account_key="abc", until=SOON, reason="429 Too Many Requests")

    expected = "The provider asked this account to slow down until 14:32:05 (429 Too Many Requests)."
    assert why(entity) == expected
    AccountBlock.objects.update(until=NOW)
    assert why(entity) == "Next in the queue sync."


@pytest.mark.parametrize("gone", [{"seen_at": NOW - timedelta(seconds=31)}, {"draining_at": NOW}])
def test_queue_without_a_worker_is_told(gone: dict[str, Any]) -> None:
    entity = entity_of()
    pending(entity)

    assert why(entity) == "No worker of the queue sync is alive."
    add_worker(**gone)
    assert why(entity) == "No worker of the queue sync is alive."


def test_silent_scheduler_keeps_a_job_waiting() -> None:
    add_worker()
    Pulse.objects.create(name="tick", at=NOW - timedelta(minutes=3))
    entity = entity_of()
    job = pending(entity)

    assert why(entity) == "The scheduler has been silent since 14:27:00."
    Lease.objects.filter(pk=job.pk).update(dispatched_at=NOW)
    assert why(entity) == "Sent to a worker, which takes it in a moment."


def test_job_behind_its_own_run_says_so() -> None:
    add_worker()
    entity = entity_of()
    running(entity)

    assert clause(pending(entity)) == "it waits for its own data sync that runs now"


def test_exclusive_writer_is_named() -> None:
    add_worker()
    target = make_destination(name="Laptop file", kind="duckdb")
    first, second = (entity_of(make_connection(name=name, destination=target)) for name in ("First", "Second"))
    running(first, exclusive_key=target.pk)
    pending(second, exclusive_key=target.pk)

    assert why(second) == "Laptop file takes one writer at a time, and First writes to it now."


@pytest.mark.parametrize(
    ("mine", "theirs", "setting", "reason"),
    [
        ({}, {}, "CONNECTION", "2 jobs of this connection run already, the most at once is 2"),
        ({"is_bulk": True}, {"is_bulk": True}, "", "2 jobs of its historical kind run already, the most at once is 2"),
        (
            {"account_key": "a"},
            {"account_key": "a"},
            "ACCOUNT",
            "2 jobs at this provider account run already, the most at once is 2",
        ),
        ({}, {}, "DESTINATION", "2 jobs to its destination run already, the most at once is 2"),
    ],
)
def test_cap_that_is_reached_is_named(
    settings: Any, mine: dict[str, Any], theirs: dict[str, Any], setting: str, reason: str
) -> None:
    add_worker(slots=9)
    if setting:
        setattr(settings, f"PATCHBAY_{setting}_JOBS", 2)
    connection = make_connection()
    same = {"destination_id": connection.destination_id}
    for _ in range(2):
        running(entity_of(connection), **same, **theirs)

    job = pending(entity_of(connection), **same, **mine)

    assert clause(job) == reason
    told = why_waiting(job, now=NOW)
    assert told is not None
    assert Lease.objects.running().filter(pk=told.job_id).exists()
    Lease.objects.filter(pk=job.pk).update(queue=Queue.INTERACTIVE)
    assert "most at once" not in clause(job)


def test_place_in_the_queue_counts_those_before() -> None:
    add_worker(slots=1)
    entities = [entity_of() for _ in range(1)] + [entity_of(make_connection()) for _ in range(2)]
    jobs = [pending(entity) for entity in entities]

    assert [clause(job) for job in jobs] == [
        "next in the queue sync",
        "in the queue sync behind 1 job",
        "in the queue sync behind 2 jobs",
    ]
    running(entity_of(make_connection()))
    assert clause(jobs[0]) == "next in the queue sync, its only slot is busy"


def test_connection_says_how_many_wait() -> None:
    add_worker()
    connection = make_connection()
    for _ in range(2):
        pending(entity_of(connection))

    assert why(connection) == "2 syncs wait: next in the queue sync."


def test_job_that_is_over_waits_for_nothing() -> None:
    entity = entity_of()

    assert why_waiting(make_job(entity.connection, entity)) is None


@pytest.mark.parametrize("count", [1, 5])
def test_queries_do_not_grow(django_assert_num_queries: DjangoAssertNumQueries, count: int) -> None:
    add_worker()
    connection = make_connection()
    for _ in range(count):
        pending(entity_of(connection))
        running(entity_of(make_connection()))
    assert Lease.objects.filter(state=LeaseState.RUNNING).count() == count

    with django_assert_num_queries(5):
        why_not_running(connection, now=timezone.now())
