"""What counts against a job's limits: failures that moved nothing, all failures, and what counts for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.models import Connection, Status
from jobs.models import AccountBlock, Job, JobStatus, Lease, Queue, Step, StepStatus
from jobs.services.cancel import request_cancel
from jobs.services.dispatch import claim_for_dispatch
from jobs.services.enqueue import enqueue_sync
from jobs.services.finish import Failure, fail, give_back, succeed
from jobs.services.reap import reap
from jobs.services.start import start
from tests.conftest import member
from tests.jobs.chain import (
    RESULT,
    assert_consistent,
    make_available,
    ready_entity,
    running_entity,
    started,
    waiting_job,
)
from tests.jobs.processes import gone_worker

pytestmark = pytest.mark.django_db


def failed_after(job: Job, *, loaded: int = 0, steps: int = 0, code: str = "unreachable") -> Job:
    """Let the next attempt of a job fail after it loaded so many rows and ended so many steps."""
    make_available(job)
    claim = started(job)
    Lease.objects.filter(pk=job.pk).update(progress={"tables": {"orders": [loaded, loaded]}, "best": claim.best_loaded})
    for number in range(steps):
        Step.objects.create(
            job=job, number=claim.attempt * 10 + number, attempt=claim.attempt, name="extract", status="success"
        )
    fail(claim=claim, failure=Failure(code))
    return Job.objects.get(pk=job.pk)


def test_transient_failure_ends_a_job_after_five_attempts_that_moved_nothing() -> None:
    job = waiting_job(ready_entity())

    seen = [failed_after(job) for _ in range(5)]

    assert [(one.attempt, one.max_attempts, one.status) for one in seen[:4]] == [
        (number, 5, JobStatus.PENDING) for number in (1, 2, 3, 4)
    ]
    assert (seen[4].status, seen[4].attempt) == (JobStatus.FAILED, 5)


@pytest.mark.parametrize(("loaded", "steps"), [(1, 0), (0, 1)])
def test_progress_sets_the_streak_back(loaded: int, steps: int) -> None:
    job = waiting_job(ready_entity())
    for _ in range(4):
        failed_after(job)

    moved = failed_after(job, loaded=loaded, steps=steps)

    lease = Lease.objects.get(pk=job.pk)
    assert (moved.status, moved.max_attempts, lease.charged, lease.no_progress) == (JobStatus.PENDING, 10, 5, 0)
    assert timedelta(seconds=0) < lease.available_at - timezone.now() <= timedelta(seconds=30)
    # The same again is no progress.
    failed_after(job, loaded=loaded, steps=steps)
    assert Lease.objects.get(pk=job.pk).no_progress == 1


def test_job_that_moves_something_each_time_ends_after_twenty_attempts() -> None:
    job = waiting_job(ready_entity())

    seen = [failed_after(job, loaded=number) for number in range(1, 21)]

    assert [one.status for one in seen] == [JobStatus.PENDING] * 19 + [JobStatus.FAILED]


def test_job_that_stops_moving_ends_after_ten_attempts_in_all() -> None:
    job = waiting_job(ready_entity())
    for number in range(1, 10):
        failed_after(job, loaded=number)

    assert failed_after(job).status == JobStatus.FAILED


# ---- an account that asks to slow down ------------------------------------------------------------------------------


def test_account_that_asks_to_slow_down_costs_no_attempt_and_holds_its_other_jobs_back() -> None:
    jobs = [waiting_job(ready_entity()) for _ in range(3)]
    Lease.objects.filter(pk__in=[jobs[0].pk, jobs[1].pk]).update(account_key="same")
    claim = started(jobs[0])

    fail(claim=claim, failure=Failure("rate_limited", detail="Too many requests.", retry_after=120))

    job = Job.objects.get(pk=jobs[0].pk)
    lease = Lease.objects.get(pk=job.pk)
    block = AccountBlock.objects.get()
    assert (job.status, lease.charged, lease.no_progress) == (JobStatus.PENDING, 0, 0)
    assert (block.account_key, block.until, block.reason) == ("same", job.next_attempt_at, "Too many requests.")
    assert timedelta(seconds=115) < block.until - timezone.now() <= timedelta(seconds=120)
    assert [one.pk for one in claim_for_dispatch(Queue.SYNC)] == [jobs[2].pk]
    # A message that was on its way already starts nothing, and is free for the tick again.
    Lease.objects.filter(pk=jobs[1].pk).update(dispatched_at=timezone.now(), dispatch_count=1)
    assert start(job_id=jobs[1].pk, worker="w") is None
    assert Lease.objects.get(pk=jobs[1].pk).dispatched_at is None
    AccountBlock.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert [one.pk for one in claim_for_dispatch(Queue.SYNC)] == [jobs[1].pk]
    assert_consistent(job)


@pytest.mark.parametrize(("stands", "asked", "holds"), [(600, 60, 600), (60, 600, 600)])
def test_longer_block_of_an_account_stands(stands: int, asked: int, holds: int) -> None:
    _, job, claim = running_entity()
    Lease.objects.filter(pk=job.pk).update(account_key="same")
    AccountBlock.objects.create(account_key="same", until=timezone.now() + timedelta(seconds=stands))

    fail(claim=claim, failure=Failure("rate_limited", retry_after=asked))

    left = AccountBlock.objects.get().until - timezone.now()
    assert timedelta(seconds=holds - 5) < left <= timedelta(seconds=holds)


def test_source_that_asks_again_and_again_never_ends_the_job() -> None:
    job = waiting_job(ready_entity())
    for _ in range(12):
        make_available(job)
        fail(claim=started(job), failure=Failure("rate_limited", retry_after=1))

    job.refresh_from_db()
    assert (job.status, job.attempt) == (JobStatus.PENDING, 12)
    assert job.max_attempts > job.attempt


# ---- lost workers and workers that stop -----------------------------------------------------------------------------


def test_third_lost_worker_holds_the_schedule_until_a_person_syncs() -> None:
    entity = ready_entity()
    job = waiting_job(entity)
    gone = gone_worker()
    waits = []
    for _ in range(3):
        make_available(job)
        started(job, worker=gone)
        assert reap() == 1
        lease = Lease.objects.filter(pk=job.pk).first()
        waits.append((lease.available_at - timezone.now()).total_seconds() if lease else 0.0)

    entity.refresh_from_db()
    # At once, then as any failure that may pass, then not again.
    assert waits[0] <= 0
    assert 10 < waits[1] <= 30
    assert (entity.status, entity.status_reason, entity.next_run_at) == (Status.BROKEN, "worker_lost", None)

    (again,) = enqueue_sync(connection=Connection.objects.get(), actor=member("operator"), entity=entity)
    succeed(claim=started(again), result=RESULT)
    entity.refresh_from_db()
    assert entity.status == Status.ACTIVE
    assert entity.next_run_at is not None


def test_job_of_a_worker_that_stops_goes_back_at_once_and_counts_for_nothing() -> None:
    entity, job, claim = running_entity()
    Step.objects.create(job=job, number=1, attempt=1, name="extract", status=StepStatus.RUNNING)

    give_back(claim=claim)

    job.refresh_from_db()
    entity.refresh_from_db()
    lease = Lease.objects.get(pk=job.pk)
    attempt = job.attempts.get()
    assert (job.status, job.error_code, job.max_attempts) == (JobStatus.PENDING, "worker_stopping", 4)
    assert (lease.charged, lease.no_progress, lease.lost_count) == (0, 0, 0)
    assert lease.available_at <= timezone.now()
    assert (attempt.status, attempt.error_code) == (JobStatus.CANCELLED, "worker_stopping")
    assert (entity.last_error_code, entity.failure_streak, entity.recent_runs) == ("", 0, [])
    assert [one.pk for one in claim_for_dispatch(Queue.SYNC)] == [job.pk]
    assert_consistent(job)


def test_cancelled_job_of_a_worker_that_stops_is_cancelled() -> None:
    _, job, claim = running_entity()
    request_cancel(job=job, actor=member("operator"))

    give_back(claim=claim)

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "cancelled_by_user")
    assert_consistent(job)


@pytest.mark.parametrize("code", sorted(REGISTRY))
def test_every_code_can_end_an_attempt(code: str) -> None:
    _, job, claim = running_entity()

    fail(claim=claim, failure=Failure(code))

    job.refresh_from_db()
    assert job.status == (JobStatus.PENDING if REGISTRY[code].is_retryable else JobStatus.FAILED)
    assert_consistent(job)
