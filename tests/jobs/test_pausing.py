"""Pause and resume together with jobs, pauses that end by themselves, and tests that start by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from connectors.models import Connection, Entity, Pause, Status
from jobs.models import Job, JobStatus, JobType, Lease, Trigger
from jobs.services.dispatch import make_due_jobs
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.enqueue_purge import enqueue_purge
from jobs.services.enqueue_resync import enqueue_resync
from jobs.services.enqueue_test import enqueue_test
from jobs.services.finish import Failure, fail, succeed
from jobs.services.pausing import end_pauses, pause_connection, resume_connection
from jobs.services.self_test import self_test
from tests.conftest import member
from tests.factories import make_entity, make_job
from tests.jobs.chain import (
    RESULT,
    assert_consistent,
    make_due,
    ready_entity,
    running_entity,
    started,
    together,
    waiting_job,
)

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(hours=25)


def pause(connection: Connection, **values: object) -> Pause:
    return pause_connection(connection=connection, reason="Moving", actor=member("operator"), **values)  # type: ignore[arg-type]


def test_pause_ends_what_waits_and_lets_finish_what_runs() -> None:
    entity, running, claim = running_entity()
    other = make_entity(entity.connection)
    waiting = waiting_job(other)

    pause(entity.connection)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (JobStatus.CANCELLED, "paused")
    assert Lease.objects.get().cancel_requested_at is None
    succeed(claim=claim, result=RESULT)
    for job in (waiting, running):
        assert_consistent(job)
    entity.refresh_from_db()
    assert (entity.status, entity.next_run_at) == (Status.PAUSED, None)


def test_pause_cancels_what_runs_when_asked() -> None:
    entity, running, _ = running_entity()

    pause(entity.connection, cancels_running=True)

    lease = Lease.objects.get(pk=running.pk)
    assert lease.cancel_requested_by == member("operator")
    assert lease.cancel_requested_at is not None


def test_pause_leaves_a_test_alone() -> None:
    entity = ready_entity()
    job = enqueue_test(connection=entity.connection, actor=None)

    pause(entity.connection)

    assert Job.objects.get(pk=job.pk).status == JobStatus.PENDING


def test_failed_attempt_of_a_paused_connection_waits_for_no_other() -> None:
    entity, job, claim = running_entity()
    pause(entity.connection)

    fail(claim=claim, failure=Failure("unreachable"))

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "paused")
    assert job.attempts.get().error_code == "unreachable"
    assert_consistent(job)


def test_pause_and_a_worker_that_takes_the_job_leave_one_truth() -> None:
    for _ in range(5):
        entity = ready_entity()
        job = waiting_job(entity)

        together(lambda entity=entity: pause(entity.connection), lambda job=job: started(job))  # type: ignore[misc]

        job.refresh_from_db()
        assert job.status in {JobStatus.RUNNING, JobStatus.CANCELLED}
        assert_consistent(job)


def test_pause_and_a_tick_leave_no_sync_behind() -> None:
    for _ in range(5):
        entity = ready_entity()
        make_due(entity)

        together(lambda entity=entity: pause(entity.connection), make_due_jobs)  # type: ignore[misc]

        assert not Lease.objects.filter(connection=entity.connection).exists()


def test_resume_plans_the_next_run_and_clears_nothing() -> None:
    entity = ready_entity()
    Entity.objects.update(last_rows=70)
    pause(entity.connection)

    resumed = resume_connection(connection=entity.connection, actor=member("operator"))

    assert (resumed.status, resumed.next_run_at is None) == (Status.ACTIVE, False)
    assert Entity.objects.get().last_rows == 70


def test_pause_that_is_over_ends_by_itself_and_others_stay() -> None:
    over, later, endless = (ready_entity().connection for _ in range(3))
    pause(over, until=timezone.now() + timedelta(hours=1))
    pause(later, until=timezone.now() + timedelta(hours=1))
    pause(endless)
    Pause.objects.filter(connection=over).update(until=timezone.now() - timedelta(seconds=1))

    assert [end_pauses(), end_pauses()] == [1, 0]

    assert set(Pause.objects.open().values_list("connection", flat=True)) == {later.pk, endless.pk}
    assert Connection.objects.get(pk=over.pk).status == Status.ACTIVE


def test_pause_does_not_end_under_a_purge() -> None:
    entity = ready_entity()
    pause(entity.connection, until=timezone.now() + timedelta(hours=1))
    enqueue_purge(connection=entity.connection, actor=member("admin"))
    Pause.objects.update(until=timezone.now() - timedelta(seconds=1))

    assert end_pauses() == 0

    assert Pause.objects.open().exists()


def test_purge_is_refused_while_a_sync_still_runs() -> None:
    entity, running, _ = running_entity()
    pause(entity.connection)

    with pytest.raises(CannotSync, match="still syncing") as caught:
        enqueue_purge(connection=entity.connection, actor=member("admin"))

    assert caught.value.job_id == running.pk


def test_resync_that_waits_behind_a_sync_survives_its_failure() -> None:
    entity, running, claim = running_entity()
    (resync,) = enqueue_resync(connection=entity.connection, actor=None)

    fail(claim=claim, failure=Failure("unreachable"))

    running.refresh_from_db()
    assert (running.status, running.error_code) == (JobStatus.CANCELLED, "superseded")
    assert Job.objects.get(pk=resync.pk).status == JobStatus.PENDING
    for job in (running, resync):
        assert_consistent(job)


def test_connection_that_was_silent_for_a_day_is_tested_once() -> None:
    entity = ready_entity()
    Connection.objects.update(tested_at=timezone.now() - LONG_AGO, last_success_at=timezone.now() - LONG_AGO)

    assert [self_test(), self_test()] == [1, 0]

    job = Job.objects.get()
    assert (job.type, job.trigger, job.connection) == (JobType.TEST_CONNECTION, Trigger.SYSTEM, entity.connection)
    claim = started(job)
    fail(claim=claim, failure=Failure("unreachable"))
    assert Job.objects.get().status == JobStatus.FAILED
    assert self_test() == 0


def test_connections_that_are_not_tested_by_themselves(settings: Settings) -> None:
    fresh, stopped, refused, busy, off = (ready_entity() for _ in range(5))
    others = Connection.objects.exclude(pk=fresh.connection_id)
    others.update(tested_at=timezone.now() - LONG_AGO, last_success_at=None)
    pause(stopped.connection)
    Connection.objects.filter(pk=refused.connection_id).update(
        status=Status.BROKEN, status_reason="invalid_credentials"
    )
    enqueue_sync(connection=busy.connection, actor=None)

    assert self_test() == 1
    assert Job.objects.get(type=JobType.TEST_CONNECTION).connection == off.connection

    settings.PATCHBAY_SELF_TEST_HOURS = 0
    Job.objects.filter(type=JobType.TEST_CONNECTION).delete()
    assert self_test() == 0


def test_history_shows_no_test_as_a_run() -> None:
    entity = ready_entity()
    make_job(entity.connection, entity)
    job = enqueue_test(connection=entity.connection, actor=None)

    succeed(claim=started(job), result=RESULT)

    connection = Connection.objects.get()
    assert (connection.recent_runs, connection.last_success_at) == ([], None)
