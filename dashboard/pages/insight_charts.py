"""The charts of an Insight page as paths: durations as lines, rows and outcomes as bars, failures by hour of day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.charts import axis_text, grid_step
from dashboard.formatting import duration, number, weekday_and_day
from jobs.insight import Failure, Period, Point

# The view box, and the lines of the grid in it.
WIDTH, HEIGHT, THIRDS = 960, 132, 3
HOURS = 24
_DAY = timedelta(days=1)
# The part of its place that a bar takes.
_BAR = 0.7
# Something is never drawn as nothing.
_LEAST = 2.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths by the name of their class, the scale from top to bottom, the words under it, and a sentence."""

    label: str
    scale: tuple[str, ...]
    words: tuple[str, ...]
    paths: tuple[tuple[str, str], ...]
    line_at: float | None = None


def durations(points: Sequence[Point], period: Period) -> Chart | None:
    """Lay out median and 95th percentile of the good runs; None without one."""
    known = [(point.median, point.p95) for point in points if point.median is not None and point.p95 is not None]
    if not known:
        return None
    third = grid_step(max(high for _, high in known), steps=THIRDS)
    top = third * THIRDS
    first, last = duration(known[0][0]), duration(known[-1][0])
    course = f"went from {first} to {last}" if first != last else f"is {last} at the begin and at the end"
    return Chart(
        label=f"Duration of good runs. The median {course}; the longest 95th percentile is "
        f"{duration(max(high for _, high in known))}.",
        scale=tuple(axis_text(third * n) for n in range(THIRDS, -1, -1)),
        words=_words(period),
        paths=(
            ("ln ln--2", _line([point.p95 for point in points], top)),
            ("ln", _line([point.median for point in points], top)),
        ),
    )


def rows(points: Sequence[Point], period: Period) -> Chart | None:
    """Lay out the rows written in each piece; None where nothing was written."""
    most = max((point.rows for point in points), default=0)
    if not most:
        return None
    third = _round(most / THIRDS)
    place = next(place for place, point in enumerate(points) if point.rows == most)
    at = moment_words(period.starts[place], period)
    total = number(sum(point.rows for point in points))
    return Chart(
        label=f"Rows written. {total} in all, the most from {at} on: {number(most)}.",
        scale=tuple(_short(third * n) for n in range(THIRDS, -1, -1)),
        words=_words(period),
        paths=(("r-ink", "".join(_bars([point.rows for point in points], HEIGHT, HEIGHT / (third * THIRDS)))),),
    )


def outcomes(points: Sequence[Point], period: Period) -> Chart | None:
    """Lay out good and cancelled runs above the line, failed ones below it; None where nothing ran."""
    above = max((point.success + point.cancelled for point in points), default=0)
    below = max((point.failed for point in points), default=0)
    if not above + below:
        return None
    each = (HEIGHT - 2 * _LEAST) / (above + below)
    base = round(above * each + (_LEAST if above else 0), 1)
    good = [point.success for point in points]
    paths = [("r-ok", "".join(_bars(good, base, each)))]
    if any(point.cancelled for point in points):
        tops = [base - count * each for count in good]
        paths.append(("r-idle", "".join(_bars([point.cancelled for point in points], tops, each))))
    if below:
        paths.append(("r-bad", "".join(_bars([point.failed for point in points], base + 1, -each))))
    total = Point(None, *(sum(getattr(point, name) for point in points) for name in ("success", "failed", "cancelled")))
    return Chart(
        label=f"Runs by outcome. {number(total.success)} went well, {number(total.failed)} failed, "
        f"{number(total.cancelled)} were cancelled.",
        scale=(),
        words=_words(period),
        paths=tuple(paths),
        line_at=base,
    )


def by_hour(found: Sequence[Failure]) -> Chart | None:
    """Lay out the share of failed runs in each hour of the day; None where nothing failed."""
    runs, failed = hours_of(found)
    if not any(failed):
        return None
    shares = [count / total if total else 0.0 for count, total in zip(failed, runs, strict=True)]
    worst = max(range(HOURS), key=lambda hour: (shares[hour], failed[hour]))
    top = next(top for top in (0.1, 0.25, 0.5, 1.0) if shares[worst] <= top)
    return Chart(
        label=f"Failed runs by hour of the day. The worst hour begins at {worst:02}:00: {number(failed[worst])} of "
        f"{number(runs[worst])} runs failed.",
        scale=(f"{top:.0%}", "0"),
        words=tuple(f"{hour:02}" for hour in range(0, HOURS + 1, 3)),
        paths=(
            ("r-none", "".join(_bars([1.0 if total else 0.0 for total in runs], HEIGHT, _LEAST))),
            ("r-bad", "".join(_bars(shares, HEIGHT, HEIGHT / top))),
        ),
    )


def hours_of(found: Sequence[Failure]) -> tuple[list[int], list[int]]:
    """Return how many runs, and how many failed ones, were made in each hour of the day."""
    runs, failed = [0] * HOURS, [0] * HOURS
    for one in found:
        runs[one.hour] += one.count
        failed[one.hour] += one.count if one.code else 0
    return runs, failed


def moment_words(at: datetime, period: Period) -> str:
    """Say when a piece of the period begins: "Wed 18 Nov", "Wed 18 Nov, 06:00"."""
    day = weekday_and_day(at.replace(tzinfo=period.zone), period.zone)
    return day if period.length >= _DAY else f"{day}, {at:%H:%M}"


def _words(period: Period) -> tuple[str, ...]:
    """The words under a chart, evenly spaced: times within a day, weekdays within a week, dates beyond."""
    starts = period.starts
    if period.length < timedelta(hours=6):
        return (*(f"{at:%H:%M}" for at in starts[:: len(starts) // 6]), "Now")
    if period.length < _DAY:
        return (*(f"{at:%a}" for at in starts[:: len(starts) // 7]), "Now")
    dates = (weekday_and_day(at.replace(tzinfo=period.zone), period.zone) for at in starts[:: len(starts) // 4])
    return (*(day.partition(" ")[2] for day in dates), "Now")


def _line(values: Sequence[float | None], top: float) -> str:
    """A path over all values; where there is none it is broken. One without neighbours is a dash that can be seen."""
    parts, is_on = [], False
    step = WIDTH / len(values)
    for place, value in enumerate(values):
        if value is None:
            is_on = False
            continue
        y = round(HEIGHT * (1 - min(1.0, value / top)), 1)
        x, end = round(place * step, 1), round((place + 1) * step, 1)
        parts.append(f"L{end} {y}" if is_on else f"M{x} {y}H{end}")
        is_on = True
    return "".join(parts)


def _bars(values: Sequence[float], base: float | Sequence[float], each: float) -> Iterator[str]:
    """A bar for each value that is not zero, from its base up, or down where `each` is negative."""
    step = WIDTH / len(values)
    for place, value in enumerate(values):
        if value <= 0:
            continue
        height = max(_LEAST, abs(value * each))
        foot = base if isinstance(base, (int, float)) else base[place]
        x, width = round((place + (1 - _BAR) / 2) * step, 1), round(_BAR * step, 1)
        yield f"M{x} {foot:.1f}h{width}v{-height if each > 0 else height:.1f}h-{width}z"


def _round(value: float) -> int:
    """Return the next number of the kind 1, 2, 5, 10, 20, 50, ... that is no smaller."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= value:
                return digit * power
        power *= 10


_UNITS: tuple[tuple[int, str], ...] = ((10**9, " bn"), (10**6, " M"), (10**3, " k"))


def _short(value: int) -> str:
    """A round number for an axis: "0", "500", "20 k", "2 M"."""
    for unit, name in _UNITS:
        if value >= unit:
            return f"{value / unit:g}{name}"
    return str(value)
