"""One entity taken out of what its connection syncs, and back in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import Activity, Connection, Entity, Status
from jobs.models import Job, JobStatus, Lease
from jobs.services.dispatch import make_due_jobs
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.excluding import exclude_entity, include_entity
from jobs.services.finish import Failure, fail, succeed
from tests.conftest import member
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import RESULT, assert_statuses_derived, started, waiting_job


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection of two companies, both planned."""
    made = make_ready_connection(provider="sandbox_payroll")
    for name in ("Alder", "Birch"):
        make_entity(made, name=name, next_run_at=timezone.now() + timedelta(hours=1))
    return made


@pytest.fixture
def birch(connection: Connection) -> Entity:
    """The one that is taken out."""
    return connection.entities.get(name="Birch")


def _exclude(entity: Entity) -> Entity:
    exclude_entity(connection=entity.connection, entity=entity, actor=member("operator"))
    entity.refresh_from_db()
    return entity


def test_excluded_entity_has_no_next_run_and_its_waiting_sync_is_cancelled(birch: Entity) -> None:
    job = waiting_job(birch)

    _exclude(birch)

    job.refresh_from_db()
    act = Activity.objects.get()
    assert (birch.is_selected, birch.next_run_at) == (False, None)
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "excluded")
    assert not Lease.objects.exists()
    assert (act.action, act.changes) == (
        "entity.excluded",
        [{"field": "Birch", "before": "synced", "after": "excluded"}],
    )
    assert_statuses_derived(birch.connection)


def test_excluded_entity_is_never_due_and_cannot_be_asked_to_sync(connection: Connection, birch: Entity) -> None:
    _exclude(birch)
    Entity.objects.update(next_run_at=timezone.now() - timedelta(seconds=5))

    assert make_due_jobs() == 1
    with pytest.raises(CannotSync, match="Birch is excluded"):
        enqueue_sync(connection=connection, actor=None, entity=birch)
    assert [job.entity.name for job in Job.objects.all() if job.entity] == ["Alder"]


@pytest.mark.parametrize("is_success", [True, False])
def test_sync_that_runs_is_left_to_finish_but_tried_no_more(birch: Entity, *, is_success: bool) -> None:
    job = waiting_job(birch)
    claim = started(job)
    _exclude(birch)

    if is_success:
        succeed(claim=claim, result=RESULT)
    else:
        fail(claim=claim, failure=Failure("unreachable"))

    job.refresh_from_db()
    birch.refresh_from_db()
    ended = (JobStatus.SUCCESS, "") if is_success else (JobStatus.CANCELLED, "excluded")
    assert (job.status, job.error_code) == ended
    assert birch.next_run_at is None


def test_broken_entity_that_is_excluded_makes_its_connection_whole(connection: Connection) -> None:
    broken = make_entity(connection, name="Zulu", last_error_code="invalid_credentials", failure_streak=1)
    connection.entities.exclude(pk=broken.pk).update(last_error_code="invalid_credentials", failure_streak=1)
    _exclude(connection.entities.get(name="Alder"))
    connection.entities.filter(name="Birch").update(last_error_code="", failure_streak=0)

    _exclude(broken)

    connection.refresh_from_db()
    assert connection.status == Status.ACTIVE


def test_included_entity_is_planned_again(connection: Connection, birch: Entity) -> None:
    _exclude(birch)

    included = include_entity(connection=connection, entity=birch, actor=None)

    assert included.is_selected
    assert included.next_run_at is not None
    assert enqueue_sync(connection=connection, actor=None, entity=birch)


def test_last_entity_and_what_is_so_already_are_refused(connection: Connection, birch: Entity) -> None:
    alder = connection.entities.get(name="Alder")
    with pytest.raises(CannotSync, match="Birch is not excluded"):
        include_entity(connection=connection, entity=birch, actor=None)
    _exclude(birch)

    with pytest.raises(CannotSync, match="is excluded already"):
        _exclude(birch)
    with pytest.raises(CannotSync, match="Pause the connection instead"):
        _exclude(alder)
    assert connection.entities.selected().get() == alder
    assert Activity.objects.count() == 1
