"""The list of all jobs: one page of it, newest first, by key, with its days, its bars and what fails now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from itertools import groupby

from connectors.ids import first_id_at
from dashboard import formatting
from dashboard.forms.job_criteria import JobCriteria
from dashboard.forms.job_list import JobFilterForm
from dashboard.pages.chips import Chip
from dashboard.pages.history import JobRow, job_row
from dashboard.pages.job_chart import JobChart, job_chart
from dashboard.pages.job_filters import chips_of, matching
from dashboard.pages.job_groups import ErrorGroups, error_groups
from dashboard.pages.job_retention import Retention, retention
from dashboard.pages.patience import TooLateError, patience
from jobs.models import ENDED, Job, JobQuerySet, Trigger

JOBS_PER_PAGE = 50
# Seconds between two looks at the newest page: while something waits or runs on it, and while nothing does.
# What one person does another one sees within five seconds.
_BUSY, _IDLE = 3, 4
TOO_LATE = (
    "Looking for these jobs took longer than two seconds, so none is shown. A shorter time or fewer filters help."
)


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job with the connection it belongs to, and who or what started it."""

    job: JobRow
    made_at: datetime
    connection: str
    connection_href: str
    is_deleted: bool
    trigger: str
    is_other_day: bool


@dataclass(frozen=True, slots=True)
class Day:
    """The jobs that were made on one day."""

    label: str
    rows: tuple[ListedJob, ...]


@dataclass(frozen=True, slots=True)
class JobList:
    """The whole page. `seconds` is 0 on older pages, which do not change; these have neither bars nor groups."""

    days: tuple[Day, ...]
    count: int
    is_late: bool
    reaches: tuple[datetime, datetime] | None
    notes: tuple[str, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[tuple[str, str], ...]
    jump_hidden: tuple[tuple[str, str], ...]
    jump_value: str
    address: str
    csv_address: str
    newest_url: str
    newer_url: str
    older_url: str
    seconds: int
    is_filtered: bool
    chart: JobChart | None
    groups: ErrorGroups | None
    retention: Retention


def job_list(asked: Mapping[str, str], now: datetime, zone: tzinfo) -> JobList:
    """Return the page of the list that is `asked` for in the address. Four queries, one on older pages.

    A connection or an entity that is named costs one or a few more, and so does the end of the list.
    """
    form = JobFilterForm(asked)
    criteria, notes = form.criteria(), form.notes()
    kept = criteria.newest()
    found, is_late = _found(criteria, now, zone), False
    if found is None:
        found, is_late = [], True
        notes.append(TOO_LATE)
    if _is_back(criteria) and len(found) <= JOBS_PER_PAGE:
        # The newest page, and not only what is newer than that job.
        criteria, found = kept, _found(kept, now, zone) or []
    is_more, is_back = len(found) > JOBS_PER_PAGE, _is_back(criteria)
    jobs = found[:JOBS_PER_PAGE][::-1] if is_back else found[:JOBS_PER_PAGE]
    is_newest = criteria == kept
    is_busy = any(job.status not in ENDED for job in jobs)
    is_end = not is_late and not (jobs and (is_back or is_more))
    rule = retention(now, zone, is_end=is_end)
    return JobList(
        days=tuple(_days(jobs, now, zone)),
        count=len(jobs),
        is_late=is_late,
        reaches=(jobs[0].created_at, jobs[-1].created_at) if jobs else None,
        notes=tuple(notes),
        chips=tuple(chips_of(kept, zone)),
        hidden=_hidden(kept, "connection"),
        jump_hidden=_hidden(kept, "at"),
        jump_value=f"{criteria.at.astimezone(zone):%Y-%m-%dT%H:%M}" if criteria.at else "",
        address=criteria.address(),
        csv_address=kept.address("jobs:csv"),
        newest_url=kept.address(),
        newer_url="" if is_newest else _newer_url(criteria, kept, jobs),
        older_url=replace(kept, older_than=jobs[-1].pk).address() if jobs and not is_end else "",
        seconds=0 if is_late or not is_newest else _BUSY if is_busy else _IDLE,
        is_filtered=bool(kept.parameters()),
        chart=job_chart(kept, now, zone, rule.oldest) if is_newest else None,
        groups=error_groups(kept, now) if is_newest else None,
        retention=rule,
    )


def in_order(criteria: JobCriteria, now: datetime, zone: tzinfo) -> JobQuerySet:
    """Return all jobs that the filters and the time of `criteria` mean, newest first, whatever page they name."""
    return matching(criteria, Job.objects.for_list()).made_within(*criteria.bounds(now, zone)).newest_first()


def trigger_words(job: Job) -> str:
    """Return what started a job, and who: "Schedule", "Person, admin"."""
    label = str(Trigger(job.trigger).label)
    return f"{label}, {job.actor.get_username()}" if job.actor else label


def _is_back(criteria: JobCriteria) -> bool:
    return criteria.newer_than is not None and criteria.older_than is None and criteria.at is None


def _found(criteria: JobCriteria, now: datetime, zone: tzinfo) -> list[Job] | None:
    """Return a page of jobs and one more, if there is one; those newer than a job come from the oldest on.

    None where looking for them took too long.
    """
    try:
        with patience() if criteria.is_odd else nullcontext():
            return _page(criteria, now, zone)
    except TooLateError:
        return None


def _page(criteria: JobCriteria, now: datetime, zone: tzinfo) -> list[Job]:
    jobs = in_order(criteria, now, zone)
    if _is_back(criteria):
        return list(jobs.filter(pk__gt=criteria.newer_than).order_by("pk")[: JOBS_PER_PAGE + 1])
    before = criteria.older_than or (first_id_at(criteria.at) if criteria.at else None)
    return list(jobs.older_than(before)[: JOBS_PER_PAGE + 1])


def _newer_url(criteria: JobCriteria, kept: JobCriteria, jobs: Sequence[Job]) -> str:
    """Return the address of what is newer than the first job, or than the place that has none."""
    place = jobs[0].pk if jobs else criteria.older_than or (first_id_at(criteria.at) if criteria.at else None)
    return replace(kept, newer_than=place).address()


def _days(jobs: Sequence[Job], now: datetime, zone: tzinfo) -> Iterator[Day]:
    for day, of_day in groupby(jobs, lambda job: job.created_at.astimezone(zone).date()):
        rows = tuple(_listed(job, day, now, zone) for job in of_day)
        yield Day(formatting.day_heading(rows[0].made_at, now, zone), rows)


def _listed(job: Job, day: date, now: datetime, zone: tzinfo) -> ListedJob:
    connection = job.connection
    row = job_row(job, {}, now)
    return ListedJob(
        job=row,
        made_at=job.created_at,
        connection=connection.name,
        connection_href=connection.get_absolute_url(),
        is_deleted=connection.deleted_at is not None,
        trigger=trigger_words(job),
        is_other_day=row.at.astimezone(zone).date() != day,
    )


def _hidden(kept: JobCriteria, but: str) -> tuple[tuple[str, str], ...]:
    """Return the filters that a form of the page carries along."""
    return tuple((name, text) for name, text in kept.parameters().items() if name != but)
