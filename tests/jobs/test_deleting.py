"""Deleting a connection: what goes, what stays, and what becomes of its jobs."""

from __future__ import annotations

import pytest

from connectors.models import Activity, Connection, Entity, Pause, Status
from connectors.services.connect import take_up
from connectors.services.reconcile import reconcile
from jobs.models import Job, JobStatus, Lease
from jobs.services.deleting import delete_connection
from jobs.services.dispatch import make_due_jobs
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.enqueue_purge import enqueue_purge
from jobs.services.enqueue_resync import enqueue_resync
from jobs.services.enqueue_test import enqueue_test
from jobs.services.finish import Failure, cancel, fail, give_back, succeed
from jobs.services.pausing import end_pauses, pause_connection, resume_connection
from jobs.services.self_test import self_test
from jobs.services.start import Claim
from jobs.services.watchdog import overdue, vitals
from jobs.services.why import situation_at
from tests.conftest import member
from tests.factories import make_job
from tests.jobs.chain import RESULT, assert_consistent, make_due, ready_entity, running_entity, together, waiting_job

pytestmark = pytest.mark.django_db(transaction=True)


def delete(connection: Connection) -> Connection:
    return delete_connection(connection=connection, actor=member("admin"))


def test_delete_leaves_a_skeleton_without_settings_that_nothing_plans() -> None:
    entity = ready_entity(description="Ask Ines", setup_step="")
    pause_connection(connection=entity.connection, reason="Moving", actor=None)

    gone = delete(entity.connection)

    assert not Connection.objects.exists()
    assert (gone.config, bytes(gone.credentials), gone.description, gone.tested_at) == ({}, b"", "", None)
    assert (gone.status, gone.status_reason, gone.deleted_by) == (Status.PAUSED, "deleted", member("admin"))
    assert not Pause.objects.open().exists()
    assert set(Entity.objects.values_list("status_reason", "next_run_at")) == {("deleted", None)}
    told = Activity.objects.latest("id")
    assert (told.action, told.actor, told.subject) == ("connection.deleted", member("admin"), gone.name)


def test_name_is_free_again_and_the_place_of_the_data_is_not() -> None:
    entity = ready_entity(name="Shop")
    delete(entity.connection)

    again = ready_entity(name="Shop").connection

    assert again.name == entity.connection.name
    assert Connection.everything.filter(name="Shop").count() == 2


def test_what_waits_is_cancelled_and_what_runs_is_asked_to_stop() -> None:
    entity, running, _ = running_entity()
    waiting = waiting_job(ready_entity_of(entity.connection))
    question = enqueue_test(connection=entity.connection, actor=None)

    delete(entity.connection)

    for job in (waiting, question):
        job.refresh_from_db()
        assert (job.status, job.error_code) == (JobStatus.CANCELLED, "connection_deleted")
        assert_skeleton(job)
    lease = Lease.objects.get()
    assert (lease.pk, lease.cancel_requested_by) == (running.pk, member("admin"))


def ready_entity_of(connection: Connection) -> Entity:
    return Entity.objects.create(connection=connection, ref="second", name="Second", dataset="second")


def assert_skeleton(job: Job) -> None:
    """The job is over, and nothing of its connection was woken by its end."""
    job.refresh_from_db()
    assert job.is_over
    assert not Lease.objects.filter(pk=job.pk).exists()
    gone = Connection.everything.get(pk=job.connection_id)
    assert (gone.status, gone.status_reason, gone.next_run_at) == (Status.PAUSED, "deleted", None)
    assert not Entity.objects.filter(connection=gone, next_run_at__isnull=False).exists()


@pytest.mark.parametrize("ending", ["cancelled", "failed", "given back", "done"])
def test_worker_that_had_the_job_ends_it_properly(ending: str) -> None:
    entity, job, claim = running_entity()
    delete(entity.connection)

    end(claim, ending)

    assert_skeleton(job)
    code = Job.objects.get(pk=job.pk).error_code
    assert code == ("" if ending == "done" else "connection_deleted")


def end(claim: Claim, ending: str) -> None:
    if ending == "done":
        succeed(claim=claim, result=RESULT)
    elif ending == "failed":
        fail(claim=claim, failure=Failure("unreachable"))
    else:
        {"cancelled": cancel, "given back": give_back}[ending](claim=claim)


def test_nothing_can_be_started_or_changed_afterwards() -> None:
    entity = ready_entity()
    connection = entity.connection
    delete(connection)
    attempts = (
        lambda: enqueue_sync(connection=connection, actor=None),
        lambda: enqueue_resync(connection=connection, actor=None),
        lambda: enqueue_test(connection=connection, actor=None),
        lambda: enqueue_purge(connection=connection, actor=None),
        lambda: pause_connection(connection=connection, reason="No", actor=None),
        lambda: resume_connection(connection=connection, actor=None),
        lambda: delete(connection),
    )

    for attempt in attempts:
        with pytest.raises(CannotSync, match="was deleted") as caught:
            attempt()
        assert caught.value.reason == "deleted"
    take_up(connection=connection, entities=[], tables=[])
    assert not Lease.objects.exists()
    assert Connection.everything.get().tested_at is None


def test_delete_is_refused_while_a_purge_removes_the_data() -> None:
    entity = ready_entity()
    pause_connection(connection=entity.connection, reason="Moving", actor=None)
    (purge,) = enqueue_purge(connection=entity.connection, actor=None)

    with pytest.raises(CannotSync, match="is being purged") as caught:
        delete(entity.connection)

    assert caught.value.job_id == purge.pk
    assert Connection.objects.get().deleted_at is None


def test_no_tick_test_pause_or_watchdog_knows_it_any_more() -> None:
    entity = ready_entity()
    pause_connection(connection=entity.connection, reason="Moving", actor=None)
    delete(entity.connection)

    assert [make_due_jobs(), self_test(), end_pauses()] == [0, 0, 0]
    assert reconcile() == []
    assert vitals().overdue == 0
    assert overdue(situation_at(entity.connection.created_at)) == []


def test_delete_and_a_tick_leave_no_sync_behind() -> None:
    for _ in range(5):
        entity = ready_entity()
        make_due(entity)

        together(lambda entity=entity: delete(entity.connection), make_due_jobs)  # type: ignore[misc]

        assert not Lease.objects.filter(connection=entity.connection).exists()


def test_two_who_delete_at_once_are_told_apart() -> None:
    entity = ready_entity()

    results = together(*[lambda: delete(entity.connection)] * 2)

    assert sorted(type(one).__name__ for one in results) == ["CannotSync", "Connection"]
    assert Activity.objects.filter(action="connection.deleted").count() == 1


def test_its_jobs_keep_their_history() -> None:
    entity = ready_entity()
    job = make_job(entity.connection, entity)
    delete(entity.connection)

    assert Job.objects.for_page().get(pk=job.pk).connection.deleted_at is not None
    assert_consistent(job)
