"""The jobs of one connection: filtered, by key, in days, the newest first or from the day that was jumped to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils import timezone

from connectors.models import Entity
from dashboard import formatting
from dashboard.forms.activity import span_of
from dashboard.forms.history import JOB_TYPES, Asked
from dashboard.pages.chips import Chip, Choice
from dashboard.pages.connection import Subject
from dashboard.pages.history import JobRow, job_row
from dashboard.pages.job_retention import Retention, retention
from jobs.models import Job, JobQuerySet, JobStatus, Trigger

JOBS_PER_PAGE = 25
_FILTERS = {"status": "Status", "type": "Type", "trigger": "Trigger"}
_CHOICES: dict[str, Sequence[tuple[str, str]]] = {
    "status": JobStatus.choices,
    "type": JOB_TYPES,
    "trigger": Trigger.choices,
}
# What names a page of the list.
_PLACE = ("day", "older_than", "newer_than")


@dataclass(frozen=True, slots=True)
class Day:
    """The jobs of one day on this page."""

    label: str
    jobs: tuple[JobRow, ...]


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of jobs. `only` names the chosen entity; addresses are empty where they lead nowhere."""

    days: tuple[Day, ...]
    chips: tuple[Chip, ...]
    failures: Choice
    hidden: tuple[tuple[str, str], ...]
    only: str
    is_filtered: bool
    is_jump: bool
    all_href: str
    all_entities: str
    newest: str
    newer: str
    older: str
    kept: Retention


def jobs_of(subject: Subject, asked: Asked, only: Entity | None) -> JobPage:
    """Prepare the page that is asked for; `only` keeps the jobs of one entity. One query, or two at its start."""
    jobs = _matching(subject, asked, only)
    found, is_back = _found(jobs, asked), _is_back(asked)
    if is_back and len(found) <= JOBS_PER_PAGE:
        # The newest page, and not only what is newer than that job.
        asked = Asked({name: value for name, value in asked.values.items() if name not in _PLACE})
        found, is_back = _found(jobs, asked), False
    shown = found[:JOBS_PER_PAGE][::-1] if is_back else found[:JOBS_PER_PAGE]
    is_more, is_away = len(found) > JOBS_PER_PAGE, any(asked[name] for name in _PLACE)
    start = dict.fromkeys(_PLACE)
    return JobPage(
        days=tuple(_days(shown, subject)),
        chips=tuple(_chips(asked)),
        failures=_failures(asked),
        hidden=tuple((name, str(value)) for name, value in asked.values.items() if name not in _PLACE),
        only=only.name if only else "",
        is_filtered=bool(asked.only("entity", *_FILTERS)),
        is_jump=asked["day"] is not None,
        all_href=asked.link(**start, **dict.fromkeys(("entity", *_FILTERS))),
        all_entities=asked.link(**start, entity=None),
        newest=asked.link(**start) if is_away else "",
        newer=asked.link(**{**start, "newer_than": shown[0].pk}) if is_away and shown else "",
        older=asked.link(**{**start, "older_than": shown[-1].pk}) if shown and (is_back or is_more) else "",
        kept=retention(subject.now, timezone.get_current_timezone(), began=subject.connection.created_at),
    )


def _matching(subject: Subject, asked: Asked, only: Entity | None) -> JobQuerySet:
    whose = Job.objects.filter(entity=only) if only else Job.objects.filter(connection=subject.connection)
    return whose.filter(**asked.only(*_FILTERS)).for_history()


def _is_back(asked: Asked) -> bool:
    return asked["newer_than"] is not None and asked["older_than"] is None


def _found(jobs: JobQuerySet, asked: Asked) -> list[Job]:
    """Return a page of jobs and one more, if there is one; those newer than a job come from the oldest on."""
    if _is_back(asked):
        return list(jobs.filter(pk__gt=asked["newer_than"]).order_by("pk")[: JOBS_PER_PAGE + 1])
    if asked["day"] and not asked["older_than"]:
        jobs = jobs.made_within(None, span_of(asked["day"])[1])
    return list(jobs.older_than(asked["older_than"])[: JOBS_PER_PAGE + 1])


def _days(jobs: Sequence[Job], subject: Subject) -> Iterable[Day]:
    """Group jobs by the day on which they were made, which is what the list is sorted by."""
    zone = timezone.get_current_timezone()
    for _, group in groupby(jobs, key=lambda job: job.created_at.astimezone(zone).date()):
        found = list(group)
        label = formatting.day_heading(found[0].created_at, subject.now, zone)
        yield Day(label, tuple(job_row(job, subject.live, subject.now) for job in found))


def _chips(asked: Asked) -> Iterator[Chip]:
    start = dict.fromkeys(_PLACE)
    for name, label in _FILTERS.items():
        chosen = asked[name]
        yield Chip(
            name=name,
            label=label,
            value=dict(_CHOICES[name]).get(chosen, ""),
            href=asked.link(**{**start, name: None}),
            choices=tuple(
                Choice(words, asked.link(**{**start, name: None if value == chosen else value}), value == chosen)
                for value, words in _CHOICES[name]
            ),
        )


def _failures(asked: Asked) -> Choice:
    """The filter that is asked for most: only what failed."""
    is_set = asked["status"] == JobStatus.FAILED
    changes = {**dict.fromkeys(_PLACE), "status": None if is_set else JobStatus.FAILED.value}
    return Choice("Failures only", asked.link(**changes), is_set)
