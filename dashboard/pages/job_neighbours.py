"""What stands beside a job: the last run that went well, the jobs before and after it, and the next planned one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.models import ScheduleKind, Status
from jobs.models import SYNC_TYPES, Job, JobQuerySet


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A line of the card: a job with its status, or a word in its place where there is none."""

    label: str
    url: str = ""
    status: str = ""
    at: datetime | None = None
    word: str = ""


def neighbours_of(job: Job) -> tuple[Neighbour, ...]:
    """Return the lines of the card, in three queries."""
    good = _found("Last success", Job.objects.good_before(job).for_neighbour(), "None kept")
    before = _found("Previous job", Job.objects.before(job).for_neighbour(), "None kept")
    after = _found("Next job", Job.objects.after(job).for_neighbour(), "None yet")
    return (good, before, after, _planned(job)) if job.type in SYNC_TYPES else (good, before, after)


def _found(label: str, jobs: JobQuerySet, nothing: str) -> Neighbour:
    job = jobs.first()
    if job is None:
        return Neighbour(label, word=nothing)
    return Neighbour(label, job.get_absolute_url(), job.status, job.ended_at or job.started_at or job.created_at)


def _planned(job: Job) -> Neighbour:
    """When the job's entity runs next by its schedule."""
    connection, holder = job.connection, job.entity or job.connection
    if connection.deleted_at is not None:
        return Neighbour("Next planned", word="None, the connection is deleted")
    if connection.status == Status.PAUSED:
        return Neighbour("Next planned", word="None while paused")
    if connection.schedule_kind == ScheduleKind.MANUAL:
        return Neighbour("Next planned", word="None, it runs when asked")
    if holder.next_run_at is None:
        is_held = Status.BROKEN in {connection.status, holder.status}
        return Neighbour("Next planned", word="None, the schedule is held" if is_held else "None planned")
    return Neighbour("Next planned", at=holder.next_run_at)
