"""Start: one conditional update that one worker wins, and what another job holds is left to it."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from importlib.metadata import version

import pytest
from django.db.models import F
from django.utils import timezone

from connectors.ids import new_id
from connectors.plan import SyncResult
from connectors.versions import versions_of
from jobs.models import ENDED, Attempt, Job, JobStatus, Lease, LeaseState
from jobs.services.finish import Failure, fail, succeed
from jobs.services.start import Claim, start
from tests.conftest import member
from tests.factories import make_destination, make_entity, make_job, make_ready_connection
from tests.jobs.chain import assert_consistent, make_available, ready_entity, rows_of, started, together, waiting_job


@pytest.mark.django_db
def test_start_takes_a_waiting_job_and_records_the_attempt() -> None:
    job = waiting_job(ready_entity())

    claim = started(job, worker="here/1-1/5-5")

    job.refresh_from_db()
    lease = job.lease
    attempt = job.attempts.get()
    assert (claim.job_id, claim.attempt, claim.worker) == (job.pk, 1, "here/1-1/5-5")
    assert (job.status, job.attempt, job.worker) == (JobStatus.RUNNING, 1, "here/1-1/5-5")
    assert (lease.state, lease.token, lease.attempt) == (LeaseState.RUNNING, claim.token, 1)
    assert lease.expires_at is not None
    assert timedelta(seconds=110) < lease.expires_at - timezone.now() < timedelta(seconds=125)
    assert (attempt.number, attempt.token, attempt.status) == (1, claim.token, JobStatus.RUNNING)
    assert_consistent(job)


@pytest.mark.django_db
def test_attempt_records_what_it_runs_with_and_no_credential() -> None:
    job = waiting_job(ready_entity())

    started(job)

    told = job.attempts.get().ran_with
    set_at = job.connection.credentials_set_at
    assert set_at is not None
    assert told == {**versions_of("postgres"), "source_credentials": set_at.isoformat()}
    assert told["dlt"] == version("dlt")
    assert re.fullmatch(r"postgres 1\.0\.0 \([0-9a-f]{8}\)", told["provider"])


@pytest.mark.parametrize("status", JobStatus.values)
@pytest.mark.django_db
def test_only_a_pending_job_can_be_started(status: str) -> None:
    entity = ready_entity()
    job = make_job(entity.connection, entity, status=status)
    before = rows_of(job)

    claim = start(job_id=job.pk, worker="w")

    assert (claim is not None) == (status == JobStatus.PENDING)
    if status != JobStatus.PENDING:
        assert rows_of(job) == before


@pytest.mark.django_db
def test_message_that_names_no_job_does_nothing() -> None:
    assert start(job_id=new_id(), worker="w") is None


@pytest.mark.django_db
def test_job_that_waits_for_later_is_not_started() -> None:
    job = waiting_job(ready_entity())
    Lease.objects.update(available_at=timezone.now() + timedelta(seconds=30))

    assert start(job_id=job.pk, worker="w") is None


@pytest.mark.django_db
def test_job_that_a_person_cancels_is_not_started() -> None:
    job = waiting_job(ready_entity())
    Lease.objects.update(cancel_requested_at=timezone.now(), cancel_requested_by=member("operator"))

    assert start(job_id=job.pk, worker="w") is None


@pytest.mark.django_db(transaction=True)
def test_of_ten_starts_at_once_one_wins() -> None:
    job = waiting_job(ready_entity())

    results = together(*[partial(start, job_id=job.pk, worker=f"w{number}") for number in range(10)])

    (claim,) = results
    assert isinstance(claim, Claim)
    assert Attempt.objects.get().worker == claim.worker
    assert_consistent(job)


@pytest.mark.django_db
def test_second_sync_of_an_entity_is_put_back_until_the_first_ends() -> None:
    entity = ready_entity()
    first = started(waiting_job(entity))
    second = waiting_job(entity)
    Lease.objects.filter(pk=second.pk).update(dispatched_at=timezone.now(), dispatch_count=3)

    assert start(job_id=second.pk, worker="w") is None

    lease = Lease.objects.get(pk=second.pk)
    assert (lease.state, lease.dispatched_at, lease.dispatch_count) == (LeaseState.PENDING, None, 0)
    assert lease.available_at > timezone.now()
    assert not second.attempts.exists()
    assert Job.objects.get(pk=second.pk).status == JobStatus.PENDING

    succeed(claim=first, result=SyncResult(()))
    make_available(second)
    assert start(job_id=second.pk, worker="w") is not None


@pytest.mark.django_db
def test_second_writer_of_a_destination_with_one_writer_is_put_back() -> None:
    lake = make_ready_connection(destination=make_destination(kind="duckdb"))
    jobs = [waiting_job(make_entity(lake)) for _ in range(2)]
    Lease.objects.update(exclusive_key=lake.destination_id)
    started(jobs[0])

    assert start(job_id=jobs[1].pk, worker="w") is None

    assert Lease.objects.get(pk=jobs[1].pk).state == LeaseState.PENDING


@pytest.mark.django_db(transaction=True)
def test_of_two_syncs_of_one_destination_at_once_one_starts() -> None:
    lake = make_ready_connection(destination=make_destination(kind="duckdb"))
    jobs = [waiting_job(make_entity(lake)) for _ in range(4)]
    Lease.objects.update(exclusive_key=lake.destination_id)

    results = together(*[partial(start, job_id=job.pk, worker="w") for job in jobs])

    assert [type(result) for result in results] == [Claim]
    assert Lease.objects.running().count() == 1
    assert set(Lease.objects.pending().values_list("dispatched_at", flat=True)) == {None}


@pytest.mark.django_db
def test_second_attempt_counts_on_and_keeps_the_first_start() -> None:
    job = waiting_job(ready_entity())
    fail(claim=started(job), failure=Failure("unreachable"))
    first = Job.objects.get(pk=job.pk)
    make_available(job)

    claim = started(job)

    job.refresh_from_db()
    assert (claim.attempt, job.attempt, job.status) == (2, 2, JobStatus.RUNNING)
    assert (job.started_at, job.next_attempt_at) == (first.started_at, None)
    assert list(job.attempts.order_by("number").values_list("number", "status")) == [
        (1, JobStatus.FAILED),
        (2, JobStatus.RUNNING),
    ]


@pytest.mark.django_db
def test_lease_that_is_gone_while_the_message_was_on_its_way_starts_nothing() -> None:
    job = waiting_job(ready_entity())
    Lease.objects.all().delete()
    Job.objects.update(status=JobStatus.CANCELLED, ended_at=F("created_at"))

    assert start(job_id=job.pk, worker="w") is None
    assert Job.objects.get().status in ENDED
