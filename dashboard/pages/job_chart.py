"""The bars over the list of all jobs: what was made per hour or day and how it ended, each a link to its jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from dashboard import formatting
from dashboard.forms.job_criteria import JobCriteria, day_of
from dashboard.pages.job_counts import Counts, count_jobs
from dashboard.pages.job_filters import span_words
from jobs.models import JobStatus

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# Up to so long a time is drawn by hours.
_BY_HOURS = timedelta(days=2)
_LEAST_HOURS, _MOST_DAYS = 24, 92
# Geometry, in a view box 112 high with 10 per bar: successes stand on the line, failures hang below it.
PITCH = 10
_LEFT, _LINE, _GAP = 2.7, 84.0, 2.0
_HIGHEST, _DEEPEST, _LEAST = 72.0, 24.0, 2.5
_MOST_LABELS = 24
# What stands on the line, from below.
_STANDING = ((JobStatus.SUCCESS, "ok"), (JobStatus.CANCELLED, "idle"), (JobStatus.RUNNING, "runs"))
_DRAWN = {JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELLED}
_WORDS = {
    JobStatus.SUCCESS: "success",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
    JobStatus.RUNNING: "in progress",
    JobStatus.PENDING: "pending",
}


@dataclass(frozen=True, slots=True)
class Box:
    """One rectangle of a bar."""

    tone: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour or a day: its place, its rectangles, its words, and where its jobs are."""

    key: str
    x: int
    left: str
    title: str
    href: str
    is_chosen: bool
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """All jobs of one status, in words, with the address of their list."""

    status: str
    count: str
    href: str
    is_drawn: bool


@dataclass(frozen=True, slots=True)
class JobChart:
    """The whole chart: bars, the words under them, totals, and the sentence that says the same."""

    title: str
    hint: str
    label: str
    width: int
    bars: tuple[Bar, ...]
    axis: tuple[str, ...]
    totals: tuple[Total, ...]
    note: str


def job_chart(criteria: JobCriteria, now: datetime, zone: tzinfo, oldest: datetime) -> JobChart:
    """Count and lay out the time that the newest page of `criteria` shows; without one, the last 24 hours.

    Before `oldest` no job is kept, so nothing is drawn. One query.
    """
    edges = _edges(criteria, now, zone, oldest)
    is_hourly = edges[-1] - edges[-2] <= _HOUR
    counts = count_jobs(criteria, edges)
    spans = list(pairwise(edges))
    unit = "hour" if is_hourly else "day"
    return JobChart(
        title=f"Jobs by {unit}",
        hint=f"select {'an hour' if is_hourly else 'a day'} to filter the list",
        label=_label(counts, spans, zone, unit),
        width=len(spans) * PITCH,
        bars=tuple(_bars(criteria, counts, spans, zone)),
        axis=_axis(spans, zone, is_hourly=is_hourly),
        totals=tuple(_totals(criteria, counts, spans, criteria.bounds(now, zone))),
        note=_note(counts, unit),
    )


def _edges(criteria: JobCriteria, now: datetime, zone: tzinfo, oldest: datetime) -> list[datetime]:
    """Return the moments between bars: whole hours, or midnights in `zone` for a long time."""
    since, until = criteria.bounds(now, zone)
    # An hour is never cut by now, so that its address stays the same.
    last = min(until, now) if until else now
    first = max(since or (oldest if until else last - _DAY + _HOUR), oldest)
    if last - first > _BY_HOURS:
        return _days(first, last, zone)
    start = _hour_of(first)
    end = max(last, start + _HOUR)
    hours = -((start - end) // _HOUR)
    if hours < _LEAST_HOURS:
        # A chosen hour stays where it was: among the last 24, or in its day.
        recent = _hour_of(now) - (_LEAST_HOURS - 1) * _HOUR
        is_recent = start >= recent
        start = recent if is_recent else day_of(start, zone).astimezone(UTC)
        hours = _LEAST_HOURS if is_recent else max(_LEAST_HOURS, -((start - end) // _HOUR))
    return [start + _HOUR * place for place in range(hours + 1)]


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _days(first: datetime, last: datetime, zone: tzinfo) -> list[datetime]:
    """Return the midnights around a time, at most so many that a bar can still be seen."""
    edges = [max(day_of(first, zone), day_of(last, zone) - _MOST_DAYS * _DAY)]
    while edges[-1] < last:
        edges.append(day_of(edges[-1] + _DAY, zone))
    return edges


def _bars(
    criteria: JobCriteria, counts: Counts, spans: Sequence[tuple[datetime, datetime]], zone: tzinfo
) -> Iterator[Bar]:
    standing = [sum(counts.jobs(bar, status) for status, _ in _STANDING) for bar in range(len(spans))]
    failed = [counts.jobs(bar, JobStatus.FAILED) for bar in range(len(spans))]
    up = _HIGHEST / max(1, *standing)
    # Failures are drawn to the scale of the others, unless they would hang out.
    down = min(up, _DEEPEST / max(1, *failed))
    for place, (since, until) in enumerate(spans):
        is_chosen = (criteria.since, criteria.until) == (since, until)
        yield Bar(
            key=f"{since.astimezone(UTC):%m%d%H}",
            x=place * PITCH,
            left=f"{place * PITCH + _LEFT:.1f}",
            title=_title(counts, place, since, until, zone),
            href=criteria.within(*((None, None) if is_chosen else (since, until))).address(),
            is_chosen=is_chosen,
            boxes=tuple(_boxes(counts, place, up, down)),
        )


def _boxes(counts: Counts, bar: int, up: float, down: float) -> Iterator[Box]:
    top = _LINE
    for status, tone in _STANDING:
        if jobs := counts.jobs(bar, status):
            height = max(_LEAST, jobs * up)
            top -= height
            yield Box(tone, f"{top:.1f}", f"{height:.1f}")
            top -= 1
    if jobs := counts.jobs(bar, JobStatus.FAILED):
        yield Box("bad", f"{_LINE + _GAP:.1f}", f"{max(_LEAST, jobs * down):.1f}")


def _title(counts: Counts, bar: int, since: datetime, until: datetime, zone: tzinfo) -> str:
    told = [
        f"{_number(jobs, counts.cut_word if counts.is_cut(bar, status) else '')} {word}"
        for status, word in _WORDS.items()
        if (jobs := counts.jobs(bar, status))
    ]
    return f"{span_words(since, until, zone)}: {', '.join(told) or 'no jobs'}"


def _number(jobs: int, cut_word: str) -> str:
    return f"{cut_word} {formatting.number(jobs)}".lstrip()


def _totals(
    criteria: JobCriteria,
    counts: Counts,
    spans: Sequence[tuple[datetime, datetime]],
    bounds: tuple[datetime | None, datetime | None],
) -> Iterator[Total]:
    """Give each status the count of the time that is asked for; where a bar of it was cut off, there are more."""
    since, until = bounds
    asked = criteria.newest() if since or until else criteria.within(spans[0][0], None)
    inside = [
        bar
        for bar, (begin, end) in enumerate(spans)
        if (since is None or end > since) and (until is None or begin < until)
    ]
    for status in (JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.RUNNING, JobStatus.PENDING):
        total = sum(counts.jobs(bar, status) for bar in inside)
        is_cut = any(total and counts.is_cut(bar, status) for bar in inside)
        yield Total(
            status.value,
            _number(total, counts.cut_word if is_cut else ""),
            replace(asked, status=status.value).address(),
            status in _DRAWN,
        )


def _axis(spans: Sequence[tuple[datetime, datetime]], zone: tzinfo, *, is_hourly: bool) -> tuple[str, ...]:
    """Return the words under each bar, empty where there is no room for one."""
    every = -(-len(spans) // _MOST_LABELS)
    words = ((f"{since.astimezone(zone):%H}" if is_hourly else f"{since.astimezone(zone):%-d}") for since, _ in spans)
    return tuple(word if place % every == 0 else "" for place, word in enumerate(words))


def _note(counts: Counts, unit: str) -> str:
    if counts.is_late:
        return "Counting took longer than two seconds, so there are no bars. A shorter time or fewer filters help."
    if counts.cut:
        return (
            f"A bar is counted up to {formatting.number(counts.most)} jobs: a {unit} with more has more than is drawn."
        )
    return ""


def _label(counts: Counts, spans: Sequence[tuple[datetime, datetime]], zone: tzinfo, unit: str) -> str:
    failed = [counts.jobs(bar, JobStatus.FAILED) for bar in range(len(spans))]
    whole = span_words(spans[0][0], spans[-1][1], zone)
    if not any(failed):
        return f"Jobs per {unit}, {whole}. None failed."
    worst = failed.index(max(failed))
    peak = span_words(*spans[worst], zone)
    return f"Jobs per {unit}, {whole}. Failures peaked with {formatting.number(max(failed))}: {peak}."
