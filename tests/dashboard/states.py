"""The states that an action meets, and how a connection comes into each while somebody looks at an older page."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from connectors.models import Activity, Connection, Status
from connectors.services import facts
from jobs.models import Job, JobStatus
from jobs.services.deleting import delete_connection
from jobs.services.pausing import pause_connection, resume_connection
from tests.conftest import member
from tests.factories import make_job

STATES = ("paused", "running", "incomplete", "deleted")


def bring_into(state: str, connection: Connection) -> None:
    """Do what somebody else does meanwhile. It has one entity."""
    connection.refresh_from_db()
    if connection.status == Status.PAUSED and state != "paused":
        resume_connection(connection=connection, actor=None)
    elif connection.status != Status.PAUSED and state == "paused":
        pause_connection(connection=connection, reason="Holiday", actor=None)
    if state == "running":
        make_job(connection, connection.entities.get(), status=JobStatus.RUNNING)
    if state == "incomplete":
        Connection.objects.filter(pk=connection.pk).update(credentials=b"", credentials_set_at=None)
        with transaction.atomic():
            facts.refresh(Connection.objects.get(pk=connection.pk))
    if state == "deleted":
        delete_connection(connection=connection, actor=member("admin"))


def everything() -> list[Any]:
    """All that an action could have changed."""
    jobs = list(Job.objects.order_by("pk").values_list("pk", "status"))
    acts = list(Activity.objects.order_by("pk").values_list("pk"))
    return [jobs, acts, list(Connection.everything.order_by("pk").values_list())]
