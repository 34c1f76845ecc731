"""The log of a job by pages: the newest lines, those before or after a number, those around one, or only what is new.

A page is cut by line numbers, so it costs the same wherever it is. How many lines there are of a level, a step or an
attempt is kept with the attempts (`jobs.line_counts`): nothing here counts rows. The same figures say between which
numbers such lines lie, so that a search for the only error of a long log does not read all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from django.db.models import QuerySet
from django.http import QueryDict

from dashboard.formatting import zone_label
from dashboard.forms.jobs import LEVELS, UTC_ZONE, LogCriteria
from dashboard.pages.job_log_rows import LogRow, rows_of
from jobs.line_counts import Lines, LogIndex
from jobs.models import Attempt, Job, LogLine

PAGE_LINES = 500
# A page that stays open takes up so many new lines and no more, so that a browser bears it.
LIVE_LINES = 5_000


@dataclass(frozen=True, slots=True)
class LevelButton:
    """One choice of the level filter with how many lines it would show, and their colour if there are any."""

    value: str
    label: str
    count: int
    look: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """The addresses of the pages around this one, empty where there is none."""

    oldest_url: str = ""
    older_url: str = ""
    newer_url: str = ""
    newest_url: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """What the log card shows. `poll_query` is what the open page asks next, `note` what it has to say of itself."""

    criteria: LogCriteria
    rows: tuple[LogRow, ...]
    total: int
    last: int
    levels: tuple[LevelButton, ...]
    pager: Pager
    is_tail: bool
    is_full: bool
    poll_query: str
    newest_url: str
    first_error_url: str
    download_query: str
    zone: str
    other_zone: tuple[str, str]
    line_suffix: str
    note: str

    @property
    def is_following(self) -> bool:
        """Whether the page shows the end of the log and stays there while lines come."""
        return self.is_tail and self.criteria.line is None and self.criteria.after is None and not self.criteria.text


def log_of(
    job: Job, attempts: Sequence[Attempt], criteria: LogCriteria, zone: tzinfo, *, now: datetime, only_new: bool = False
) -> Log:
    """Return a page of a job's log in one query. `attempts` are all of the job's, with their counts.

    `only_new` is the poll's: the lines after `criteria.after`, none if the address names no place to go on from.
    """
    own_zone, zone = zone, UTC if criteria.zone == UTC_ZONE else zone
    index = LogIndex((one.number, one.line_counts) for one in attempts)
    whole, within = index.lines(), within_of(criteria, index)
    lines, has_older, has_newer = (_new if only_new else _page)(job, criteria, within)
    day = criteria.day if only_new else None
    rows = tuple(rows_of(lines, criteria.text, zone, day=day, meant=criteria.line))
    is_full = only_new and criteria.shown >= LIVE_LINES
    # A poll's place: a backlog longer than one answer goes on where this one ended.
    reached = lines[-1].number if has_newer and lines else whole.last
    is_tail = criteria.after is not None if only_new else not has_newer
    last_day = lines[-1].at.astimezone(zone).date() if lines else day
    shown = criteria.shown + len(lines) if only_new else 0
    return Log(
        criteria=criteria,
        rows=rows,
        total=whole.count,
        last=reached,
        levels=_levels(index, criteria),
        pager=Pager() if only_new else _pager(criteria, lines, has_older=has_older, has_newer=has_newer),
        is_tail=is_tail,
        is_full=is_full,
        poll_query=_poll_query(criteria, reached if is_tail else None, shown, last_day),
        newest_url=_url(criteria.filter_query),
        first_error_url=_first_error(index, criteria),
        download_query=_query(criteria.filter_query),
        zone=zone_label(zone, now),
        other_zone=_other_zone(criteria, own_zone, now),
        line_suffix=f"&zone={criteria.zone}" if criteria.zone else "",
        note=_note(criteria, whole),
    )


def matching(job: Job, criteria: LogCriteria, within: Lines) -> QuerySet[LogLine]:
    """Return the lines of a job that the filter lets through, unsorted; `within` says where they lie."""
    found = job.log_lines.filter(number__range=(within.first, within.last))
    if criteria.level:
        found = found.filter(level=criteria.level)
    if criteria.step:
        found = found.filter(step=criteria.step)
    if criteria.attempt:
        found = found.filter(attempt=criteria.attempt)
    return found.filter(message__icontains=criteria.text) if criteria.text else found


def within_of(criteria: LogCriteria, index: LogIndex) -> Lines:
    """Return how many lines the filter lets through but for its text, and where they lie."""
    return index.lines(level=criteria.level, step=criteria.step, attempt=criteria.attempt)


def _page(job: Job, criteria: LogCriteria, within: Lines) -> tuple[list[LogLine], bool, bool]:
    """The lines of a page, and whether there are older and newer ones."""
    lines = matching(job, criteria, within)
    if criteria.line is not None:
        # Half of the page before the line, or less at the beginning; the end of the log for a line beyond it.
        first = max(1, min(criteria.line, within.last) - PAGE_LINES // 2)
        found = list(lines.filter(number__gte=first, number__lt=first + PAGE_LINES).order_by("number"))
        return found, first > 1, first + PAGE_LINES <= within.last
    if criteria.after is not None:
        found = list(lines.filter(number__gt=criteria.after).order_by("number")[: PAGE_LINES + 1])
        return found[:PAGE_LINES], within.first <= criteria.after, len(found) > PAGE_LINES
    has_newer = criteria.before is not None and criteria.before <= within.last
    bounded = lines if criteria.before is None else lines.filter(number__lt=criteria.before)
    found = list(bounded.order_by("-number")[: PAGE_LINES + 1])
    return found[:PAGE_LINES][::-1], len(found) > PAGE_LINES, has_newer


def _new(job: Job, criteria: LogCriteria, within: Lines) -> tuple[list[LogLine], bool, bool]:
    """The lines that came, and whether there are more of them than one answer takes."""
    if criteria.after is None or criteria.after >= within.last or criteria.shown >= LIVE_LINES:
        return [], False, False
    found = matching(job, criteria, within).filter(number__gt=criteria.after).order_by("number")[: PAGE_LINES + 1]
    lines = list(found)
    return lines[:PAGE_LINES], False, len(lines) > PAGE_LINES


def _pager(criteria: LogCriteria, lines: Sequence[LogLine], *, has_older: bool, has_newer: bool) -> Pager:
    of = criteria.filter_query
    first = lines[0].number if lines else criteria.before or 0
    last = lines[-1].number if lines else criteria.after or 0
    # A page of older lines that holds none is the beginning: what it was older than comes next.
    past = last if lines else max(0, first - 1)
    return Pager(
        oldest_url=_url({**of, "after": 0}) if has_older else "",
        older_url=_url({**of, "before": first or last + 1}) if has_older else "",
        newer_url=_url({**of, "after": past}) if has_newer else "",
        newest_url=_url(of) if has_newer else "",
    )


def _poll_query(criteria: LogCriteria, after: int | None, shown: int, day: date | None) -> str:
    if after is None:
        return _query({**criteria.filter_query, "before": criteria.before, "line": criteria.line})
    since = {"after": after, "shown": shown or None, "day": day.isoformat() if day else ""}
    return _query({**criteria.filter_query, **since})


def _levels(index: LogIndex, criteria: LogCriteria) -> tuple[LevelButton, ...]:
    looks = {"warning": "is-warn", "error": "is-bad"}
    counts = {
        value: index.lines(level=value, step=criteria.step, attempt=criteria.attempt).count for value, _ in LEVELS
    }
    return tuple(
        LevelButton(
            value=value,
            label=label,
            count=counts[value],
            look=looks.get(value, "") if counts[value] else "",
            is_chosen=value == criteria.level,
        )
        for value, label in LEVELS
    )


def _first_error(index: LogIndex, criteria: LogCriteria) -> str:
    """The address of the first error of the log, or of the attempt that is shown."""
    found = index.lines(level="error", attempt=criteria.attempt)
    return line_url(found.first, criteria.zone) if found.count else ""


def line_url(number: int, zone: str = "") -> str:
    """Return the address of one line on its job's page: the page around it, with the line marked and in sight."""
    return f"?{_query({'line': number, 'zone': zone})}#L{number}"


def _other_zone(criteria: LogCriteria, own_zone: tzinfo, now: datetime) -> tuple[str, str]:
    """What the link to the other time zone says, and its address; both empty where there is one zone only."""
    if zone_label(own_zone, now) == zone_label(UTC, now):
        return "", ""
    place = {"after": criteria.after, "before": criteria.before, "line": criteria.line}
    if criteria.zone:
        return zone_label(own_zone, now), _url({**criteria.filter_query, **place, "zone": ""})
    return "UTC", _url({**criteria.filter_query, **place, "zone": UTC_ZONE})


def _note(criteria: LogCriteria, whole: Lines) -> str:
    if criteria.line is None or criteria.line <= whole.last:
        return ""
    end = f"It ends with line {whole.last:,}." if whole.last else "It has none so far."
    return f"The log has no line {criteria.line:,}. {end}"


def _url(values: dict[str, str | int | None]) -> str:
    return f"?{_query(values)}#log"


def _query(values: dict[str, str | int | None]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in values.items() if value not in ("", None)})
    return query.urlencode()
