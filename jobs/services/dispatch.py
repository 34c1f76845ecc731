"""The tick: makes the jobs that are due, chooses which start next, and publishes them.

Each part is a short transaction of its own over a bounded batch with SKIP LOCKED, so any number of ticks at once do
no harm: a slot is claimed by moving the entity's next run, and a job starts by changing exactly one row.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import structlog
from cronsim import CronSimError
from django.db import connection as database
from django.db import transaction
from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    Min,
    OuterRef,
    Q,
    Subquery,
    Value,
    Window,
)
from django.db.models.functions import Cast, Extract, Now, RowNumber

from connectors.models import Connection, Entity
from connectors.schedules import missed_between, next_slot, schedule_of
from jobs.models import AccountBlock, Job, Lease, LeaseQuerySet, LeaseState, Queue, Trigger
from jobs.services.caps import Room
from jobs.services.delivered import held_until
from jobs.services.enqueue import new_lease, new_sync
from jobs.services.publish import publish

log = structlog.get_logger(__name__)

BATCH = 500
DUE_BATCH = 2500
# So long a tick goes on to make what is due; the next one goes on with the rest.
_DUE_SECONDS = 4.0
# So many seconds of waiting bring a job forward by one turn.
_SECONDS_PER_TURN = 30.0
# The advisory lock of whoever chooses jobs. Any number would do; this one is ours.
_CHOICE = 7_202_611
_WHAT_CAPS_COUNT = ("exclusive_key", "destination_id", "account_key", "is_bulk")
# Published and not picked up for this long: published again, waiting twice as long each time, half an hour at most.
REPUBLISH_AFTER = timedelta(seconds=120)
REPUBLISH_AT_MOST = timedelta(minutes=30)
UNREADABLE_AGAIN = timedelta(hours=1)
_DOUBLINGS_AT_MOST = 4


def tick() -> int:
    """Make due jobs and publish what may start. Returns how many jobs were published."""
    make_due_jobs()
    chosen = claim_for_dispatch(Queue.INTERACTIVE, Queue.SYNC, Queue.BULK)
    publish(chosen)
    return len(chosen)


def make_due_jobs() -> int:
    """Claim entities whose run is due, move each to its next slot, and make one job each. Returns how many.

    A crowd that is due at once is made in batches, each a transaction of its own, for some seconds at most.
    """
    began, made = time.monotonic(), 0
    while True:
        claimed, more = _make_batch()
        made += more
        if claimed < DUE_BATCH or time.monotonic() - began > _DUE_SECONDS:
            return made


def _make_batch() -> tuple[int, int]:
    """Claim one batch; return how many entities it was, and how many jobs were made."""
    with transaction.atomic():
        # The database's time at this statement, which unlike the clock at each row lets an index be used.
        this_moment: Func[Any] = Func(function="STATEMENT_TIMESTAMP", output_field=DateTimeField())
        due = list(
            Entity.objects.selected()
            .due(this_moment)
            .annotate(now=this_moment)
            .only("connection", "next_run_at")
            .select_for_update(skip_locked=True, no_key=True)[:DUE_BATCH]
        )
        if not due:
            return 0, 0
        connection_ids = {entity.connection_id for entity in due}
        made = _make_jobs(due, _with_siblings(connection_ids), vars(due[0])["now"])
        _store_next_runs(due)
    _refresh_next_runs(connection_ids)
    return len(due), made


def _make_jobs(due: list[Entity], connections: dict[UUID, tuple[Connection, int]], now: datetime) -> int:
    jobs = []
    for entity in due:
        slot = entity.next_run_at or now
        entity.connection, siblings = connections[entity.connection_id]
        schedule = schedule_of(entity.connection, entity.pk, is_spread=siblings > 1)
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
    held = held_until(due)
    leases = [new_lease(job, job.connection, now=held.get(job.entity_id, now)) for job in jobs]
    Lease.objects.bulk_create(leases, ignore_conflicts=True)
    leased = set(Lease.objects.filter(pk__in=[job.pk for job in jobs]).values_list("pk", flat=True))
    return len(Job.objects.bulk_create([job for job in jobs if job.pk in leased]))


def _store_next_runs(entities: list[Entity]) -> None:
    """Store each entity's next run in one plain statement; `bulk_update` compares each row with each of the others."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_entity SET next_run_at = given.next_run_at "
            "FROM unnest(%s::uuid[], %s::timestamptz[]) AS given (id, next_run_at) "
            "WHERE connectors_entity.id = given.id",
            [[entity.pk for entity in entities], [entity.next_run_at for entity in entities]],
        )


def _with_siblings(connection_ids: set[UUID]) -> dict[UUID, tuple[Connection, int]]:
    """Return each connection once, though many entities share one, with how many selected entities it has."""
    selected = Count("entities", filter=Q(entities__is_selected=True))
    found = Connection.objects.filter(pk__in=connection_ids).select_related("destination").defer("recent_runs")
    return {one.pk: (one, vars(one)["siblings"]) for one in found.annotate(siblings=selected)}


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
def claim_for_dispatch(*queues: Queue, is_patient: bool = True) -> list[Lease]:
    """Choose the pending jobs of some queues to publish next and stamp them: as many as the workers have room for.

    Connections take turns, oldest job first within one, and the longer a job waits the earlier its turn; a job
    published but never picked up counts as free again. One process chooses at a time, so that no limit is passed by
    two that look at once: a patient one waits for its turn, another one leaves the choice to whoever has it.
    """
    now = _take_turn(is_patient=is_patient)
    if now is None:
        return []
    stale = Q(dispatched_at__lt=now - REPUBLISH_AFTER)
    in_flight = Lease.objects.filter(Q(state=LeaseState.RUNNING) | Q(dispatched_at__gte=now - REPUBLISH_AFTER))
    room = Room(in_flight.only("queue", "connection", "entity", *_WHAT_CAPS_COUNT))
    open_queues = [queue for queue in queues if room.in_queue(queue) > 0]
    if not open_queues:
        return []
    blocked = AccountBlock.objects.filter(account_key=OuterRef("account_key"), until__gt=now)
    ready = Lease.objects.pending().filter(Q(dispatched_at__isnull=True) | stale, available_at__lte=now)
    waiting = ready.filter(~Exists(blocked)).exclude(room.full())
    chosen = [lease for lease in _lock_in_turns(waiting, open_queues, now, room) if room.take(lease)]
    if chosen:
        Lease.objects.filter(pk__in=[lease.pk for lease in chosen]).update(
            dispatched_at=now, dispatch_count=F("dispatch_count") + 1
        )
    return chosen


def refill(queue: Queue) -> int:
    """Publish what there is room for since a job of `queue` has ended. Returns how many. For workers, between jobs.

    The tick does the same for all queues once a second; short jobs would leave their workers idle until then.
    """
    is_waiting = Lease.objects.pending().filter(queue=queue, dispatched_at__isnull=True, available_at__lte=Now())
    if not is_waiting.exists():
        return 0
    chosen = claim_for_dispatch(queue, is_patient=False)
    publish(chosen)
    return len(chosen)


def _take_turn(*, is_patient: bool) -> datetime | None:
    """Hold the choice until the transaction ends and return the time; None when another process has it."""
    take = "pg_advisory_xact_lock(%s) IS NOT NULL" if is_patient else "pg_try_advisory_xact_lock(%s)"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {take}, clock_timestamp()", [_CHOICE])
        is_ours, now = cursor.fetchone()
    return now if is_ours else None


def _lock_in_turns(waiting: LeaseQuerySet, queues: list[Queue], now: datetime, room: Room) -> list[Lease]:
    """Lock a batch of each queue and return it in the order of the jobs' turns.

    First the oldest of each connection, then the second of each, so that a long queue hides nobody; so many seconds
    of waiting make up for one turn, so that many small connections never keep one large one waiting for ever. What a
    connection has with the workers counts as turns it had: else one that has most jobs would get every place that
    becomes free while others wait, since its next job is always the first of those that are left.
    """
    turn = Window(RowNumber(), partition_by=F("connection"), order_by=F("pk").asc())
    waited = Extract(ExpressionWrapper(Value(now) - F("available_at"), output_field=DurationField()), "epoch")
    rank = Cast(F("turn"), FloatField()) - Cast(waited, FloatField()) / Value(_SECONDS_PER_TURN)
    batches = [
        waiting.filter(queue=queue)
        .annotate(turn=turn)
        .annotate(rank=ExpressionWrapper(rank, output_field=FloatField()))
        .order_by("rank", "pk")
        .values_list("rank", "pk", "connection")[:BATCH]
        for queue in queues
    ]
    found = batches[0].union(*batches[1:], all=True) if len(batches) > 1 else batches[0]
    ranked = sorted((rank + room.of_connection(connection), pk) for rank, pk, connection in found)
    if not ranked:
        return []
    batch = waiting.filter(pk__in=[pk for _, pk in ranked])
    locked = {lease.pk: lease for lease in batch.order_by("pk").select_for_update(skip_locked=True, of=("self",))}
    in_turn = [locked[pk] for _, pk in ranked if pk in locked]
    return [lease for lease in in_turn if not _waits_longer(lease, now)]


def _waits_longer(lease: Lease, now: datetime) -> bool:
    """Whether a lease that was published before waits for its doubled delay to pass."""
    if lease.dispatched_at is None:
        return False
    doublings = min(max(0, lease.dispatch_count - 1), _DOUBLINGS_AT_MOST)
    delay: timedelta = min(REPUBLISH_AFTER * 2**doublings, REPUBLISH_AT_MOST)
    return lease.dispatched_at + delay > now
