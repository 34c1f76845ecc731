"""The facts of a job, line by line: what it belongs to, what started it, when, how long, how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from connectors import schedules
from connectors.destinations import registry as destinations
from connectors.models import Connection, Entity
from connectors.providers import registry as providers
from dashboard.formatting import calendar_date, calendar_day, duration, file_size, number
from dashboard.pages.job_left import usual_of
from dashboard.pages.job_progress import Progress
from jobs.models import SYNC_TYPES, Job, JobStatus, JobType, Trigger
from jobs.services.workers import short_name
from jobs.text import counted


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the facts card; `url` makes the value a link, `note` stands under it."""

    name: str
    value: str = ""
    url: str = ""
    note: str = ""
    moment: datetime | None = None
    is_mono: bool = False


def facts_of(job: Job, progress: Progress, now: datetime, zone: tzinfo) -> tuple[Fact, ...]:
    """Return the facts card, line by line."""
    connection = job.connection
    is_many = providers.manifest(connection.provider).has_several(connection.config)
    is_gone = connection.deleted_at is not None
    entity = [Fact("Entity", job.entity.name, _address(job.entity, is_gone))] if job.entity and is_many else []
    day = calendar_date(job.ended_at or job.created_at, zone)
    ended = [Fact("Ended", moment=job.ended_at, note=day), Fact("Duration", _duration(job), note=_usual_duration(job))]
    return (
        Fact("Connection", connection.name, _address(connection, is_gone), note="Deleted" if is_gone else ""),
        *_whom_to_ask(job),
        *entity,
        _destination(job),
        *_extent(job),
        _trigger(job),
        Fact("Queued", moment=job.created_at, note="" if job.is_over else day),
        *([Fact("Started", moment=job.started_at)] if job.started_at else []),
        *(ended if job.is_over else _elapsed(job, now)),
        *_cancel_request(job),
        *([Fact("Usually takes", _usual(job))] if not job.is_over and _usual(job) else []),
        *_rows(job, progress),
        *([Fact("Bytes read", file_size(job.bytes))] if job.bytes else []),
        *([Fact("Worker", short_name(job.worker), is_mono=True)] if job.worker else []),
    )


def _address(record: Connection | Entity, is_gone: bool) -> str:  # noqa: FBT001 - read once, used twice
    return "" if is_gone else record.get_absolute_url()


def _whom_to_ask(job: Job) -> tuple[Fact, ...]:
    """Who knows about the connection, and what to read, where its job failed."""
    connection = job.connection
    if job.status != JobStatus.FAILED:
        return ()
    owner = (Fact("Owner", connection.owner.get_username()),) if connection.owner else ()
    return (*owner, Fact("Runbook", "Open", connection.runbook_url)) if connection.runbook_url else owner


def _destination(job: Job) -> Fact:
    destination = job.connection.destination
    if destination is None:
        return Fact("Destination", "None")
    return Fact("Destination", destination.name, note=destinations.manifest(destination.kind).name)


def _trigger(job: Job) -> Fact:
    missed = f"makes up {counted(job.missed_slots, 'missed run')}" if job.missed_slots else ""
    if job.trigger == Trigger.SCHEDULE:
        words = schedules.in_words(job.connection)
        return Fact("Trigger", f"Schedule, {words[:1].lower()}{words[1:]}", note=missed)
    actor = job.actor.get_username() if job.actor else ""
    return Fact("Trigger", ", ".join(filter(None, (job.get_trigger_display(), actor))), note=missed)


def _extent(job: Job) -> tuple[Fact, ...]:
    """What a historical re-sync was asked to read again."""
    if job.type != JobType.HISTORICAL_RESYNC:
        return ()
    since = date.fromisoformat(job.options["since"]) if job.options.get("since") else None
    tables = ", ".join(job.options.get("table_names") or ()) or "All tables"
    return (
        Fact("Reads again", tables, note=f"changed since {calendar_day(since)}" if since else "from the beginning"),
    )


def _rows(job: Job, progress: Progress) -> tuple[Fact, ...]:
    """The rows of a job that copies some, once it has begun."""
    if job.type not in SYNC_TYPES or job.started_at is None:
        return ()
    return Fact("Rows read", number(progress.extracted)), Fact("Rows written", number(progress.loaded))


def _elapsed(job: Job, now: datetime) -> tuple[Fact, ...]:
    """How long a running job has taken so far; a job that waits shows nothing that changes by itself."""
    if job.status != JobStatus.RUNNING or job.started_at is None:
        return ()
    return (Fact("Elapsed", duration(round((now - job.started_at).total_seconds()))),)


def _cancel_request(job: Job) -> tuple[Fact, ...]:
    lease = getattr(job, "lease", None)
    if lease is None or lease.cancel_requested_at is None:
        return ()
    person = lease.cancel_requested_by
    return (
        Fact("Cancel asked", moment=lease.cancel_requested_at, note=f"by {person.get_username()}" if person else ""),
    )


def _duration(job: Job) -> str:
    return duration(None if job.duration_ms is None else job.duration_ms / 1000)


def _usual(job: Job) -> str:
    """The median duration of the entity's last successful runs, empty without one."""
    usual, _ = usual_of(job)
    return "" if usual is None else duration(usual)


def _usual_duration(job: Job) -> str:
    usual = _usual(job)
    return f"median {usual}" if usual and job.duration_ms is not None else ""
