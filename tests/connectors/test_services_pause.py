"""Pause and resume: the schedule stops with a reason and goes on at its next slot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import Connection, Entity, Pause, Status
from connectors.schedules import next_slot, schedule_of
from connectors.services import facts
from connectors.services.pause import AlreadyPausedError, NotPausedError, pause, resume
from jobs.models import Job, JobStatus, Lease
from tests.conftest import member
from tests.factories import make_entity, make_job, make_ready_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    """A connection with two entities that are planned."""
    connection = make_ready_connection()
    planned = timezone.now() + timedelta(minutes=5)
    for _ in range(2):
        make_entity(connection, next_run_at=planned)
    Connection.objects.update(next_run_at=planned)
    return connection


def test_pause_stops_the_schedule_and_says_who_and_why(connection: Connection) -> None:
    until = timezone.now() + timedelta(days=1)

    made = pause(connection=connection, reason="Moving house", actor=member("operator"), until=until)

    connection.refresh_from_db()
    assert (made.reason, made.until, made.created_by) == ("Moving house", until, member("operator"))
    assert (connection.status, connection.status_reason) == (Status.PAUSED, "paused_by_user")
    assert connection.next_run_at is None
    assert set(Entity.objects.values_list("status", "next_run_at")) == {(Status.PAUSED, None)}


def test_pause_by_a_rule_is_told_as_such(connection: Connection) -> None:
    made = pause(connection=connection, reason="Broken for a week", actor=None)
    Pause.objects.filter(pk=made.pk).update(is_by_rule=True)
    resume(connection=connection, actor=None)
    Pause.objects.filter(pk=made.pk).update(ended_at=None)

    facts.refresh(facts.lock(connection.pk))

    assert Connection.objects.get().status_reason == "paused_by_rule"


def test_second_pause_is_refused_and_the_first_keeps_its_reason(connection: Connection) -> None:
    pause(connection=connection, reason="First", actor=None)

    with pytest.raises(AlreadyPausedError, match=r"is paused already\.$"):
        pause(connection=connection, reason="Second", actor=None)

    assert Pause.objects.get().reason == "First"
    assert Connection.objects.get().status == Status.PAUSED


def test_running_job_is_left_to_finish(connection: Connection) -> None:
    job = make_job(connection, connection.entities.first(), status=JobStatus.RUNNING)
    before = Lease.objects.values_list().get()

    pause(connection=connection, reason="Moving house", actor=None)

    assert Job.objects.get(pk=job.pk).status == JobStatus.RUNNING
    assert Lease.objects.values_list().get() == before


def test_resume_goes_on_at_the_next_slots_and_clears_nothing(connection: Connection) -> None:
    Entity.objects.update(last_rows=70, failure_streak=1, last_error_code="unreachable")
    made = pause(connection=connection, reason="Moving house", actor=None)

    resume(connection=connection, actor=member("admin"))

    made.refresh_from_db()
    connection.refresh_from_db()
    now = timezone.now()
    assert made.ended_at is not None
    assert made.ended_by == member("admin")
    assert (connection.status, connection.status_reason) == (Status.ACTIVE, "ok")
    planned = []
    for entity in connection.entities.all():
        slot = next_slot(schedule_of(connection, entity.pk, is_spread=True), now)
        assert slot is not None
        assert entity.next_run_at == slot
        planned.append(slot)
        assert (entity.last_rows, entity.failure_streak) == (70, 1)
    assert connection.next_run_at == min(planned)


def test_resume_of_what_is_not_paused_is_refused(connection: Connection) -> None:
    with pytest.raises(NotPausedError, match=r"is not paused\.$"):
        resume(connection=connection, actor=None)


def test_resume_of_a_broken_connection_is_broken_again(connection: Connection) -> None:
    Entity.objects.update(last_error_code="invalid_credentials", failure_streak=1)
    pause(connection=connection, reason="Moving house", actor=None)

    resume(connection=connection, actor=None)

    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == (Status.BROKEN, "invalid_credentials")
    # Another try could lock the account, so a resume alone makes none.
    assert connection.next_run_at is None


def test_pauses_are_kept_as_history(connection: Connection) -> None:
    for reason in ("First", "Second"):
        pause(connection=connection, reason=reason, actor=None)
        resume(connection=connection, actor=None)

    assert list(Pause.objects.order_by("created_at").values_list("reason", flat=True)) == ["First", "Second"]
    assert not Pause.objects.open().exists()
