"""The list of all jobs: one page of it, newest first, by key. Nothing is counted, for there may be millions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from dashboard.forms.job_list import JobCriteria, JobFilterForm
from dashboard.pages.chips import Chip, Choice
from dashboard.pages.history import JobRow, job_row
from jobs.models import ENDED, Job, JobQuerySet, JobStatus

JOBS_PER_PAGE = 50
_HOUR = timedelta(hours=1)
_HOURS = 24
# Seconds between two looks at the newest page: while something waits or runs on it, and while nothing does.
# What one person does another one sees within five seconds.
_BUSY, _IDLE = 3, 4


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job with the connection it belongs to."""

    job: JobRow
    connection: str
    connection_href: str
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class JobList:
    """The whole page. `seconds` is 0 on older pages, which do not change."""

    rows: tuple[ListedJob, ...]
    notes: tuple[str, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[tuple[str, str], ...]
    address: str
    newest_url: str
    newer_url: str
    older_url: str
    seconds: int
    is_filtered: bool


def job_list(asked: Mapping[str, str], now: datetime, zone: tzinfo) -> JobList:
    """Return the page of the list that is `asked` for in the address."""
    form = JobFilterForm(asked)
    criteria, notes = form.criteria(), form.notes()
    kept = criteria.newest()
    found = _found(criteria)
    if _is_back(criteria) and len(found) <= JOBS_PER_PAGE:
        # The newest page, and not only what is newer than that job.
        criteria, found = kept, _found(kept)
    is_more, is_back = len(found) > JOBS_PER_PAGE, _is_back(criteria)
    jobs = found[:JOBS_PER_PAGE][::-1] if is_back else found[:JOBS_PER_PAGE]
    is_busy = any(job.status not in ENDED for job in jobs)
    return JobList(
        rows=tuple(_listed(job, now) for job in jobs),
        notes=tuple(notes),
        chips=tuple(_chips(kept, now, zone)),
        hidden=tuple((name, text) for name, text in kept.parameters().items() if name != "connection"),
        address=criteria.address(),
        newest_url=kept.address(),
        newer_url="" if criteria == kept or not jobs else replace(kept, newer_than=jobs[0].pk).address(),
        older_url=replace(kept, older_than=jobs[-1].pk).address() if jobs and (is_back or is_more) else "",
        seconds=0 if criteria != kept else _BUSY if is_busy else _IDLE,
        is_filtered=bool(kept.parameters()),
    )


def _is_back(criteria: JobCriteria) -> bool:
    return criteria.newer_than is not None and criteria.older_than is None


def _found(criteria: JobCriteria) -> list[Job]:
    """Return a page of jobs and one more, if there is one; those newer than a job come from the oldest on."""
    jobs: JobQuerySet = Job.objects.for_list().made_within(criteria.since, criteria.until)
    if criteria.status:
        jobs = jobs.filter(status=criteria.status)
    if criteria.code:
        jobs = jobs.filter(error_code=criteria.code)
    if criteria.connection:
        jobs = jobs.filter(connection=criteria.connection.pk)
    if _is_back(criteria):
        return list(jobs.filter(pk__gt=criteria.newer_than).order_by("pk")[: JOBS_PER_PAGE + 1])
    return list(jobs.older_than(criteria.older_than).newest_first()[: JOBS_PER_PAGE + 1])


def _listed(job: Job, now: datetime) -> ListedJob:
    connection = job.connection
    return ListedJob(
        job=job_row(job, {}, now),
        connection=connection.name,
        connection_href=connection.get_absolute_url(),
        is_deleted=connection.deleted_at is not None,
    )


def _chips(kept: JobCriteria, now: datetime, zone: tzinfo) -> Iterator[Chip]:
    statuses = ((value, label, {"status": value}, kept.status == value) for value, label in JobStatus.choices)
    yield _chip(kept, "status", "Status", statuses, cleared={"status": ""})
    yield _chip(
        kept, "hour", "Made", _hours(kept, now, zone), cleared={"since": None, "until": None}, value=_period(kept, zone)
    )
    if kept.code:
        yield _chip(kept, "code", "Code", (), cleared={"code": ""}, value=kept.code)
    if kept.connection:
        yield _chip(kept, "connection", "Connection", (), cleared={"connection": None}, value=kept.connection.name)


_Option = tuple[str, str, dict[str, Any], bool]


def _chip(kept: JobCriteria, name: str, label: str, options: Any, *, cleared: dict[str, Any], value: str = "") -> Chip:
    """Return a filter of one value; a choice that is set leads to the list without it."""
    choices, chosen = [], value
    for _value, words, changes, is_set in options:
        choices.append(Choice(words, replace(kept, **(cleared if is_set else changes)).address(), is_set))
        chosen = chosen or (words if is_set else "")
    return Chip(name, label, chosen, replace(kept, **cleared).address(), tuple(choices))


def _hours(kept: JobCriteria, now: datetime, zone: tzinfo) -> Iterator[_Option]:
    """Give the last 24 hours, the newest first."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for place in range(_HOURS):
        since = this_hour - _HOUR * place
        until = since + _HOUR
        words = f"{since.astimezone(zone):%H:%M} to {until.astimezone(zone):%H:%M}"
        is_set = (kept.since, kept.until) == (since, until)
        yield "", words, {"since": since, "until": until}, is_set


def _period(kept: JobCriteria, zone: tzinfo) -> str:
    """Return the time that is asked for, in words."""
    texts = [f"{at.astimezone(zone):%-d %b, %H:%M}" if at else "" for at in (kept.since, kept.until)]
    if kept.since and kept.until:
        is_one_day = kept.since.astimezone(zone).date() == kept.until.astimezone(zone).date()
        return f"{texts[0]} to {texts[1].rpartition(' ')[2] if is_one_day else texts[1]}"
    return f"since {texts[0]}" if kept.since else f"before {texts[1]}" if kept.until else ""
