"""The tick: makes the jobs that are due, chooses which start next, and publishes them.

Each part is a short transaction of its own over a bounded batch with SKIP LOCKED, so any number of ticks at once do
no harm: a slot is claimed by moving the entity's next run, and a job starts by changing exactly one row.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import structlog
from cronsim import CronSimError
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Min, OuterRef, Q, Subquery, Window
from django.db.models.functions import RowNumber

from connectors.models import Connection, Entity
from connectors.schedules import missed_between, next_slot, schedule_of
from jobs.models import Job, Lease, LeaseQuerySet, LeaseState, Queue, Trigger
from jobs.services.clock import database_now
from jobs.services.enqueue import new_lease, new_sync
from jobs.services.publish import publish

log = structlog.get_logger(__name__)

BATCH = 500
# Published and not picked up for this long: published again, waiting twice as long each time, half an hour at most.
REPUBLISH_AFTER = timedelta(seconds=120)
REPUBLISH_AT_MOST = timedelta(minutes=30)
UNREADABLE_AGAIN = timedelta(hours=1)
_DOUBLINGS_AT_MOST = 4


def tick() -> int:
    """Make due jobs and publish what may start. Returns how many jobs were published."""
    make_due_jobs()
    chosen = [lease for queue in (Queue.SYNC, Queue.INTERACTIVE) for lease in claim_for_dispatch(queue)]
    publish(chosen)
    return len(chosen)


def make_due_jobs() -> int:
    """Claim entities whose run is due, move each to its next slot, and make one job each. Returns how many."""
    with transaction.atomic():
        now = database_now()
        due = list(
            Entity.objects.selected()
            .due(now)
            .select_related("connection__destination")
            .select_for_update(skip_locked=True, of=("self",), no_key=True)[:BATCH]
        )
        if not due:
            return 0
        made = _make_jobs(due, now)
        Entity.objects.bulk_update(due, ["next_run_at"])
    _refresh_next_runs({entity.connection_id for entity in due})
    return made


def _make_jobs(due: list[Entity], now: datetime) -> int:
    jobs = []
    siblings = _count_siblings(due)
    for entity in due:
        slot = entity.next_run_at or now
        schedule = schedule_of(entity.connection, entity.pk, is_spread=siblings[entity.connection_id] > 1)
        job = new_sync(entity.connection, entity, trigger=Trigger.SCHEDULE)
        try:
            missed, following = missed_between(schedule, slot, now), next_slot(schedule, now)
        except (CronSimError, ZoneInfoNotFoundError) as error:
            # One schedule that cannot be read must not stop those of everybody else. It is looked at again.
            log.error("A schedule cannot be read", connection=str(entity.connection_id), reason=str(error))  # noqa: TRY400
            entity.next_run_at = now + UNREADABLE_AGAIN
            continue
        job.slot_at, job.missed_slots, entity.next_run_at = slot, missed, following
        jobs.append(job)
    # An entity that has a pending sync keeps it: this slot coalesces into it. The lease decides, so it goes first;
    # its foreign key is checked at commit.
    leases = [new_lease(job, job.connection, now=now) for job in jobs]
    Lease.objects.bulk_create(leases, ignore_conflicts=True)
    leased = set(Lease.objects.filter(pk__in=[job.pk for job in jobs]).values_list("pk", flat=True))
    return len(Job.objects.bulk_create([job for job in jobs if job.pk in leased]))


def _count_siblings(entities: list[Entity]) -> dict[UUID, int]:
    """Return how many selected entities the connection of each has, by connection."""
    selected = Entity.objects.selected().filter(connection__in={entity.connection_id for entity in entities})
    return dict(selected.values_list("connection").annotate(Count("pk")))


def _refresh_next_runs(connection_ids: set[UUID]) -> None:
    """Store each connection's earliest next run, outside the claim so that it never waits for a connection's row."""
    earliest = (
        Entity.objects.selected()
        .filter(connection=OuterRef("pk"))
        .values("connection")
        .annotate(first=Min("next_run_at"))
        .values("first")
    )
    with transaction.atomic():
        # Locked first and always in the same order: what the update reads is then newer than anybody else's change.
        ours = Connection.objects.filter(pk__in=connection_ids)
        list(ours.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        ours.update(next_run_at=Subquery(earliest))


@transaction.atomic
def claim_for_dispatch(queue: Queue) -> list[Lease]:
    """Choose the pending jobs of a queue to publish next and stamp them: as many as the workers have room for.

    Connections take turns, oldest job first within one; a job published but never picked up counts as free again.
    """
    now = database_now()
    stale = Q(dispatched_at__lt=now - REPUBLISH_AFTER)
    in_flight = Lease.objects.filter(Q(state=LeaseState.RUNNING) | Q(dispatched_at__gte=now - REPUBLISH_AFTER))
    room = settings.PATCHBAY_IN_FLIGHT - in_flight.filter(queue=queue).count()
    if room <= 0:
        return []
    entities, writers = _taken(in_flight)
    waiting = Lease.objects.pending().filter(Q(dispatched_at__isnull=True) | stale, queue=queue, available_at__lte=now)
    free = waiting.exclude(entity__in=entities).exclude(exclusive_key__in=writers)
    chosen = _in_turns(_lock_in_turns(free), room, now)
    Lease.objects.filter(pk__in=[lease.pk for lease in chosen]).update(
        dispatched_at=now, dispatch_count=F("dispatch_count") + 1
    )
    return chosen


def _taken(in_flight: LeaseQuerySet) -> tuple[set[UUID], set[UUID]]:
    """Return the entities that sync or are about to, and the exclusive destinations that are written to."""
    entities = Entity.objects.filter(leases__in=in_flight).values_list("pk", flat=True)
    writers = in_flight.values_list("exclusive_key", flat=True)
    return set(entities), {writer for writer in writers if writer is not None}


def _lock_in_turns(waiting: LeaseQuerySet) -> list[Lease]:
    """Lock a batch: the oldest of each connection, then the second of each, so that a long queue hides nobody."""
    turn = Window(RowNumber(), partition_by=F("connection"), order_by=F("pk").asc())
    ranked = waiting.annotate(turn=turn).order_by("turn", "pk").values_list("pk", flat=True)
    batch = waiting.filter(pk__in=list(ranked[:BATCH]))
    return list(batch.order_by("pk").select_for_update(skip_locked=True))


def _in_turns(waiting: list[Lease], room: int, now: datetime) -> list[Lease]:
    """Pick up to `room` leases: first the oldest of each connection, then the second of each, and so on."""
    turns: dict[object, int] = {}
    ranked = []
    for lease in waiting:
        if _waits_longer(lease, now):
            continue
        turn = turns.get(lease.connection_id, 0)
        turns[lease.connection_id] = turn + 1
        ranked.append((turn, lease))
    chosen: list[Lease] = []
    taken: set[UUID] = set()
    for _, lease in sorted(ranked, key=lambda pair: (pair[0], pair[1].pk)):
        keys = {key for key in (lease.exclusive_key, lease.entity_id) if key}
        if len(chosen) < room and not keys & taken:
            taken |= keys
            chosen.append(lease)
    return chosen


def _waits_longer(lease: Lease, now: datetime) -> bool:
    """Whether a lease that was published before waits for its doubled delay to pass."""
    if lease.dispatched_at is None:
        return False
    doublings = min(max(0, lease.dispatch_count - 1), _DOUBLINGS_AT_MOST)
    delay: timedelta = min(REPUBLISH_AFTER * 2**doublings, REPUBLISH_AT_MOST)
    return lease.dispatched_at + delay > now
