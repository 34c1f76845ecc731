"""The nightly task that reconciles: it says in its pulse how much it mended."""

from __future__ import annotations

import pytest

from connectors.models import Connection, Status
from connectors.services import facts
from jobs.models import Pulse
from jobs.tasks import reconcile
from tests.factories import make_ready_connection


@pytest.mark.django_db
def test_task_mends_and_tells_how_many() -> None:
    connection = make_ready_connection()
    facts.refresh(facts.lock(connection.pk))
    Connection.objects.update(status=Status.BROKEN, status_reason="unreachable")

    reconcile()

    assert Pulse.objects.get(name="reconcile").detail == {"mended": 1}
    assert Connection.objects.get().status == Status.ACTIVE
    reconcile()
    assert Pulse.objects.get(name="reconcile").detail == {"mended": 0}
