"""Makes jobs: for a person's click, and for a slot that is due. A live job of an entity is never doubled."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from connectors.destinations import registry as destinations
from connectors.errors import entry
from connectors.models import FAR_AHEAD, Connection, Entity, Status
from connectors.services import facts
from connectors.services.uploads import ready_entities
from connectors.status import MISSING
from jobs.models import Job, JobType, Lease, LeaseState, Queue, Trigger
from jobs.services.caps import account_key
from jobs.services.publish import publish_on_commit

# A job's attempts are bounded by the code of its last failure; this is what a page shows before there is one.
DEFAULT_ATTEMPTS = entry("unreachable").max_attempts
# Historical jobs move everything, so they have workers of their own and half of a connection's room at most.
BULK_TYPES = (JobType.HISTORICAL_RESYNC, JobType.PURGE)
_QUEUES = {
    JobType.DATA_SYNC: Queue.SYNC,
    JobType.HISTORICAL_RESYNC: Queue.BULK,
    JobType.PURGE: Queue.BULK,
    JobType.TEST_CONNECTION: Queue.INTERACTIVE,
    JobType.DISCOVER: Queue.INTERACTIVE,
    JobType.ENROLL_BENEFITS: Queue.INTERACTIVE,
    JobType.TOKEN_REFRESH: Queue.INTERACTIVE,
}


class CannotSync(Exception):  # noqa: N818 - a refusal that is told to the person, not a fault
    """A sync cannot be started now. `reason` is a code; the text is a sentence for people."""

    def __init__(self, reason: str, message: str, job_id: UUID | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.job_id = job_id


@transaction.atomic
def enqueue_sync(
    *,
    connection: Connection,
    actor: User | None,
    entity: Entity | None = None,
    trigger: Trigger = Trigger.USER,
) -> list[Job]:
    """Make one pending sync per selected entity of a connection, or for one entity, and publish them on commit.

    A job that only waits for its next attempt is brought forward in place of a new one, unless its source asked to
    slow down. Returns the jobs. Raises `CannotSync` when the connection is paused or incomplete, when the entity is
    excluded, or while one runs or waits for a worker.
    """
    locked = facts.lock(connection.pk)
    refuse_unless_ready(locked)
    # A tick that is making jobs of these entities is waited for, so that its jobs are seen.
    selected = facts.lock_entities(locked)
    entities = [one for one in selected if entity is None or one.pk == entity.pk]
    if entity and not entities:
        raise CannotSync("excluded", f"{entity.name} is excluded. Include it first, then sync.")
    forward, busy = _live(entities)
    if busy:
        raise _already(locked, busy[0])
    return _start(locked, _with_files(locked, entities), forward, trigger, actor)


@transaction.atomic
def enqueue_some(*, connection: Connection, entity_ids: Collection[UUID], trigger: Trigger) -> list[Job]:
    """Like `enqueue_sync`, of those of `entity_ids` that sync and are not busy already. Returns the jobs, at least one.

    Raises `CannotSync` when the connection is paused or incomplete, or while all of them are busy.
    """
    locked = facts.lock(connection.pk)
    refuse_unless_ready(locked)
    asked = [one for one in facts.lock_entities(locked) if one.pk in set(entity_ids)]
    forward, busy = _live(asked)
    taken = {lease.entity_id for lease in busy}
    entities = [one for one in asked if one.pk not in taken]
    if not entities:
        raise _already(locked, busy[0]) if busy else CannotSync("excluded", "None of these syncs. Nothing was started.")
    return _start(locked, entities, forward, trigger, None)


@transaction.atomic
def enqueue_retry(*, connection: Connection, code: str, actor: User | None) -> list[Job]:
    """Like `enqueue_sync`, of those entities whose last sync failed with `code` and that are not busy already.

    Returns the jobs, at least one. Raises `CannotSync` also where nothing fails with that code any more.
    """
    locked = facts.lock(connection.pk)
    refuse_unless_ready(locked)
    failing = [one for one in facts.lock_entities(locked) if one.failure_streak and one.last_error_code == code]
    if not failing:
        message = f"{locked.name} no longer fails with this error. Nothing was started."
        raise CannotSync("recovered", message)
    forward, busy = _live(failing)
    taken = {lease.entity_id for lease in busy}
    entities = [one for one in failing if one.pk not in taken]
    if not entities:
        raise _already(locked, busy[0])
    return _start(locked, entities, forward, Trigger.USER, actor)


def _with_files(locked: Connection, entities: list[Entity]) -> list[Entity]:
    """Return those whose files are all there, where people deliver them. Raises `CannotSync` where there is none."""
    if not facts.is_assisted(locked.provider):
        return entities
    ready = ready_entities([one.pk for one in entities])
    if not ready:
        what = "so there is nothing new to load. Upload them, and the sync starts by itself."
        message = f"{locked.name} waits for files, {what}"
        raise CannotSync("awaiting_upload", message)
    return [one for one in entities if one.pk in ready]


def _live(entities: list[Entity]) -> tuple[list[Lease], list[Lease]]:
    """Return the syncs of `entities` that wait for their next attempt and may begin now, and all others that live."""
    live = Lease.objects.syncs().filter(entity__in=entities)
    between_attempts = live.pending().filter(attempt__gt=0).exclude(job__error_code="rate_limited")
    # "running" sorts after "pending": a job that runs is told before one that waits.
    busy = live.exclude(pk__in=between_attempts.values("pk")).order_by("-state", "pk")
    return list(between_attempts), list(busy)


def _start(
    locked: Connection, entities: list[Entity], forward: list[Lease], trigger: Trigger, actor: User | None
) -> list[Job]:
    """Bring the waiting ones forward and make a job of each other entity."""
    _bring_forward(forward)
    waiting = {lease.entity_id for lease in forward}
    jobs = [new_sync(locked, one, trigger=trigger, actor=actor) for one in entities if one.pk not in waiting]
    try:
        with transaction.atomic():
            leases = Lease.objects.bulk_create([new_lease(job, locked) for job in jobs])
            Job.objects.bulk_create(jobs)
    except IntegrityError as error:
        # A tick was faster, between our look and our insert.
        message = f"{locked.name} is about to sync already: its schedule was faster. Nothing new was started."
        raise CannotSync("already_syncing", message) from error
    publish_on_commit([*forward, *leases])
    return [*Job.objects.filter(pk__in=[lease.job_id for lease in forward]), *jobs]


def _bring_forward(leases: list[Lease]) -> None:
    ids = [lease.job_id for lease in leases]
    Lease.objects.pending().filter(pk__in=ids).update(available_at=Now(), dispatched_at=None, dispatch_count=0)
    Job.objects.filter(pk__in=ids).update(next_attempt_at=None)


def new_sync(connection: Connection, entity: Entity, *, trigger: Trigger, actor: User | None = None) -> Job:
    """Return an unsaved data sync of an entity."""
    return Job(
        type=JobType.DATA_SYNC,
        trigger=trigger,
        actor=actor,
        connection=connection,
        entity=entity,
        max_attempts=DEFAULT_ATTEMPTS,
    )


def new_lease(job: Job, connection: Connection, *, now: datetime | None = None) -> Lease:
    """Return the unsaved lease that lets a job wait for a worker, from `now` on."""
    is_exclusive = connection.destination is not None and destinations.is_exclusive(connection.destination.kind)
    return Lease(
        job=job,
        type=job.type,
        queue=_QUEUES[JobType(job.type)],
        connection=connection,
        entity=job.entity,
        slot_at=job.slot_at,
        exclusive_key=connection.destination_id if is_exclusive else None,
        destination_id=connection.destination_id,
        account_key=account_key(connection),
        is_bulk=job.type in BULK_TYPES,
        # The database's clock, which `start` compares with: a message must not come too early to be obeyed.
        available_at=now or Now(),
    )


def refuse_deleted(connection: Connection) -> None:
    """Raise `CannotSync` for a connection that was deleted."""
    if connection.deleted_at is not None:
        message = f"{connection.name} was deleted. Nothing was started; its jobs stay readable for the retention time."
        raise CannotSync("deleted", message)


def refuse_unless_ready(connection: Connection) -> None:
    """Raise `CannotSync` for a locked connection that is deleted, paused or incomplete."""
    refuse_deleted(connection)
    if connection.status == Status.PAUSED:
        pause = connection.pauses.open().first()
        why = f": {pause.reason}" if pause else ""
        message = f"{connection.name} is paused{why}. Resume it first, then sync."
        raise CannotSync("paused", message)
    if connection.status == Status.INCOMPLETE:
        missing = MISSING.get(connection.status_reason, "Its setup is not finished.")
        message = f"{connection.name} cannot sync yet. {missing}"
        is_review = connection.status_reason == "schema_review_pending"
        raise CannotSync(connection.status_reason if is_review else "incomplete", message)


def _already(connection: Connection, live: Lease) -> CannotSync:
    doing = "is syncing already" if live.state == LeaseState.RUNNING else "is waiting to sync already"
    if live.available_at >= FAR_AHEAD:
        doing = "waits for files, and syncs by itself when they are there"
    return CannotSync("already_syncing", f"{connection.name} {doing}. Nothing new was started.", live.job_id)
