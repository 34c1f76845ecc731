"""Syncs that wait for files: held while some are awaited, set going when a set is whole.

Such a job has a lease like any other, available in a time that never comes; a delivery makes it available now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from connectors.models import FAR_AHEAD, Connection, Entity, Status
from connectors.services import facts
from connectors.services.uploads import ready_entities
from jobs.models import Job, Lease, LeaseState, Trigger
from jobs.services.enqueue import new_lease, new_sync
from jobs.services.publish import publish_on_commit

AWAITING = "awaiting_upload"


def held_until(entities: Iterable[Entity]) -> dict[UUID | None, datetime]:
    """Return until when the syncs of those entities are held whose files are not all there. One query, or none.

    Their connections are loaded.
    """
    assisted = [one.pk for one in entities if facts.is_assisted(one.connection.provider)]
    ready = ready_entities(assisted) if assisted else set()
    return {pk: FAR_AHEAD for pk in assisted if pk not in ready}


def is_held(lease: Lease) -> bool:
    """Whether a pending lease waits for files. Its job is loaded."""
    is_waiting = lease.state == LeaseState.PENDING
    return is_waiting and (lease.available_at >= FAR_AHEAD or lease.job.error_code == AWAITING)


@transaction.atomic
def sync_delivered(
    *, connection: Connection, entity_ids: Collection[UUID], trigger: Trigger, actor: User | None = None
) -> list[Job]:
    """Set the syncs of those entities going of which a whole set of files is there now, and return their jobs.

    One that was held goes on in place of a new one. Behind one that runs another one waits. Nothing starts while the
    connection is paused or incomplete, or where a sync waits for a worker already.
    """
    locked = facts.lock(connection.pk)
    if locked.deleted_at is not None or locked.status in {Status.PAUSED, Status.INCOMPLETE}:
        return []
    ready = ready_entities(entity_ids)
    entities = {one.pk: one for one in facts.lock_entities(locked) if one.pk in ready}
    waiting = {
        lease.entity_id: lease
        for lease in Lease.objects.syncs().pending().filter(entity__in=entities).select_related("job")
    }
    held = [lease for lease in waiting.values() if is_held(lease)]
    ids = [lease.pk for lease in held]
    Lease.objects.pending().filter(pk__in=ids).update(available_at=Now(), dispatched_at=None, dispatch_count=0)
    Job.objects.filter(pk__in=ids).update(next_attempt_at=None)
    jobs = [new_sync(locked, one, trigger=trigger, actor=actor) for pk, one in entities.items() if pk not in waiting]
    leases = Lease.objects.bulk_create([new_lease(job, locked) for job in jobs])
    Job.objects.bulk_create(jobs)
    publish_on_commit([*held, *leases])
    return [*Job.objects.filter(pk__in=ids), *jobs]
