"""Why is it not running? One sentence, from stored facts alone, for a connection, an entity or a waiting job.

The order is that of the person's next step: what somebody stopped or must mend comes first, then what the system
lacks (workers, scheduler), then what the job waits for among others (a writer, a cap, its place in the queue).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from cronsim import CronSimError
from django.conf import settings
from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.models import Connection, Entity, ScheduleKind, Status
from connectors.schedules import next_slot, schedule_of
from connectors.status import MISSING
from jobs.models import AccountBlock, Job, Lease, LeaseQuerySet, LeaseState, Pulse, Queue, Worker
from jobs.services.delivered import is_held
from jobs.services.dispatch import REPUBLISH_AFTER

# A worker renews its row every 10 s; after three times that it counts as gone.
WORKER_ALIVE = timedelta(seconds=30)
# The tick comes every second; after so long without one nothing is dispatched.
SILENT_AFTER = timedelta(seconds=30)


class Cause(StrEnum):
    """What kind of thing is in the way, which decides what a person can do about it."""

    PERSON = "person"
    SCHEDULE = "schedule"
    WORKER = "worker"
    SCHEDULER = "scheduler"
    PROVIDER = "provider"
    RETRY = "retry"
    OTHER_JOB = "other_job"
    CAP = "cap"
    UPLOAD = "upload"
    QUEUE = "queue"
    # It starts in a moment.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something does not run: a clause without a full stop, its cause, and the job that is in the way, if any."""

    clause: str
    cause: Cause
    job_id: UUID | None = None

    @property
    def sentence(self) -> str:
        """The clause as a sentence of its own."""
        return f"{self.clause[:1].upper()}{self.clause[1:].removesuffix('.')}."


@dataclass(frozen=True, slots=True)
class Situation:
    """What every waiting job shares. `slots` is what workers that take new jobs offer, by queue.

    `in_flight` holds the jobs that run or were sent to a worker just now.
    """

    now: datetime
    slots: Mapping[str, int]
    tick_at: datetime | None
    blocks: Mapping[str, AccountBlock]
    in_flight: Sequence[Lease]

    @property
    def is_silent(self) -> bool:
        """Whether the tick was heard before and is not any more."""
        return self.tick_at is not None and self.tick_at < self.now - SILENT_AFTER


def situation_at(now: datetime) -> Situation:
    """Read the situation, in four queries."""
    alive = Worker.objects.filter(seen_at__gte=now - WORKER_ALIVE, draining_at__isnull=True)
    in_flight = Lease.objects.filter(Q(state=LeaseState.RUNNING) | Q(dispatched_at__gte=now - REPUBLISH_AFTER))
    return Situation(
        now=now,
        slots=dict(alive.values_list("queue").annotate(Sum("slots")).order_by()),
        tick_at=Pulse.objects.filter(name="tick").values_list("at", flat=True).first(),
        blocks={block.account_key: block for block in AccountBlock.objects.filter(until__gt=now)},
        in_flight=list(in_flight.select_related("connection").defer("progress", "connection__credentials")),
    )


def waiting(leases: LeaseQuerySet, now: datetime) -> LeaseQuerySet:
    """Add what `why_waiting` asks of each: its job and connection, and `ahead`, the jobs that wait before it."""
    before = Lease.objects.pending().filter(
        queue=OuterRef("queue"), available_at__lte=now, dispatched_at__isnull=True, pk__lt=OuterRef("pk")
    )
    ahead = before.order_by().values("queue").annotate(many=Count("pk")).values("many")
    related = leases.select_related("job", "entity", "connection__destination")
    unseen = ("progress", "connection__credentials", "connection__destination__credentials", "job__tables")
    return related.defer(*unseen).annotate(ahead=Coalesce(Subquery(ahead), 0))


def why_not_running(subject: Connection | Entity, *, now: datetime | None = None) -> Reason | None:
    """Return why a connection or an entity does not run now; None while it does. At most seven queries."""
    now = now or timezone.now()
    connection = subject if isinstance(subject, Connection) else subject.connection
    live = connection.leases if isinstance(subject, Connection) else subject.leases
    leases = list(waiting(live.syncs(), now).order_by("available_at", "pk"))
    if any(lease.state == LeaseState.RUNNING for lease in leases):
        return None
    if stopped := _stopped(connection, now):
        return Reason(stopped, Cause.PERSON)
    if not leases:
        return _by_schedule(subject, connection, now)
    reason = waiting_reason(leases[0], situation_at(now))
    return replace(reason, clause=f"{len(leases)} syncs wait: {reason.clause}") if len(leases) > 1 else reason


def why_waiting(job: Job, *, now: datetime | None = None) -> Reason | None:
    """Return why a pending job waits; None when it does not wait. At most five queries."""
    now = now or timezone.now()
    lease = waiting(Lease.objects.pending().filter(pk=job.pk), now).first()
    return waiting_reason(lease, situation_at(now)) if lease else None


def waiting_reason(lease: Lease, situation: Situation) -> Reason:
    """Return why a pending lease out of `waiting` does not run."""
    return (
        _held_back(lease, situation)
        or _nobody_there(lease, situation)
        or _taken_by_others(lease, situation)
        or _place(lease, situation)
    )


def clock(moment: datetime, now: datetime) -> str:
    """Return a time for a sentence in the current time zone: "14:32:05", on another day "20 Nov, 14:32"."""
    local = timezone.localtime(moment)
    if local.date() == timezone.localtime(now).date():
        return f"{local:%H:%M:%S}"
    return f"{local.day} {local:%b, %H:%M}"


def _stopped(connection: Connection, now: datetime) -> str:
    """What a person or the set-up stops, before any job is looked at."""
    if connection.status == Status.INCOMPLETE:
        return MISSING.get(connection.status_reason, "the setup is not finished")
    if connection.status != Status.PAUSED:
        return ""
    pause = connection.pauses.open().select_related("created_by").first()
    if pause is None:
        return "paused"
    by_person = pause.created_by.get_username() if pause.created_by else "a former member"
    until = f", until {clock(pause.until, now)}" if pause.until else ""
    why = f": {pause.reason.rstrip('.')}" if pause.reason else ""
    return f"paused by {'a rule of Patchbay' if pause.is_by_rule else by_person}{until}{why}"


def _by_schedule(subject: Connection | Entity, connection: Connection, now: datetime) -> Reason:
    if never := _never_due(subject, connection, now):
        return Reason(never, Cause.SCHEDULE)
    if subject.next_run_at is None:
        return Reason("no run is planned", Cause.SCHEDULE)
    if subject.next_run_at > now:
        return Reason(f"due at {clock(subject.next_run_at, now)}", Cause.SCHEDULE)
    return why_no_job(subject.next_run_at, situation_at(now))


def _never_due(subject: Connection | Entity, connection: Connection, now: datetime) -> str:
    """Why the schedule starts nothing at all."""
    if isinstance(subject, Entity) and not subject.is_selected:
        return "it is excluded"
    if subject.status == Status.BROKEN and subject.next_run_at is None:
        known = REGISTRY.get(subject.status_reason)
        after = f" after “{known.short}”" if known else ""
        return f"on hold{after}: nothing is tried until a person mends it"
    if connection.schedule_kind == ScheduleKind.MANUAL:
        return "it runs only when somebody asks for it"
    return _unreadable(connection, now)


def _unreadable(connection: Connection, now: datetime) -> str:
    try:
        next_slot(schedule_of(connection), now)
    except (CronSimError, ZoneInfoNotFoundError):
        return f"its schedule cannot be read: “{connection.cron}” in {connection.time_zone}"
    return ""


def why_no_job(slot_at: datetime, situation: Situation) -> Reason:
    """Return why a slot that has passed has no job yet."""
    since = f"due since {clock(slot_at, situation.now)}"
    if not situation.slots.get(Queue.SYSTEM):
        return Reason(f"{since}, but no worker of the queue system is alive to make its job", Cause.WORKER)
    if situation.is_silent and situation.tick_at:
        silent = f"the scheduler has been silent since {clock(situation.tick_at, situation.now)}"
        return Reason(f"{since}, but {silent}", Cause.SCHEDULER)
    return Reason(f"{since}, its job is about to be made", Cause.NOTHING)


def _held_back(lease: Lease, situation: Situation) -> Reason | None:
    """Files are awaited, the provider asked to slow down, or an attempt failed and the next one has its time."""
    now = situation.now
    if is_held(lease):
        since = clock(lease.slot_at or lease.job.created_at, now)
        return Reason(f"it waits for files since {since}, and goes on by itself when they are there", Cause.UPLOAD)
    if block := situation.blocks.get(lease.account_key):
        asked = f" ({block.reason.rstrip('.')})" if block.reason else ""
        until = clock(block.until, now)
        return Reason(f"the provider asked this account to slow down until {until}{asked}", Cause.PROVIDER)
    if lease.available_at <= now or not lease.attempt:
        return None
    known = REGISTRY.get(lease.job.error_code)
    after = f" after “{known.short}”" if known else ""
    count = f"{lease.attempt + 1} of {lease.job.max_attempts}"
    return Reason(f"attempt {count}{after}, next at {clock(lease.available_at, now)}", Cause.RETRY)


def _nobody_there(lease: Lease, situation: Situation) -> Reason | None:
    """No worker takes jobs of this queue, or nobody hands them out."""
    if not situation.slots.get(lease.queue):
        return Reason(f"no worker of the queue {lease.queue} is alive", Cause.WORKER)
    if situation.is_silent and situation.tick_at and lease.dispatched_at is None:
        since = clock(situation.tick_at, situation.now)
        return Reason(f"the scheduler has been silent since {since}", Cause.SCHEDULER)
    return None


def _taken_by_others(lease: Lease, situation: Situation) -> Reason | None:
    """Another job holds what this one needs."""
    others = [other for other in situation.in_flight if other.pk != lease.pk]
    for other in others:
        if other.entity_id and other.entity_id == lease.entity_id and other.state == LeaseState.RUNNING:
            own = f"it waits for its own {other.get_type_display().lower()} that runs now"
            return Reason(own, Cause.OTHER_JOB, other.job_id)
    for other in others:
        if other.exclusive_key and other.exclusive_key == lease.exclusive_key:
            target = lease.connection.destination.name if lease.connection.destination else "the destination"
            writes = f"{target} takes one writer at a time, and {other.connection.name} writes to it now"
            return Reason(writes, Cause.OTHER_JOB, other.job_id)
    return _cap_reached(lease, others)


def _cap_reached(lease: Lease, others: Sequence[Lease]) -> Reason | None:
    """Which limit on jobs at once is reached. What was sent already, and what a person waits for, has passed them."""
    if lease.dispatched_at is not None or lease.queue == Queue.INTERACTIVE:
        return None
    capped = [other for other in others if other.queue != Queue.INTERACTIVE]
    same = [other for other in capped if other.connection_id == lease.connection_id]
    historical = [other for other in same if other.is_bulk and lease.is_bulk]
    at_target = [other for other in capped if lease.destination_id and other.destination_id == lease.destination_id]
    at_account = [other for other in capped if lease.account_key and other.account_key == lease.account_key]
    limits = (
        (same, settings.PATCHBAY_CONNECTION_JOBS, "of this connection"),
        (historical, max(1, settings.PATCHBAY_CONNECTION_JOBS // 2), "of its historical kind"),
        (at_target, settings.PATCHBAY_DESTINATION_JOBS, "to its destination"),
        (at_account, settings.PATCHBAY_ACCOUNT_JOBS, "at this provider account"),
    )
    for jobs, cap, where in limits:
        if len(jobs) >= cap:
            noun, verb = ("job", "runs") if len(jobs) == 1 else ("jobs", "run")
            reached = f"{len(jobs)} {noun} {where} {verb} already, the most at once is {cap}"
            return Reason(reached, Cause.CAP, jobs[0].job_id if jobs else None)
    return None


def _place(lease: Lease, situation: Situation) -> Reason:
    """Its place in the queue, and whether the workers are busy."""
    busy = sum(other.queue == lease.queue and other.state == LeaseState.RUNNING for other in situation.in_flight)
    slots = situation.slots.get(lease.queue, 0)
    full = "" if busy < slots else ", its only slot is busy" if slots == 1 else f", all {slots} slots are busy"
    ahead: int = getattr(lease, "ahead", 0)
    if lease.dispatched_at is not None and not full:
        return Reason("sent to a worker, which takes it in a moment", Cause.NOTHING)
    if ahead:
        behind = f"in the queue {lease.queue} behind {ahead} {'job' if ahead == 1 else 'jobs'}{full}"
        return Reason(behind, Cause.QUEUE)
    return Reason(f"next in the queue {lease.queue}{full}", Cause.QUEUE if full else Cause.NOTHING)
