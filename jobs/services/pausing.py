"""Pauses a connection together with its jobs, sets it going again, and ends the pauses whose time has passed."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from connectors.models import Connection, Pause
from connectors.services import activity, facts
from connectors.services.pause import NotPausedError, pause, resume
from jobs.models import Job, JobType, Lease, LeaseState
from jobs.services.clock import database_now
from jobs.services.enqueue import CannotSync, refuse_deleted
from jobs.services.finish import end_cancelled

log = structlog.get_logger(__name__)

BATCH = 200


@transaction.atomic
def pause_connection(
    *,
    connection: Connection,
    reason: str,
    actor: User | None,
    until: datetime | None = None,
    cancels_running: bool = False,
) -> Pause:
    """Stop a connection's schedule and end its waiting syncs as cancelled, with the code `paused`.

    A sync that runs is left to finish, or asked to stop with `cancels_running`; it gets no further attempt either way.
    Tests and discoveries go on. Raises `AlreadyPausedError`, or `CannotSync` for a connection that was deleted.
    """
    refuse_deleted(facts.lock(connection.pk))
    made = pause(connection=connection, reason=reason, actor=actor, until=until)
    # Locked all at once: a worker that is about to take one waits, and finds it gone or finds it its own.
    syncs = Lease.objects.syncs().filter(connection=connection)
    leases = list(syncs.select_for_update(of=("self",)).order_by("pk"))
    waiting = [lease.job_id for lease in leases if lease.state == LeaseState.PENDING]
    for job in Job.objects.filter(pk__in=waiting).select_related("connection", "entity").order_by("pk"):
        end_cancelled(job, "paused")
    if cancels_running:
        running = [lease.pk for lease in leases if lease.state == LeaseState.RUNNING]
        asked = Lease.objects.filter(pk__in=running, cancel_requested_at__isnull=True)
        asked.update(cancel_requested_at=Now(), cancel_requested_by=actor)
    ends = activity.differences({}, {"until": until.isoformat()}) if until else ()
    activity.record("connection.paused", actor=actor, connection=connection, changes=ends, note=reason)
    return made


@transaction.atomic
def resume_connection(*, connection: Connection, actor: User | None) -> Connection:
    """End a connection's pause and return it with its next run planned; nothing that was loaded is cleared.

    Raises `NotPausedError`, or `CannotSync` while a purge lives, since a sync would load what it removes, and for a
    connection that was deleted.
    """
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    purge = Lease.objects.filter(connection=locked, type=JobType.PURGE).order_by("pk").first()
    if purge is not None:
        message = f"{locked.name} is being purged. Resume it when that has ended."
        raise CannotSync("busy", message, purge.job_id)
    resume(connection=locked, actor=actor)
    activity.record("connection.resumed", actor=actor, connection=locked)
    locked.refresh_from_db()
    return locked


def end_pauses() -> int:
    """Resume the connections whose pause was to last until now at most. Returns how many."""
    due = Pause.objects.open().filter(until__lte=database_now()).order_by("until")
    ended = 0
    for one in due.select_related("connection")[:BATCH]:
        try:
            resume_connection(connection=one.connection, actor=None)
        except NotPausedError:
            continue  # a person was faster
        except CannotSync as refusal:
            log.info("A pause is over and has to wait", connection=str(one.connection_id), reason=str(refusal))
            continue
        ended += 1
    return ended
