"""How an attempt ends: what is recorded of it, and whether and when it is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.models import Connection, Entity, Status
from jobs.models import Job, JobStatus, Lease, LeaseState, Step, StepStatus
from jobs.services.finish import Failure, fail, succeed
from jobs.services.retry import LONGEST_ASKED_SECONDS, wait_seconds
from tests.jobs.chain import (
    RESULT,
    assert_consistent,
    make_available,
    ready_entity,
    run_once,
    running_entity,
    started,
    waiting_job,
)


@pytest.mark.django_db
def test_success_closes_the_job_and_stores_its_counts() -> None:
    _, job, claim = running_entity()
    Job.objects.update(tables=[{"name": "orders", "mode": "merge", "estimated": 60}])

    succeed(claim=claim, result=RESULT)

    job.refresh_from_db()
    assert (job.status, job.rows_extracted, job.rows_loaded, job.bytes) == (JobStatus.SUCCESS, 75, 74, 4224)
    assert job.tables == [
        {"name": "orders", "mode": "merge", "estimated": 60, "extracted": 70, "loaded": 70, "bytes": 4096, "new": True},
        {"name": "customers", "extracted": 5, "loaded": 4, "bytes": 128, "new": True},
    ]
    assert job.ended_at is not None
    assert job.attempts.get().status == JobStatus.SUCCESS
    assert not Lease.objects.exists()
    assert_consistent(job)


@pytest.mark.django_db
def test_failure_keeps_what_had_been_read_and_nothing_that_nobody_could_see() -> None:
    _, job, claim = running_entity()
    Job.objects.update(tables=[{"name": "orders", "mode": "merge"}, {"name": "customers", "mode": "merge"}])
    Lease.objects.update(progress={"tables": {"orders": [70, 40]}})

    fail(claim=claim, failure=Failure("invalid_credentials", "extract"))

    job.refresh_from_db()
    assert (job.status, job.rows_extracted, job.rows_loaded) == (JobStatus.FAILED, 70, 0)
    assert job.tables == [{"name": "orders", "mode": "merge", "extracted": 70}, {"name": "customers", "mode": "merge"}]


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


@pytest.mark.parametrize(
    "code", [code for code, known in REGISTRY.items() if known.retry.is_charged and code != "worker_lost"]
)
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
    ("code", "doublings", "longest"),
    [
        ("unreachable", 0, 30),
        ("unreachable", 1, 60),
        ("unreachable", 3, 240),
        ("unreachable", 9, 3600),
        ("unreachable", 9999, 3600),
        ("destination_full", 0, 300),
        ("destination_full", 1, 600),
        ("rate_limited", 0, 60),
        ("worker_stopping", 0, 0),
    ],
)
def test_wait_doubles_with_jitter_up_to_an_hour(code: str, doublings: int, longest: int) -> None:
    waits = [wait_seconds(REGISTRY[code].retry, doublings) for _ in range(200)]

    assert all(longest / 2 <= wait <= longest for wait in waits)
    assert longest == 0 or max(waits) - min(waits) > longest / 8


@pytest.mark.parametrize(
    ("asked", "waits"), [(7.5, 7.5), (0, 0), (-3, 0), (900, 900), (7 * 86400, LONGEST_ASKED_SECONDS)]
)
def test_wait_is_what_the_source_asked_for(asked: float, waits: float) -> None:
    assert wait_seconds(REGISTRY["rate_limited"].retry, 5, asked) == waits


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
