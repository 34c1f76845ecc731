"""Makes purges: what was loaded of a connection, or of one entity, is removed from the destination."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection, Entity, Status
from connectors.services import activity, facts
from jobs.models import Job, JobType, Lease, LeaseQuerySet, Queue, Trigger
from jobs.services.enqueue import DEFAULT_ATTEMPTS, CannotSync, new_lease, refuse_deleted
from jobs.services.publish import publish_on_commit


@transaction.atomic
def enqueue_purge(
    *, connection: Connection, actor: User | None, entity: Entity | None = None, trigger: Trigger = Trigger.USER
) -> list[Job]:
    """Make one pending purge per entity of a paused connection, selected or not, or for one, and publish on commit.

    Raises `CannotSync` when the connection is not paused, has nothing to purge, or while a sync or a purge of it lives:
    a sync would fill again what is being removed. `pausing.resume_connection` waits for the purge in turn.
    """
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    if locked.status != Status.PAUSED:
        message = f"Pause {locked.name} first: a purge removes what a sync would load again."
        raise CannotSync("not_paused", message)
    busy = live_purges(locked).first() or Lease.objects.syncs().filter(connection=locked).order_by("pk").first()
    if busy is not None:
        doing = "being purged already" if busy.type == JobType.PURGE else "still syncing"
        message = f"{locked.name} is {doing}. Nothing new was started; wait until that has ended."
        raise CannotSync("busy", message, busy.job_id)
    entities = [entity] if entity else list(locked.entities.order_by("pk"))
    if not entities or locked.destination_id is None:
        raise CannotSync("nothing_loaded", f"{locked.name} has never loaded anything. Nothing was started.")
    jobs = [_new_job(locked, one, actor, trigger, scope="entity" if entity else "connection") for one in entities]
    leases = [new_lease(job, locked) for job in jobs]
    for lease in leases:
        lease.queue, lease.is_bulk = Queue.BULK, True
    Lease.objects.bulk_create(leases)
    Job.objects.bulk_create(jobs)
    note = entity.name if entity else ""
    activity.record("connection.purge_started", actor=actor, connection=locked, note=note, job_id=jobs[0].pk)
    publish_on_commit(leases)
    return jobs


def live_purges(connection: Connection) -> LeaseQuerySet:
    """Return the purges of a connection that wait or run."""
    return Lease.objects.filter(connection=connection, type=JobType.PURGE).order_by("pk")


def _new_job(connection: Connection, entity: Entity, actor: User | None, trigger: Trigger, *, scope: str) -> Job:
    return Job(
        type=JobType.PURGE,
        trigger=trigger,
        actor=actor,
        connection=connection,
        entity=entity,
        max_attempts=DEFAULT_ATTEMPTS,
        options={"scope": scope},
    )
