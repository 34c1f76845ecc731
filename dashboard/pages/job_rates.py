"""Rows per second of a running sync, from the totals that the worker wrote down: nothing is smoothed or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from connectors.models import Entity
from dashboard.formatting import clock_time, duration, number
from jobs.models import Job, Lease

# The view box of the picture is 600 x 76: 0 rows are at 72, the peak is at 8.
WIDTH, FLOOR, CEILING = 600, 72, 8
_LABELS = 5
_FEWEST = 3
READING = "extract"

Sample = Sequence[float]


@dataclass(frozen=True, slots=True)
class Rates:
    """The card's figures, its line and area as SVG points, the times under it, and the sentence that says it.

    `now` is empty once everything is read, `usual` before a first run.
    """

    now: str
    average: str
    peak: str
    usual: str
    span: str
    line: str
    area: str
    axis: tuple[str, ...]
    label: str


def rates_of(job: Job, lease: Lease | None, step: str, zone: tzinfo) -> Rates | None:
    """Return the rates of a running job in the step named `step`, None before there are three measurements."""
    samples: list[Sample] = (lease.progress or {}).get("rates", []) if lease else []
    is_reading = step == READING
    samples = samples if is_reading else _while_reading(samples)
    if job.started_at is None:
        return None
    points = _points(samples)
    if len(points) < _FEWEST - 1:
        return None
    (start, first), (end, last) = samples[0], samples[-1]
    rates = [rate for _, rate in points]
    peak = max(rates)
    span = duration(round(end - start))
    line = _line(points, start, end, peak)
    return Rates(
        now=number(rates[-1]) if is_reading else "",
        average=number((last - first) / (end - start)),
        peak=number(peak),
        usual=_usual(job.entity),
        span=span,
        line=line,
        area=f"0,{FLOOR} {line} {WIDTH},{FLOOR}",
        axis=_axis(job.started_at, start, end, zone),
        label=f"Rows read per second over the last {span}, between {number(min(rates))} and {number(peak)}",
    )


def _while_reading(samples: Sequence[Sample]) -> list[Sample]:
    """The samples up to the last row that was read: what comes after is not a slow source."""
    return [sample for place, sample in enumerate(samples) if not place or samples[place - 1][1] < samples[-1][1]]


def _points(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """The rate between each sample and the one before it, at the time of the later one."""
    pairs = pairwise(samples)
    return [
        (later[0], max(0.0, later[1] - first[1]) / (later[0] - first[0]))
        for first, later in pairs
        if later[0] > first[0]
    ]


def _line(points: Sequence[tuple[float, float]], start: float, end: float, peak: float) -> str:
    scale = (FLOOR - CEILING) / peak if peak else 0
    # The first rate holds from the first sample on.
    whole = [(start, points[0][1]), *points]
    return " ".join(f"{WIDTH * (at - start) / (end - start):.1f},{FLOOR - rate * scale:.1f}" for at, rate in whole)


def _axis(started_at: datetime, start: float, end: float, zone: tzinfo) -> tuple[str, ...]:
    step = (end - start) / (_LABELS - 1)
    return tuple(clock_time(started_at + timedelta(seconds=start + step * place), zone) for place in range(_LABELS))


def _usual(entity: Entity | None) -> str:
    """The pace of the entity's last run from its start to its end, empty without one."""
    if entity is None or not entity.last_rows or not entity.last_duration_ms:
        return ""
    return number(entity.last_rows * 1000 / entity.last_duration_ms)
