"""The tick: makes the jobs that are due, chooses which start next, and publishes them.

Each part is a short transaction of its own over a bounded batch with SKIP LOCKED, so any number of ticks at once do
no harm: a slot is claimed by moving the entity's next run, and a job starts by changing exactly one row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import F, Min, OuterRef, Q, Subquery

from connectors.models import Connection, Entity
from connectors.schedules import Schedule, missed_between, next_slot, schedule_of
from jobs.models import Job, Lease, Queue, Trigger
from jobs.services.enqueue import new_lease, new_sync
from jobs.services.publish import publish

BATCH = 500
# Published and not picked up for this long: published again, waiting twice as long each time, half an hour at most.
REPUBLISH_AFTER = timedelta(seconds=120)
REPUBLISH_AT_MOST = timedelta(minutes=30)


def tick() -> int:
    """Make due jobs and publish what may start. Returns how many jobs were published."""
    make_due_jobs()
    chosen = [lease for queue in (Queue.SYNC, Queue.INTERACTIVE) for lease in claim_for_dispatch(queue)]
    publish(chosen)
    return len(chosen)


def database_now() -> datetime:
    """Return the database's clock, the one that decides what is due."""
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def make_due_jobs() -> int:
    """Claim entities whose run is due, move each to its next slot, and make one job each. Returns how many."""
    with transaction.atomic():
        now = database_now()
        due = list(
            Entity.objects.selected()
            .due(now)
            .select_related("connection__destination")
            .select_for_update(skip_locked=True, of=("self",))[:BATCH]
        )
        if not due:
            return 0
        made = _make_jobs(due, now)
        Entity.objects.bulk_update(due, ["next_run_at"])
    _refresh_next_runs({entity.connection_id for entity in due})
    return made


def _make_jobs(due: list[Entity], now: datetime) -> int:
    jobs = []
    for entity in due:
        slot = entity.next_run_at or now
        schedule = _schedule(entity)
        job = new_sync(entity.connection, entity, trigger=Trigger.SCHEDULE)
        job.slot_at, job.missed_slots = slot, missed_between(schedule, slot, now)
        entity.next_run_at = next_slot(schedule, now)
        jobs.append(job)
    # An entity that has a pending sync keeps it: this slot coalesces into it. The lease decides, so it goes first;
    # its foreign key is checked at commit.
    leases = [new_lease(job, job.connection, now=now) for job in jobs]
    Lease.objects.bulk_create(leases, ignore_conflicts=True)
    leased = set(Lease.objects.filter(pk__in=[job.pk for job in jobs]).values_list("pk", flat=True))
    return len(Job.objects.bulk_create([job for job in jobs if job.pk in leased]))


def _schedule(entity: Entity) -> Schedule:
    siblings = entity.connection.entities.selected().count()
    return schedule_of(entity.connection, entity.pk, is_spread=siblings > 1)


def _refresh_next_runs(connection_ids: set[object]) -> None:
    """Store each connection's earliest next run, outside the claim so that it never waits for a connection's row."""
    earliest = (
        Entity.objects.selected()
        .filter(connection=OuterRef("pk"))
        .values("connection")
        .annotate(first=Min("next_run_at"))
        .values("first")
    )
    Connection.objects.filter(pk__in=connection_ids).update(next_run_at=Subquery(earliest))


@transaction.atomic
def claim_for_dispatch(queue: Queue) -> list[Lease]:
    """Choose the pending jobs of a queue to publish next and stamp them: as many as the workers have room for.

    Connections take turns, oldest job first within one; a job published but never picked up counts as free again.
    """
    leases = Lease.objects.filter(queue=queue)
    now = database_now()
    stale = Q(dispatched_at__lt=now - REPUBLISH_AFTER)
    busy = leases.running().count() + leases.pending().exclude(stale).filter(dispatched_at__isnull=False).count()
    room = settings.PATCHBAY_IN_FLIGHT - busy
    if room <= 0:
        return []
    waiting = leases.pending().filter(Q(dispatched_at__isnull=True) | stale, available_at__lte=now)
    chosen = _in_turns(
        list(waiting.order_by("pk").select_for_update(skip_locked=True)[:BATCH]), _taken(), room, now
    )
    Lease.objects.filter(pk__in=[lease.pk for lease in chosen]).update(
        dispatched_at=now, dispatch_count=F("dispatch_count") + 1
    )
    return chosen


def _taken() -> set[object]:
    """Return what is taken already: exclusive destinations with a writer, entities with a running sync."""
    running = Lease.objects.running()
    keys: set[object] = set(running.filter(exclusive_key__isnull=False).values_list("exclusive_key", flat=True))
    keys |= set(running.filter(entity__isnull=False).values_list("entity_id", flat=True))
    return keys


def _in_turns(waiting: list[Lease], taken: set[object], room: int, now: datetime) -> list[Lease]:
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
    delay = min(REPUBLISH_AFTER * 2 ** max(0, lease.dispatch_count - 1), REPUBLISH_AT_MOST)
    return lease.dispatched_at + delay > now
