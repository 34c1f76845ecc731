"""The chart "From slot to start" of the System page: two lines over 24 hours, the limit, and where it was passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from statistics import median

from dashboard.formatting import clock_time, duration
from jobs.services.health import DAY, POINT, StartPoint

LIMIT_SECONDS = 10
# The view box.
_WIDTH, _HEIGHT = 960, 132
# The top of the scale in seconds; a third of each is a round number in its unit, for the lines of the grid.
_TOPS = (15, 30, 60, 180, 540, 1800, 3600, 10800, 43200)
_HIGHEST = 86400
_LABEL_EVERY = DAY / 6
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class StartChart:
    """The lines as paths, the scale from top to bottom, the times under it, and the same in words."""

    label: str
    note: str
    scale: tuple[str, ...]
    times: tuple[str, ...]
    median: str
    p95: str
    over: str
    limit_at: float


def start_chart(points: Sequence[StartPoint], now: datetime, zone: tzinfo) -> StartChart | None:
    """Lay out the points of the last 24 hours; None when no scheduled job started."""
    if not points:
        return None
    since, highest = now - DAY, max(point.p95 for point in points)
    top = next((top for top in _TOPS if top >= highest), _HIGHEST)
    return StartChart(
        label=_label(points, zone),
        note=_note(points, now, zone),
        scale=tuple(_axis(top * third / 3) for third in (3, 2, 1, 0)),
        times=(*(clock_time(since + n * _LABEL_EVERY, zone)[:5] for n in range(6)), "Now"),
        median=_line([(point.at, point.median) for point in points], since, top),
        p95=_line([(point.at, point.p95) for point in points], since, top),
        over="".join(_over(points, since)),
        limit_at=_y(LIMIT_SECONDS, top),
    )


def _x(at: datetime, since: datetime) -> float:
    return round(min(1.0, max(0.0, (at - since) / DAY)) * _WIDTH, 1)


def _y(seconds: float, top: float) -> float:
    return round(_HEIGHT * (1 - min(1.0, max(0.0, seconds / top))), 1)


def _line(values: Sequence[tuple[datetime, float]], since: datetime, top: float) -> str:
    """A path through the points; where nothing started for a while there is a gap.

    It begins where its first quarter of an hour does, so that a point without neighbours is a dash that can be seen.
    """
    parts: list[str] = []
    before: datetime | None = None
    for at, seconds in values:
        y = _y(seconds, top)
        if before is None or at - before > POINT:
            parts.append(f"M{_x(at, since)} {y}H{_x(at + POINT, since)}")
        else:
            parts.append(f"L{_x(at + POINT, since)} {y}")
        before = at
    return "".join(parts)


def _over(points: Sequence[StartPoint], since: datetime) -> Iterator[str]:
    for point in points:
        if point.p95 > LIMIT_SECONDS:
            left = _x(point.at, since)
            yield f"M{left} 0h{max(2.0, round(_x(point.at + POINT, since) - left, 1))}v{_HEIGHT}H{left}z"


def _axis(seconds: float) -> str:
    if not seconds:
        return "0"
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.3g} h"
    return f"{seconds:g} s" if seconds <= _MINUTE else f"{seconds / _MINUTE:g} min"


def _note(points: Sequence[StartPoint], now: datetime, zone: tzinfo) -> str:
    over = [point for point in points if point.p95 > LIMIT_SECONDS]
    if not over:
        return ""
    worst = max(over, key=lambda point: point.p95)
    quarters = "a quarter of an hour" if len(over) == 1 else f"{len(over)} quarters of an hour"
    until = min(now, over[-1].at + POINT)
    return (
        f"Over the limit in {quarters}, from {clock_time(over[0].at, zone)[:5]} to {clock_time(until, zone)[:5]}; "
        f"the longest were {duration(worst.p95)}, at {clock_time(worst.at, zone)[:5]}."
    )


def _label(points: Sequence[StartPoint], zone: tzinfo) -> str:
    worst = max(points, key=lambda point: point.p95)
    middle = duration(median(point.median for point in points))
    high = duration(median(point.p95 for point in points))
    return (
        f"Time from the planned slot to the start of the job over 24 hours. Median about {middle}, 95th percentile "
        f"about {high}, at most {duration(worst.p95)} at {clock_time(worst.at, zone)[:5]}."
    )
