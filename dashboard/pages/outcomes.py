"""How the jobs of the last 24 hours ended, per half hour: one query, and the numbers of its SVG strip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from django.db.models import Count, DateTimeField, F, Func, Value

from connectors.ids import first_id_at
from dashboard import formatting
from dashboard.forms.job_criteria import JobCriteria
from jobs.models import Job, JobStatus

STEP = timedelta(minutes=30)
STEPS = 48
_LABEL_EVERY = 8
# Geometry, in a view box of 477 x 46: successes stand on the line at 34, failures hang from 36 down.
_PITCH, _BAR, _LINE, _HANG = 10, 7, 34, 36
_HIGHEST, _DEEPEST, _LEAST = 33, 10, 2
# So many failures in one half hour hang to the bottom; more make the scale finer.
_FULL_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of the strip."""

    y: str
    height: str


@dataclass(frozen=True, slots=True)
class HalfHour:
    """What ended of the jobs made within half an hour: its place, its bars, its words, and where these jobs are."""

    x: int
    title: str
    href: str
    success: Bar | None
    failed: Bar | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The strip with its totals, the words of its axis, and the sentence that says the same. Links lead to the jobs."""

    success: str
    failed: str
    success_href: str
    failed_href: str
    steps: tuple[HalfHour, ...]
    axis: tuple[str, ...]
    label: str


def outcomes(now: datetime, zone: tzinfo) -> Outcomes:
    """Count the jobs made since the half hour that began 23.5 h before this one and ended since, by outcome."""
    moment = now.astimezone(UTC)
    this_step = moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)
    start = this_step - STEP * (STEPS - 1)
    counts = _counts(start)
    success = [counts.get((place, "success"), 0) for place in range(STEPS)]
    failed = [counts.get((place, "failed"), 0) for place in range(STEPS)]
    return Outcomes(
        success=formatting.number(sum(success)),
        failed=formatting.number(sum(failed)),
        success_href=JobCriteria(JobStatus.SUCCESS, since=start).address(),
        failed_href=JobCriteria(JobStatus.FAILED, since=start).address(),
        steps=tuple(_steps(success, failed, start, zone)),
        axis=_axis(start, zone),
        label=_label(success, failed, start, zone),
    )


def _counts(start: datetime) -> dict[tuple[int, str], int]:
    """Return the number of jobs per half hour and outcome. The id is the time, so old weeks are not touched."""
    step = Func(Value(STEP), F("created_at"), Value(start), function="date_bin", output_field=DateTimeField())
    found = (
        Job.objects.filter(pk__gte=first_id_at(start), status__in=(JobStatus.SUCCESS, JobStatus.FAILED))
        .values_list(step, "status")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return {((moment - start) // STEP, status): count for moment, status, count in found}


def _steps(success: list[int], failed: list[int], start: datetime, zone: tzinfo) -> Iterator[HalfHour]:
    """Give the half hours in which something ended."""
    most, deepest = max(success), max(_FULL_DEPTH, *failed)
    for place, (good, bad) in enumerate(zip(success, failed, strict=True)):
        if not good and not bad:
            continue
        since, until = start + STEP * place, start + STEP * (place + 1)
        up, down = max(_LEAST, _HIGHEST * good / most) if good else 0, max(_LEAST, _DEEPEST * bad / deepest)
        yield HalfHour(
            x=place * _PITCH,
            title=f"{since.astimezone(zone):%H:%M} to {until.astimezone(zone):%H:%M}: {good} success, {bad} failed",
            href=JobCriteria(since=since, until=until).address(),
            success=Bar(f"{_LINE - up:.1f}", f"{up:.1f}") if good else None,
            failed=Bar(f"{_HANG:.1f}", f"{down:.1f}") if bad else None,
        )


def _axis(start: datetime, zone: tzinfo) -> tuple[str, ...]:
    """Return the words under the strip: a time every four hours, then "Now"."""
    times = (start + STEP * place for place in range(0, STEPS, _LABEL_EVERY))
    return (*(f"{moment.astimezone(zone):%H:%M}" for moment in times), "Now")


def _label(success: list[int], failed: list[int], start: datetime, zone: tzinfo) -> str:
    counted = f"Jobs per half hour over the last 24 hours: {sum(success)} success, {sum(failed)} failed."
    if not any(failed):
        return counted
    worst = max(failed)
    peak = (start + STEP * failed.index(worst)).astimezone(zone)
    jobs = "failed job" if worst == 1 else "failed jobs"
    return f"{counted} Failures peaked at {peak:%H:%M} with {worst} {jobs}."
