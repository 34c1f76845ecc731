"""How an attempt ends: what is recorded, what is tried again and when, and what a lost race may not change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.ids import new_id
from connectors.models import Connection, Entity, Status
from connectors.plan import SyncResult, TableCounts
from connectors.services.pause import pause
from jobs.models import ENDED, Job, JobStatus, Lease, LeaseState, Step, StepStatus
from jobs.services.finish import (
    LONGEST_WAIT_SECONDS,
    RUNS_KEPT,
    Failure,
    StaleAttempt,
    cancel,
    fail,
    succeed,
    wait_seconds,
)
from jobs.services.start import Claim
from tests.factories import make_entity, make_job, make_ready_connection
from tests.jobs.chain import (
    assert_consistent,
    make_available,
    ready_entity,
    rows_of,
    started,
    together,
    waiting_job,
)

RESULT = SyncResult((TableCounts("orders", 70, 70, 4096), TableCounts("customers", 5, 4, 128)))
# Failures that another attempt does not mend.
FINAL = sorted(code for code, known in REGISTRY.items() if not known.is_retryable)

Ending = Callable[[Claim], None]
ENDINGS: dict[str, Ending] = {
    "succeed": lambda claim: succeed(claim=claim, result=RESULT),
    "fail": lambda claim: fail(claim=claim, failure=Failure("unreachable")),
    "fail for good": lambda claim: fail(claim=claim, failure=Failure("misconfigured")),
    "cancel": lambda claim: cancel(claim=claim),
}


def running_entity() -> tuple[Entity, Job, Claim]:
    """An entity with a job that a worker has taken."""
    entity = ready_entity()
    job = waiting_job(entity)
    return entity, job, started(job)


def run_once(entity: Entity, code: str = "") -> Job:
    """Let a sync of an entity run to its end, failing with `code` as often as it is tried."""
    job = waiting_job(entity)
    while not Job.objects.get(pk=job.pk).is_over:
        make_available(job)
        claim = started(job)
        if code:
            fail(claim=claim, failure=Failure(code))
        else:
            succeed(claim=claim, result=RESULT)
    return Job.objects.get(pk=job.pk)


# ---- success --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_success_closes_the_job_and_stores_its_counts() -> None:
    _, job, claim = running_entity()
    Job.objects.update(tables=[{"name": "orders", "mode": "merge", "estimated": 60}])

    succeed(claim=claim, result=RESULT)

    job.refresh_from_db()
    assert (job.status, job.rows_extracted, job.rows_loaded, job.bytes) == (JobStatus.SUCCESS, 75, 74, 4224)
    assert job.tables == [
        {"name": "orders", "mode": "merge", "estimated": 60, "extracted": 70, "loaded": 70, "bytes": 4096},
        {"name": "customers", "extracted": 5, "loaded": 4, "bytes": 128},
    ]
    assert job.ended_at is not None
    assert job.attempts.get().status == JobStatus.SUCCESS
    assert not Lease.objects.exists()
    assert_consistent(job)


@pytest.mark.django_db
def test_success_is_told_by_entity_and_connection() -> None:
    entity, job, claim = running_entity()
    Entity.objects.update(last_error_code="unreachable", failure_streak=2)
    Connection.objects.update(last_error_code="unreachable", failure_streak=2)
    planned = Entity.objects.get().next_run_at

    succeed(claim=claim, result=RESULT)

    job.refresh_from_db()
    entity.refresh_from_db()
    run = {"id": str(job.pk), "status": "success", "ms": job.duration_ms}
    for record in (entity, Connection.objects.get()):
        assert (record.last_error_code, record.failure_streak, record.last_job_id) == ("", 0, job.pk)
        assert record.last_success_at == record.last_run_at == job.ended_at
        assert record.recent_runs == [run]
        assert (record.status, record.next_run_at) == (Status.ACTIVE, planned)
    assert (entity.last_rows, entity.last_duration_ms) == (74, job.duration_ms)


@pytest.mark.django_db
def test_success_after_a_failed_attempt_leaves_no_error_on_the_job() -> None:
    job = waiting_job(ready_entity())
    fail(claim=started(job), failure=Failure("unreachable", "extract", "Nobody answers."))
    make_available(job)

    succeed(claim=started(job), result=RESULT)

    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_step, job.error_detail) == (JobStatus.SUCCESS, "", "", "")
    assert list(job.attempts.order_by("number").values_list("status", flat=True)) == [
        JobStatus.FAILED,
        JobStatus.SUCCESS,
    ]


# ---- failure and retry ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for code in REGISTRY if code != "worker_lost"])
@pytest.mark.django_db
def test_code_decides_how_often_a_job_is_tried(code: str) -> None:
    job = run_once(ready_entity(), code)

    assert (job.status, job.error_code) == (JobStatus.FAILED, code)
    assert job.attempt == job.attempts.count() == REGISTRY[code].max_attempts
    assert_consistent(job)


@pytest.mark.django_db
def test_job_between_attempts_says_why_and_when() -> None:
    entity, job, claim = running_entity()
    before = timezone.now()

    fail(claim=claim, failure=Failure("unreachable", "extract", "Nobody answers."))

    job.refresh_from_db()
    lease = job.lease
    assert (job.status, job.attempt, job.max_attempts) == (JobStatus.PENDING, 1, 5)
    assert (job.error_code, job.error_step, job.error_detail) == ("unreachable", "extract", "Nobody answers.")
    assert job.next_attempt_at == lease.available_at
    assert timedelta(seconds=14) < lease.available_at - before < timedelta(seconds=32)
    assert (lease.state, lease.token, lease.worker, lease.dispatched_at) == (LeaseState.PENDING, None, "", None)
    # The attempt failed, the run has not: lists still show the entity as it was.
    entity.refresh_from_db()
    assert (entity.status, entity.failure_streak, entity.recent_runs) == (Status.ACTIVE, 0, [])
    assert_consistent(job)


@pytest.mark.parametrize(
    ("code", "tries", "longest"),
    [
        ("unreachable", 1, 30),
        ("unreachable", 2, 60),
        ("unreachable", 4, 240),
        ("destination_full", 1, 300),
        ("destination_full", 2, 600),
        ("rate_limited", 9, 3600),
        ("worker_lost", 2, 0),
    ],
)
def test_wait_doubles_with_jitter_up_to_an_hour(code: str, tries: int, longest: int) -> None:
    waits = [wait_seconds(Failure(code), tries) for _ in range(200)]

    assert all(longest / 2 <= wait <= longest for wait in waits)
    assert longest == 0 or max(waits) - min(waits) > longest / 8


@pytest.mark.parametrize(("asked", "waits"), [(7.5, 7.5), (0, 0), (-3, 0), (900, 900), (86400, LONGEST_WAIT_SECONDS)])
def test_wait_is_what_the_source_asked_for(asked: float, waits: float) -> None:
    assert wait_seconds(Failure("rate_limited", retry_after=asked), 5) == waits


@pytest.mark.django_db
def test_lease_waits_as_long_as_the_source_asked() -> None:
    _, job, claim = running_entity()
    before = timezone.now()

    fail(claim=claim, failure=Failure("rate_limited", retry_after=600))

    wait = Lease.objects.get(pk=job.pk).available_at - before
    assert timedelta(seconds=598) < wait < timedelta(seconds=605)


@pytest.mark.django_db
def test_words_that_no_database_can_store_do_not_lose_the_failure() -> None:
    _, job, claim = running_entity()

    fail(claim=claim, failure=Failure("misconfigured", detail="bad\x00 byte, half a pair \ud83d, " + "long " * 2000))

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "misconfigured")
    assert job.error_detail.startswith("bad byte, half a pair ?, long")
    assert len(job.error_detail) == 4000


@pytest.mark.django_db
def test_failure_closes_the_steps_of_the_attempt() -> None:
    _, job, claim = running_entity()
    for number, status in enumerate((StepStatus.SUCCESS, StepStatus.RUNNING, StepStatus.PENDING), start=1):
        Step.objects.create(job=job, number=number, attempt=1, name=f"step-{number}", status=status)

    fail(claim=claim, failure=Failure("misconfigured"))

    assert list(job.steps.order_by("number").values_list("status", flat=True)) == [
        StepStatus.SUCCESS,
        StepStatus.FAILED,
        StepStatus.SKIPPED,
    ]


# ---- facts ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_failure_that_needs_a_person_breaks_at_once() -> None:
    entity = ready_entity()

    job = run_once(entity, "misconfigured")

    entity.refresh_from_db()
    assert (entity.status, entity.status_reason, entity.failure_streak) == (Status.BROKEN, "misconfigured", 1)
    assert entity.next_run_at is not None
    assert entity.recent_runs == [{"id": str(job.pk), "status": "failed", "ms": job.duration_ms}]
    assert Connection.objects.get().status == Status.BROKEN


@pytest.mark.django_db
def test_other_failures_break_after_three_in_a_row() -> None:
    entity = ready_entity()
    seen = []

    for _ in range(3):
        run_once(entity, "provider_error")
        entity.refresh_from_db()
        seen.append((entity.status, entity.failure_streak))

    assert seen == [(Status.ACTIVE, 1), (Status.ACTIVE, 2), (Status.BROKEN, 3)]
    run_once(entity)
    entity.refresh_from_db()
    assert (entity.status, entity.status_reason, entity.failure_streak) == (Status.ACTIVE, "ok", 0)


@pytest.mark.parametrize("code", sorted(code for code in FINAL if REGISTRY[code].breaks))
@pytest.mark.django_db
def test_schedule_stops_only_where_further_tries_do_harm(code: str) -> None:
    entity = ready_entity()

    run_once(entity, code)

    entity.refresh_from_db()
    is_held = code == "invalid_credentials"
    assert (entity.next_run_at is None) == is_held
    assert (Connection.objects.get().next_run_at is None) == is_held


@pytest.mark.django_db
def test_success_sets_a_held_schedule_going_again() -> None:
    entity = ready_entity()
    run_once(entity, "invalid_credentials")

    run_once(entity)

    entity.refresh_from_db()
    assert entity.next_run_at is not None
    assert entity.status == Status.ACTIVE


@pytest.mark.django_db
def test_connection_is_broken_only_when_every_entity_is() -> None:
    connection = make_ready_connection()
    entities = [make_entity(connection) for _ in range(2)]

    run_once(entities[0], "misconfigured")
    first = Connection.objects.get().status
    run_once(entities[1], "misconfigured")

    assert (first, Connection.objects.get().status) == (Status.ACTIVE, Status.BROKEN)


@pytest.mark.django_db
def test_cancel_leaves_the_streak_and_the_rows() -> None:
    entity = ready_entity()
    run_once(entity)
    Entity.objects.update(last_error_code="unreachable", failure_streak=2)
    job = waiting_job(entity)

    cancel(claim=started(job))

    entity.refresh_from_db()
    assert (entity.failure_streak, entity.last_error_code, entity.last_rows) == (2, "unreachable", 74)
    assert [run["status"] for run in entity.recent_runs] == ["success", "cancelled"]
    assert entity.last_job_id == job.pk


@pytest.mark.django_db
def test_last_thirty_runs_are_kept_the_newest_last() -> None:
    entity = ready_entity()
    old = [{"id": str(new_id()), "status": "success", "ms": number} for number in range(RUNS_KEPT)]
    Entity.objects.update(recent_runs=old)

    job = run_once(entity)

    entity.refresh_from_db()
    assert len(entity.recent_runs) == RUNS_KEPT == 30
    assert entity.recent_runs[:-1] == old[1:]
    assert entity.recent_runs[-1]["id"] == str(job.pk)


@pytest.mark.django_db
def test_end_of_a_job_of_a_paused_connection_plans_no_next_run() -> None:
    entity, job, claim = running_entity()
    pause(connection=entity.connection, reason="Moving house", actor=None)

    succeed(claim=claim, result=RESULT)

    entity.refresh_from_db()
    assert (entity.status, entity.next_run_at) == (Status.PAUSED, None)
    assert entity.last_success_at is not None
    assert_consistent(job)


@pytest.mark.django_db
def test_late_end_does_not_move_the_slots() -> None:
    entity, _, claim = running_entity()
    slot = timezone.now() - timedelta(minutes=3)
    Entity.objects.update(next_run_at=slot)

    succeed(claim=claim, result=RESULT)

    # The slot has come while the job ran and the tick has not seen it yet: it is kept.
    entity.refresh_from_db()
    assert entity.next_run_at == slot


# ---- a run that only waits is folded into one that goes on ----------------------------------------------------------


@pytest.mark.django_db
def test_waiting_run_is_folded_into_the_interrupted_one() -> None:
    entity, job, claim = running_entity()
    slot = timezone.now()
    behind = waiting_job(entity, slot_at=slot, missed_slots=2)

    fail(claim=claim, failure=Failure("unreachable"))

    behind.refresh_from_db()
    job.refresh_from_db()
    assert (behind.status, behind.error_code) == (JobStatus.CANCELLED, "superseded")
    assert (job.status, job.missed_slots) == (JobStatus.PENDING, 3)
    assert list(Lease.objects.values_list("pk", flat=True)) == [job.pk]
    assert_consistent(job)
    assert_consistent(behind)


@pytest.mark.django_db
def test_waiting_run_of_another_entity_stays() -> None:
    entity, _, claim = running_entity()
    other = waiting_job(make_entity(entity.connection))

    fail(claim=claim, failure=Failure("unreachable"))

    other.refresh_from_db()
    assert other.status == JobStatus.PENDING


@pytest.mark.django_db
def test_waiting_run_goes_on_when_the_one_before_it_has_failed_for_good() -> None:
    entity, _, claim = running_entity()
    behind = waiting_job(entity)

    fail(claim=claim, failure=Failure("misconfigured"))

    make_available(behind)
    assert started(behind).attempt == 1


# ---- the lost race --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.django_db
def test_stale_token_changes_nothing(ending: str) -> None:
    _, job, claim = running_entity()
    stale = Claim(claim.job_id, new_id(), claim.attempt, claim.worker)
    before = rows_of(job)

    with pytest.raises(StaleAttempt):
        ENDINGS[ending](stale)

    assert rows_of(job) == before


@pytest.mark.parametrize("status", [status for status in JobStatus.values if status != JobStatus.RUNNING])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.django_db
def test_only_a_running_job_can_be_finished(ending: str, status: str) -> None:
    entity = ready_entity()
    job = make_job(entity.connection, entity, status=status)
    before = rows_of(job)

    with pytest.raises(StaleAttempt):
        ENDINGS[ending](Claim(job.pk, new_id(), 1, "w"))

    assert rows_of(job) == before


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.django_db
def test_first_attempt_cannot_end_the_second(ending: str) -> None:
    _, job, first = running_entity()
    fail(claim=first, failure=Failure("unreachable"))
    make_available(job)
    started(job)
    before = rows_of(job)

    with pytest.raises(StaleAttempt):
        ENDINGS[ending](first)

    assert rows_of(job) == before


@pytest.mark.django_db(transaction=True)
def test_of_two_endings_at_once_one_counts() -> None:
    for first, second in (("succeed", "fail for good"), ("succeed", "cancel"), ("fail", "cancel")):
        entity, job, claim = running_entity()

        results = together(partial(ENDINGS[first], claim), partial(ENDINGS[second], claim))

        assert [type(result) for result in results] == [StaleAttempt]
        entity.refresh_from_db()
        job.refresh_from_db()
        assert len(entity.recent_runs) == (1 if job.status in ENDED else 0)
        assert_consistent(job)
