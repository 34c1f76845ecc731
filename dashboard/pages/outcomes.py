"""How the jobs of the last 24 hours ended, per half hour: one query, and the numbers of its SVG strip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from django.db.models import Count, DateTimeField, F, Func, Value

from connectors.ids import first_id_at
from dashboard import formatting
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

    x: int
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The strip with its totals, the words of its axis, and the sentence that says the same."""

    success: str
    failed: str
    successes: tuple[Bar, ...]
    failures: tuple[Bar, ...]
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
        successes=_bars(success, max(success), _HIGHEST, is_up=True),
        failures=_bars(failed, max(_FULL_DEPTH, *failed), _DEEPEST, is_up=False),
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


def _bars(counts: list[int], most: int, room: int, *, is_up: bool) -> tuple[Bar, ...]:
    bars = []
    for place, count in enumerate(counts):
        if count:
            height = max(_LEAST, room * count / most)
            bars.append(Bar(place * _PITCH, f"{_LINE - height if is_up else _HANG:.1f}", f"{height:.1f}"))
    return tuple(bars)


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
