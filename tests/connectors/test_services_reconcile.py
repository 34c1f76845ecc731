"""The reconciler: it finds and mends what was changed behind the services' back, and leaves the rest alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Entity, Status
from connectors.services import facts
from connectors.services import reconcile as module
from connectors.services.pause import pause
from connectors.services.reconcile import reconcile
from tests.factories import make_connection, make_entity, make_ready_connection

pytestmark = pytest.mark.django_db


def whole_connection(entities: int = 2) -> Connection:
    """A connection whose stored statuses and runs are what its facts say."""
    connection = make_ready_connection()
    for _ in range(entities):
        make_entity(connection)
    locked = facts.lock(connection.pk)
    facts.refresh(locked)
    return locked


def test_nothing_is_found_where_services_wrote() -> None:
    whole_connection()
    pause(connection=whole_connection(), reason="Later", actor=None)
    facts.refresh(make_connection())
    facts.refresh(facts.lock(make_connection(schedule_kind="manual").pk))

    assert reconcile() == []


def test_wrong_status_is_told_and_mended() -> None:
    connection = whole_connection()
    Connection.objects.filter(pk=connection.pk).update(status=Status.BROKEN, status_reason="unreachable")

    (found,) = reconcile()

    assert (found.kind, found.pk, found.name) == ("connection", connection.pk, connection.name)
    assert found.stored == ("broken", "unreachable", "planned")
    assert found.derived == ("active", "ok", "planned")
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("active", "ok")
    assert reconcile() == []


def test_wrong_entity_changes_its_connection_too() -> None:
    connection = whole_connection(1)
    connection.entities.update(last_error_code="invalid_credentials", failure_streak=1)

    found = reconcile()

    assert [(one.kind, one.derived) for one in found] == [
        ("connection", ("broken", "invalid_credentials", "not planned")),
        ("entity", ("broken", "invalid_credentials", "not planned")),
    ]
    assert reconcile() == []


def test_run_that_silently_vanished_is_planned_again() -> None:
    connection = whole_connection()
    Entity.objects.filter(pk=connection.entities.first().pk).update(next_run_at=None)  # type: ignore[union-attr]

    (found,) = reconcile()

    assert (found.kind, found.stored, found.derived) == (
        "entity", ("active", "ok", "not planned"), ("active", "ok", "planned"),
    )  # fmt: skip
    assert not connection.entities.filter(next_run_at=None).exists()


def test_run_that_may_not_be_is_taken_away() -> None:
    connection = whole_connection(1)
    pause(connection=connection, reason="Later", actor=None)
    connection.entities.update(next_run_at=timezone.now() + timedelta(hours=1))

    (found,) = reconcile()

    assert found.derived == ("paused", "paused_by_user", "not planned")
    assert connection.entities.filter(next_run_at=None).count() == 1


def test_schedule_that_cannot_be_read_hides_nobody_else() -> None:
    unreadable, other = whole_connection(1), whole_connection(1)
    Connection.objects.filter(pk=unreadable.pk).update(schedule_kind="cron", cron="often")
    Entity.objects.update(next_run_at=None)

    found = reconcile()

    assert {one.pk for one in found} == set(other.entities.values_list("pk", flat=True))


@pytest.mark.parametrize("count", [1, 4])
def test_batch_is_read_in_two_queries(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    for _ in range(count):
        whole_connection()
    monkeypatch.setattr(module, "BATCH", 10)

    # The batch, its entities, and the empty batch after it.
    with django_assert_num_queries(3):
        assert reconcile() == []


def test_goes_through_more_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 1)
    for _ in range(3):
        whole_connection()
    Connection.objects.update(status=Status.PAUSED, status_reason="paused_by_user")

    assert len(reconcile()) == 3
