"""What the end of a job tells its entity and its connection: streaks, runs, statuses, the next run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.ids import new_id
from connectors.models import Connection, Entity, Status
from connectors.services import review
from connectors.services.pause import pause
from jobs.services.finish import (
    RUNS_KEPT,
    Failure,
    cancel,
    fail,
    succeed,
)
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import (
    RESULT,
    assert_consistent,
    ready_entity,
    run_once,
    running_entity,
    started,
    waiting_job,
)

# Failures that another attempt does not mend.
FINAL = sorted(code for code, known in REGISTRY.items() if not known.is_retryable)


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
@pytest.mark.parametrize(("is_accepted", "status"), [(True, Status.ACTIVE), (False, Status.BROKEN)])
def test_old_sign_in_that_is_refused_does_not_hold_the_new_one(is_accepted: bool, status: Status) -> None:  # noqa: FBT001
    entity, job, claim = running_entity()
    if is_accepted:
        review.record_accepted(connection=Connection.objects.get())

    fail(claim=claim, failure=Failure("invalid_credentials"))

    entity.refresh_from_db()
    assert (entity.status, bool(entity.last_error_code)) == (status, not is_accepted)
    assert (entity.next_run_at is not None) is is_accepted
    assert [run["status"] for run in entity.recent_runs] == ["failed"]
    assert_consistent(job)


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
    # A further sign-in could lock the account, and a host key stays another one until somebody takes it; anything else
    # may have been mended by the next slot.
    is_held = REGISTRY[code].retry.kind == "auth" or code == "host_key_changed"
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
