"""Cancel: a waiting job ends at once, a running one when its worker hears of it, an ended one not at all."""

from __future__ import annotations

from functools import partial

import pytest

from connectors.plan import SyncResult
from jobs.models import ENDED, Job, JobStatus, Lease
from jobs.services.cancel import CannotCancel, request_cancel
from jobs.services.dispatch import make_due_jobs
from jobs.services.finish import Failure, cancel, fail, succeed
from jobs.services.start import Claim, start
from tests.conftest import member
from tests.factories import make_job
from tests.jobs.chain import assert_consistent, make_available, make_due, ready_entity, started, together, waiting_job


@pytest.mark.parametrize("status", JobStatus.values)
@pytest.mark.django_db
def test_cancel_in_every_status(status: str) -> None:
    entity = ready_entity()
    job = make_job(entity.connection, entity, status=status)

    if status in ENDED:
        with pytest.raises(CannotCancel, match=r"^This job has ended already, .*\.$"):
            request_cancel(job=job, actor=member("operator"))
    else:
        request_cancel(job=job, actor=member("operator"))

    after = {JobStatus.PENDING: JobStatus.CANCELLED}
    assert Job.objects.get(pk=job.pk).status == after.get(JobStatus(status), status)


@pytest.mark.django_db
def test_waiting_job_ends_at_once_and_frees_its_entity() -> None:
    job = waiting_job(ready_entity())

    request_cancel(job=job, actor=member("operator"))

    job.refresh_from_db()
    assert (job.status, job.error_code, job.ended_at is None) == (JobStatus.CANCELLED, "cancelled_by_user", False)
    assert not Lease.objects.exists()
    assert_consistent(job)


@pytest.mark.django_db
def test_running_job_that_was_cancelled_keeps_what_it_had_read() -> None:
    job = waiting_job(ready_entity())
    claim = started(job)
    Job.objects.filter(pk=job.pk).update(tables=[{"name": "orders", "mode": "merge", "estimated": 60}])
    Lease.objects.filter(pk=job.pk).update(progress={"tables": {"orders": [42, 7]}})
    request_cancel(job=job, actor=member("operator"))

    cancel(claim=claim)

    job.refresh_from_db()
    assert (job.status, job.rows_extracted, job.rows_loaded) == (JobStatus.CANCELLED, 42, 0)
    assert job.tables == [{"name": "orders", "mode": "merge", "estimated": 60, "extracted": 42}]


@pytest.mark.django_db
def test_job_between_two_attempts_ends_at_once() -> None:
    job = waiting_job(ready_entity())
    fail(claim=started(job), failure=Failure("unreachable", detail="Nobody answers."))

    request_cancel(job=job, actor=member("operator"))

    job.refresh_from_db()
    assert (job.status, job.next_attempt_at, job.error_detail) == (JobStatus.CANCELLED, None, "")
    assert job.attempts.get().status == JobStatus.FAILED
    assert_consistent(job)


@pytest.mark.django_db
def test_running_job_is_asked_and_ends_when_its_work_has_stopped() -> None:
    job = waiting_job(ready_entity())
    claim = started(job)

    request_cancel(job=job, actor=member("operator"))

    lease = Lease.objects.get()
    assert lease.cancel_requested_at is not None
    assert lease.cancel_requested_by == member("operator")
    assert Job.objects.get().status == JobStatus.RUNNING

    cancel(claim=claim)
    assert Job.objects.get().status == JobStatus.CANCELLED
    assert job.attempts.get().status == JobStatus.CANCELLED
    assert_consistent(job)


@pytest.mark.django_db
def test_second_ask_changes_nothing() -> None:
    job = waiting_job(ready_entity())
    started(job)
    request_cancel(job=job, actor=member("operator"))
    before = Lease.objects.values_list().get()

    request_cancel(job=job, actor=member("admin"))

    assert Lease.objects.values_list().get() == before


@pytest.mark.django_db
def test_work_that_was_done_before_it_heard_of_the_cancel_is_a_success() -> None:
    job = waiting_job(ready_entity())
    claim = started(job)
    request_cancel(job=job, actor=member("operator"))

    succeed(claim=claim, result=SyncResult(()))

    assert Job.objects.get().status == JobStatus.SUCCESS
    assert_consistent(job)


@pytest.mark.django_db
def test_attempt_that_fails_after_the_ask_is_cancelled_and_not_tried_again() -> None:
    job = waiting_job(ready_entity())
    claim = started(job)
    request_cancel(job=job, actor=member("operator"))

    fail(claim=claim, failure=Failure("unreachable"))

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "cancelled_by_user")
    assert job.attempts.get().error_code == "unreachable"
    assert_consistent(job)


@pytest.mark.django_db
def test_failure_that_needs_a_person_is_told_although_it_was_to_be_cancelled() -> None:
    job = waiting_job(ready_entity())
    claim = started(job)
    request_cancel(job=job, actor=member("operator"))

    fail(claim=claim, failure=Failure("invalid_credentials"))

    assert Job.objects.get().status == JobStatus.FAILED
    assert_consistent(job)


@pytest.mark.django_db(transaction=True)
def test_cancel_and_start_at_once_end_in_one_truth() -> None:
    actor = member("operator")
    for _ in range(5):
        job = waiting_job(ready_entity())

        results = together(
            partial(request_cancel, job=job, actor=actor), partial(start, job_id=job.pk, worker="elsewhere/1-1/7-7")
        )

        assert [one for one in results if isinstance(one, Exception)] == []
        is_running = any(isinstance(one, Claim) for one in results)
        job.refresh_from_db()
        assert job.status == (JobStatus.RUNNING if is_running else JobStatus.CANCELLED)
        assert Lease.objects.filter(pk=job.pk, cancel_requested_at__isnull=False).exists() == is_running
        assert_consistent(job)


@pytest.mark.django_db(transaction=True)
def test_cancel_and_success_at_once_end_in_one_truth() -> None:
    actor = member("operator")
    for _ in range(5):
        job = waiting_job(ready_entity())
        claim = started(job)

        results = together(
            partial(request_cancel, job=job, actor=actor), partial(succeed, claim=claim, result=SyncResult(()))
        )

        assert [one for one in results if isinstance(one, Exception) and not isinstance(one, CannotCancel)] == []
        assert Job.objects.get(pk=job.pk).status == JobStatus.SUCCESS
        assert_consistent(job)


@pytest.mark.django_db(transaction=True)
def test_cancel_and_tick_at_once_do_not_lock_each_other_out() -> None:
    actor = member("operator")
    for _ in range(6):
        job = waiting_job(ready_entity())
        assert job.entity is not None
        make_due(job.entity)

        results = together(partial(request_cancel, job=job, actor=actor), make_due_jobs)

        assert [one for one in results if isinstance(one, Exception)] == []
        assert Job.objects.get(pk=job.pk).status == JobStatus.CANCELLED
        Lease.objects.all().delete()


@pytest.mark.django_db
def test_entity_can_sync_again_after_a_cancel() -> None:
    job = waiting_job(ready_entity())
    assert job.entity is not None
    request_cancel(job=job, actor=member("operator"))

    again = waiting_job(job.entity)
    make_available(again)

    assert start(job_id=again.pk, worker="w") is not None
