"""Another schedule: planned anew for every entity at once, with the anchor where it was, and told under Activity."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import Activity, Connection
from connectors.schedules import next_slot, schedule_of
from connectors.services.pause import pause
from connectors.services.reschedule import Plan, plan_of, reschedule
from tests.conftest import member
from tests.factories import make_entity, make_ready_connection

NIGHTLY = Plan("cron", 21_600, "30 2 * * *", "Europe/Berlin")


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection of three entities that run every six hours."""
    connection = make_ready_connection(name="Harbour Shop")
    for _ in range(3):
        make_entity(connection, next_run_at=timezone.now() + timedelta(hours=5))
    return connection


def test_every_entity_is_planned_anew_and_the_anchor_stays(connection: Connection) -> None:
    anchor = connection.anchor_at

    assert reschedule(connection=connection, plan=replace(plan_of(connection), interval_seconds=900), actor=None)

    stored = Connection.objects.get(pk=connection.pk)
    entities = list(stored.entities.all())
    now = timezone.now()
    assert stored.anchor_at == anchor
    expected = [next_slot(schedule_of(stored, entity.pk, is_spread=True), now) for entity in entities]
    assert [entity.next_run_at for entity in entities] == expected
    assert stored.next_run_at == min(slot for slot in expected if slot)


def test_cron_runs_all_entities_at_its_slot_and_manual_none(connection: Connection) -> None:
    reschedule(connection=connection, plan=NIGHTLY, actor=None)
    connection.refresh_from_db()
    slot = next_slot(schedule_of(connection), timezone.now())
    assert set(connection.entities.values_list("next_run_at", flat=True)) == {slot}

    reschedule(connection=connection, plan=replace(NIGHTLY, schedule_kind="manual"), actor=None)

    connection.refresh_from_db()
    assert connection.next_run_at is None
    assert set(connection.entities.values_list("next_run_at", flat=True)) == {None}


def test_run_that_is_due_already_is_not_lost(connection: Connection) -> None:
    due = timezone.now() - timedelta(seconds=3)
    late = make_entity(connection, next_run_at=due)

    reschedule(connection=connection, plan=NIGHTLY, actor=None)

    late.refresh_from_db()
    assert late.next_run_at == due


def test_paused_connection_stays_without_a_plan(connection: Connection) -> None:
    pause(connection=connection, reason="Moving house", actor=None)

    reschedule(connection=connection, plan=NIGHTLY, actor=None)

    connection.refresh_from_db()
    assert (connection.status, connection.next_run_at, connection.cron) == ("paused", None, "30 2 * * *")


def test_change_is_recorded_with_before_and_after_and_no_change_is_not(connection: Connection) -> None:
    operator = member("operator")

    assert reschedule(connection=connection, plan=NIGHTLY, actor=operator) is True
    assert reschedule(connection=connection, plan=NIGHTLY, actor=operator) is False

    [told] = Activity.objects.filter(connection=connection)
    assert (told.action, told.actor, told.subject) == ("connection.rescheduled", operator, "Harbour Shop")
    assert told.changes == [
        {"field": "schedule_kind", "before": "interval", "after": "cron"},
        {"field": "interval_seconds", "before": 21_600, "after": None},
        {"field": "cron", "before": None, "after": "30 2 * * *"},
        {"field": "time_zone", "before": None, "after": "Europe/Berlin"},
    ]
