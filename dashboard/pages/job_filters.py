"""The jobs that criteria mean, and the filters of the list as chips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from connectors.errors import REGISTRY
from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard import formatting
from dashboard.forms.job_criteria import PERIODS, JobCriteria
from dashboard.pages.chips import Chip, Choice
from jobs.models import Job, JobQuerySet, JobStatus, JobType, Trigger

_DAY = timedelta(days=1)
# So many connections of a provider are named one by one.
_FEW = 50


def matching(criteria: JobCriteria, jobs: JobQuerySet | None = None) -> JobQuerySet:
    """Return the jobs that pass the filters of `criteria`, of any time and whatever page they name."""
    found = Job.objects.all() if jobs is None else jobs
    plain = {
        "status": criteria.status,
        "type": criteria.type,
        "trigger": criteria.trigger,
        "error_code": criteria.code,
        "connection": criteria.connection and criteria.connection.pk,
        "entity": criteria.entity and criteria.entity.pk,
    }
    found = found.filter(**{name: value for name, value in plain.items() if value})
    return _of_provider(found, criteria.provider) if criteria.provider else found


def _of_provider(found: JobQuerySet, provider: str) -> JobQuerySet:
    """Keep the jobs of a provider. Where it has few connections these are named, since theirs can be found by them."""
    whose = Connection.everything.filter(provider=provider)
    few = list(whose.values_list("pk", flat=True)[: _FEW + 1])
    if len(few) <= _FEW:
        return found.filter(connection__in=few)
    return found.filter(connection__provider=provider)


def chips_of(kept: JobCriteria, zone: tzinfo) -> Iterator[Chip]:
    """Give the filters of the list, each with its choices. Whoever chooses begins at the newest page again."""
    made = period_words(kept, zone)
    periods = [(name, words.capitalize()) for name, (words, _, _) in PERIODS.items()]
    yield _chip(kept.within(None, None), "period", "Made", periods, is_set=kept.period, value=made)
    yield _chip(kept, "status", "Status", JobStatus.choices)
    yield _chip(kept, "type", "Type", JobType.choices)
    yield _chip(kept, "trigger", "Trigger", Trigger.choices)
    yield _chip(kept, "code", "Error code", [(code, code) for code in sorted(REGISTRY)])
    yield _chip(kept, "provider", "Provider", [(one.kind, one.name) for one in providers.all_manifests()])
    if kept.connection:
        mark = " (deleted)" if kept.connection.deleted_at else ""
        without = replace(kept, connection=None)
        yield Chip("connection", "Connection", f"{kept.connection.name}{mark}", without.address(), ())
    if kept.entity:
        yield Chip("entity", "Entity", kept.entity.name, replace(kept, entity=None).address(), ())


def _chip(
    kept: JobCriteria,
    name: str,
    label: str,
    options: Iterable[tuple[Any, Any]],
    *,
    is_set: str | None = None,
    value: str = "",
) -> Chip:
    """Return a filter of one value; a choice that is set leads to the list without it."""
    chosen = getattr(kept, name) if is_set is None else is_set

    def address(option: str) -> str:
        change: Any = {name: option}
        return replace(kept, **change).address()

    choices = tuple(
        Choice(str(words), address("" if option == chosen else option), option == chosen) for option, words in options
    )
    shown = value or next((choice.label for choice in choices if choice.is_set), "")
    return Chip(name, label, shown, address(""), choices)


def period_words(kept: JobCriteria, zone: tzinfo) -> str:
    """Return the time that is asked for, in words; empty without one."""
    since, until = kept.since, kept.until
    if not since and not until:
        return PERIODS[kept.period][0] if kept.period else ""
    if since and until:
        return span_words(since, until, zone)
    edge = since or until
    return f"{'since' if since else 'before'} {formatting.short_time(edge, zone)}" if edge else ""


def span_words(since: datetime, until: datetime, zone: tzinfo) -> str:
    """Return a time in words: "Thu 19 Nov" for a whole day, otherwise "19 Nov, 12:00 to 13:00"."""
    first, last = since.astimezone(zone), until.astimezone(zone)
    is_day = f"{first:%H:%M}" == f"{last:%H:%M}" == "00:00" and last.date() - first.date() == _DAY
    if is_day:
        return formatting.weekday_and_day(since, zone)
    # An hour that ends at midnight is one of its day.
    is_one_day = first.date() == (last - timedelta(seconds=1)).date()
    end = f"{last:%H:%M}" if is_one_day else formatting.short_time(until, zone)
    return f"{formatting.short_time(since, zone)} to {end}"
