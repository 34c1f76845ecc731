"""Makes historical re-syncs: everything again, or chosen tables, or what changed since a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from connectors.models import Connection, Entity, Table
from connectors.services import activity, facts
from jobs.models import Job, JobType, Lease, LeaseState, Queue, Trigger
from jobs.services.enqueue import DEFAULT_ATTEMPTS, CannotSync, new_lease, refuse_unless_ready
from jobs.services.finish import end_cancelled
from jobs.services.publish import publish_on_commit


@transaction.atomic
def enqueue_resync(
    *,
    connection: Connection,
    actor: User | None,
    entity: Entity | None = None,
    tables: Sequence[Table] = (),
    since: date | None = None,
    trigger: Trigger = Trigger.USER,
) -> list[Job]:
    """Make one pending re-sync per selected entity of a connection, or for one entity, and publish them on commit.

    `tables` restricts it to those; `since` to rows that changed from that day on (UTC), for tables with a cursor. A
    sync that waits is not needed any more and ends; one that runs is waited for. Returns the jobs. Raises `CannotSync`
    when the connection is paused or incomplete, when nothing is selected, or while such a re-sync lives already.
    """
    locked = facts.lock(connection.pk)
    refuse_unless_ready(locked)
    selected = facts.lock_entities(locked)
    entities = [one for one in selected if entity is None or one.pk == entity.pk]
    if not entities:
        raise CannotSync("nothing_selected", f"{locked.name} has nothing selected to sync. Nothing was started.")
    _make_way(locked, entities)
    options: dict[str, object] = {
        "scope": "entity" if entity else "connection",
        "tables": [str(table.pk) for table in tables],
        "table_names": [table.name for table in tables],
        "since": since.isoformat() if since else "",
    }
    jobs = [_new_job(locked, one, options, actor, trigger) for one in entities]
    try:
        with transaction.atomic():
            leases = Lease.objects.bulk_create([_new_lease(job, locked) for job in jobs])
            Job.objects.bulk_create(jobs)
    except IntegrityError as error:
        message = f"{locked.name} is about to sync: its schedule was faster. Nothing new was started."
        raise CannotSync("already_syncing", message) from error
    _record(locked, actor, entity, options, jobs)
    publish_on_commit(leases)
    return jobs


def _record(
    connection: Connection, actor: User | None, entity: Entity | None, options: dict[str, object], jobs: list[Job]
) -> None:
    asked = {"entity": entity.name if entity else "", "tables": options["table_names"], "since": options["since"]}
    activity.record(
        "connection.resync_started",
        actor=actor,
        connection=connection,
        changes=activity.differences({}, {name: value for name, value in asked.items() if value}),
        job_id=jobs[0].pk,
    )


def _make_way(connection: Connection, entities: Sequence[Entity]) -> None:
    """End the syncs that wait: the re-sync copies the same. Raises `CannotSync` where a re-sync lives already."""
    live = Lease.objects.syncs().filter(entity__in=entities)
    leases = list(live.select_for_update(of=("self",)).order_by("pk"))
    for lease in leases:
        if lease.type == JobType.HISTORICAL_RESYNC:
            message = f"A historical re-sync of {connection.name} is on its way already. Nothing new was started."
            raise CannotSync("already_syncing", message, lease.job_id)
    waiting = [lease.job_id for lease in leases if lease.state == LeaseState.PENDING]
    for job in Job.objects.filter(pk__in=waiting).select_related("connection", "entity").order_by("pk"):
        end_cancelled(job, "superseded")


def _new_job(
    connection: Connection, entity: Entity, options: dict[str, object], actor: User | None, trigger: Trigger
) -> Job:
    return Job(
        type=JobType.HISTORICAL_RESYNC,
        trigger=trigger,
        actor=actor,
        connection=connection,
        entity=entity,
        max_attempts=DEFAULT_ATTEMPTS,
        options=options,
    )


def _new_lease(job: Job, connection: Connection) -> Lease:
    lease = new_lease(job, connection)
    lease.queue, lease.is_bulk = Queue.BULK, True
    return lease
