"""Deletes a connection: it stops at once and loses credentials and settings; its jobs stay for the retention time."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from connectors.models import Connection, Pause
from connectors.services import activity, facts
from jobs.models import Job, Lease, LeaseState
from jobs.services.clock import database_now
from jobs.services.enqueue import CannotSync, refuse_deleted
from jobs.services.enqueue_purge import live_purges
from jobs.services.finish import end_cancelled

_EMPTIED = (
    "config", "credentials", "credentials_set_at", "tested_at", "setup_step", "description", "runbook_url",
    "deleted_at", "deleted_by",
)  # fmt: skip


@transaction.atomic
def delete_connection(*, connection: Connection, actor: User | None) -> Connection:
    """Delete a connection and return the skeleton that stays for its jobs' sake.

    Jobs that wait end as cancelled with the code `connection_deleted`, running ones are asked to stop and end the same
    way. What was loaded stays at the destination. Raises `CannotSync` when it was deleted already, and while a purge of
    it lives, which would leave half of the data behind.
    """
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    if purge := live_purges(locked).first():
        message = f"{locked.name} is being purged. Delete it when that has ended, or cancel the purge first."
        raise CannotSync("busy", message, purge.job_id)
    now = database_now()
    Pause.objects.open().filter(connection=locked).update(ended_at=now, ended_by=actor)
    locked.deleted_at, locked.deleted_by = now, actor
    locked.config, locked.credentials, locked.credentials_set_at, locked.tested_at = {}, b"", None, None
    locked.setup_step = locked.description = locked.runbook_url = ""
    locked.save(update_fields=_EMPTIED)
    locked.tags.clear()
    # Before the jobs: a tick that makes some holds the entities, and is waited for here.
    facts.refresh(locked, now=now)
    _stop_jobs(locked, actor)
    activity.record("connection.deleted", actor=actor, connection=locked)
    locked.refresh_from_db()
    return locked


def _stop_jobs(locked: Connection, actor: User | None) -> None:
    leases = list(Lease.objects.filter(connection=locked).select_for_update(of=("self",)).order_by("pk"))
    running = [lease.pk for lease in leases if lease.state == LeaseState.RUNNING]
    asked = Lease.objects.filter(pk__in=running, cancel_requested_at__isnull=True)
    asked.update(cancel_requested_at=Now(), cancel_requested_by=actor)
    waiting = [lease.job_id for lease in leases if lease.state == LeaseState.PENDING]
    for job in Job.objects.filter(pk__in=waiting).select_related("connection", "entity").order_by("pk"):
        end_cancelled(job, "connection_deleted")
