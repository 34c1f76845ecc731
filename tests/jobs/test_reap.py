"""Reaping: the jobs of workers that are gone go on, those of live ones are left alone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from connectors.ids import new_id
from connectors.models import Entity, Status
from connectors.plan import SyncResult
from jobs.models import ENDED, Job, JobStatus, Lease
from jobs.services.cancel import request_cancel
from jobs.services.finish import Failure, StaleAttempt, fail, succeed
from jobs.services.reap import reap
from jobs.services.workers import identity
from tests.conftest import member
from tests.jobs.chain import (
    Beside,
    assert_consistent,
    make_available,
    ready_entity,
    rows_of,
    somebody_waits_for_a_lock,
    started,
    together,
    waiting_job,
)
from tests.jobs.processes import gone_worker, wait_for_line, worker
from tests.waiting import wait_until

ELSEWHERE = "other-host/0a1b2c3d-4026531836/4711-123456"


def expire(job: Job) -> None:
    """Let a lease have run out a minute ago."""
    Lease.objects.filter(pk=job.pk).update(expires_at=timezone.now() - timedelta(minutes=1))


@pytest.fixture
def server_runs_for_long(settings: Settings) -> None:
    """The test server has just started; leases of no length make that long ago."""
    settings.PATCHBAY_LEASE_SECONDS = 0


@pytest.mark.django_db(transaction=True)
def test_job_of_a_killed_worker_goes_back_at_once() -> None:
    job = waiting_job(ready_entity())
    with worker("hold", job.pk) as process:
        wait_for_line(process, "started")
        assert reap() == 0
        process.kill()
        wait_until(reap, what="the job of the killed worker being taken back")

    job.refresh_from_db()
    lease = job.lease
    assert (job.status, job.error_code, lease.lost_count) == (JobStatus.PENDING, "worker_lost", 1)
    assert f"#{process.pid} ended without finishing attempt 1" in job.error_detail
    assert lease.available_at <= timezone.now()
    assert job.attempts.get().error_code == "worker_lost"
    assert_consistent(job)


@pytest.mark.django_db
def test_third_lost_worker_ends_the_job_as_failed() -> None:
    entity = ready_entity()
    job = waiting_job(entity)
    gone = gone_worker()
    seen = []

    for _ in range(3):
        make_available(job)
        started(job, worker=gone)
        assert reap() == 1
        job.refresh_from_db()
        seen.append(job.status)

    assert seen == [JobStatus.PENDING, JobStatus.PENDING, JobStatus.FAILED]
    assert (job.error_code, job.attempt, job.attempts.count()) == ("worker_lost", 3, 3)
    entity.refresh_from_db()
    # Whatever kills workers must not do so at each slot: a person looks, and syncs by hand.
    assert (entity.status, entity.status_reason, entity.failure_streak) == (Status.BROKEN, "worker_lost", 1)
    assert entity.next_run_at is None
    assert_consistent(job)


@pytest.mark.django_db
def test_lost_worker_uses_up_none_of_the_other_attempts() -> None:
    job = waiting_job(ready_entity())
    started(job, worker=gone_worker())
    reap()

    for _ in range(5):
        make_available(job)
        fail(claim=started(job), failure=Failure("unreachable"))

    job.refresh_from_db()
    assert (job.status, job.attempt) == (JobStatus.FAILED, 6)


@pytest.mark.django_db
def test_cancelled_job_of_a_lost_worker_is_cancelled() -> None:
    job = waiting_job(ready_entity())
    started(job, worker=gone_worker())
    request_cancel(job=job, actor=member("operator"))

    assert reap() == 1

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "cancelled_by_user")
    assert_consistent(job)


@pytest.mark.django_db
def test_job_that_waits_behind_is_folded_into_the_lost_one() -> None:
    entity = ready_entity()
    job = waiting_job(entity)
    started(job, worker=gone_worker())
    behind = waiting_job(entity, slot_at=timezone.now())

    assert reap() == 1

    behind.refresh_from_db()
    job.refresh_from_db()
    assert (behind.error_code, job.missed_slots) == ("superseded", 1)
    assert_consistent(job)


@pytest.mark.django_db
def test_expired_lease_of_another_machine_is_taken_back(server_runs_for_long: None) -> None:
    job = waiting_job(ready_entity())
    started(job, worker=ELSEWHERE)
    expire(job)

    assert reap() == 1

    assert Job.objects.get().status == JobStatus.PENDING
    assert_consistent(job)


@pytest.mark.django_db
def test_lease_that_runs_is_left_alone(server_runs_for_long: None) -> None:
    job = waiting_job(ready_entity())
    started(job, worker=ELSEWHERE)
    Lease.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    before = rows_of(job)

    assert reap() == 0
    assert rows_of(job) == before


@pytest.mark.django_db
def test_live_worker_of_this_machine_keeps_its_job() -> None:
    started(waiting_job(ready_entity()), worker=identity())

    assert reap() == 0


@pytest.mark.django_db
def test_job_that_waits_is_never_reaped_however_old() -> None:
    waiting_job(ready_entity())
    Lease.objects.update(available_at=timezone.now() - timedelta(days=9))

    assert reap() == 0


@pytest.mark.django_db
def test_nothing_expires_right_after_a_restart_of_the_database(settings: Settings) -> None:
    settings.PATCHBAY_LEASE_SECONDS = 24 * 3600
    job = waiting_job(ready_entity())
    started(job, worker=ELSEWHERE)
    expire(job)

    assert reap() == 0


@pytest.mark.django_db(transaction=True)
def test_lease_that_is_renewed_between_look_and_grip_is_left_alone(server_runs_for_long: None) -> None:
    job = waiting_job(ready_entity())
    claim = started(job, worker=ELSEWHERE)
    expire(job)
    reaper = Beside(reap)

    with transaction.atomic():
        # The worker's renewal, which the reaper does not see yet when it looks.
        renewed = timezone.now() + timedelta(minutes=2)
        Lease.objects.filter(pk=job.pk, token=claim.token).update(expires_at=renewed)
        reaper.start()
        wait_until(somebody_waits_for_a_lock, what="the reaper waiting for the lease")
    reaper.join()

    assert Job.objects.get().status == JobStatus.RUNNING
    assert_consistent(job)


@pytest.mark.django_db(transaction=True)
def test_reap_and_finish_at_once_end_in_one_truth(server_runs_for_long: None) -> None:
    for _ in range(5):
        job = waiting_job(ready_entity())
        claim = started(job, worker=ELSEWHERE)
        expire(job)

        results = together(reap, partial(succeed, claim=claim, result=SyncResult(())))

        job.refresh_from_db()
        was_late = any(isinstance(one, StaleAttempt) for one in results)
        assert [one for one in results if isinstance(one, Exception) and not isinstance(one, StaleAttempt)] == []
        assert job.status == (JobStatus.PENDING if was_late else JobStatus.SUCCESS)
        assert_consistent(job)


@pytest.mark.django_db(transaction=True)
def test_reapers_at_once_take_a_job_back_once(server_runs_for_long: None) -> None:
    job = waiting_job(ready_entity())
    started(job, worker=ELSEWHERE)
    expire(job)

    results = together(*[reap] * 4)

    assert sum(one for one in results if isinstance(one, int)) == 1
    assert Lease.objects.get().lost_count == 1
    assert_consistent(job)


@pytest.mark.django_db
def test_lease_of_another_attempt_is_left_alone(server_runs_for_long: None) -> None:
    job = waiting_job(ready_entity())
    claim = started(job, worker=ELSEWHERE)
    Lease.objects.update(token=new_id())

    with pytest.raises(StaleAttempt):
        succeed(claim=claim, result=SyncResult(()))

    assert Job.objects.get().status not in ENDED
    assert Entity.objects.get().recent_runs == []
