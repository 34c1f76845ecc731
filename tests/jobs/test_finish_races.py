"""Two that want the same job: a waiting run beside an interrupted one, and whoever comes too late."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.utils import timezone

from connectors.ids import new_id
from jobs.models import ENDED, JobStatus, Lease
from jobs.services.finish import (
    Failure,
    StaleAttempt,
    cancel,
    fail,
    succeed,
)
from jobs.services.start import Claim
from tests.factories import make_entity, make_job
from tests.jobs.chain import (
    RESULT,
    assert_consistent,
    make_available,
    ready_entity,
    rows_of,
    running_entity,
    started,
    together,
    waiting_job,
)

Ending = Callable[[Claim], None]
ENDINGS: dict[str, Ending] = {
    "succeed": lambda claim: succeed(claim=claim, result=RESULT),
    "fail": lambda claim: fail(claim=claim, failure=Failure("unreachable")),
    "fail for good": lambda claim: fail(claim=claim, failure=Failure("misconfigured")),
    "cancel": lambda claim: cancel(claim=claim),
}


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
