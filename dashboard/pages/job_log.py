"""The log of a job, ready to print: the last lines, the ones before them, or only what is new since the last look."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from django.db.models import Count, Max, Q, QuerySet
from django.http import QueryDict
from django.utils.html import format_html, format_html_join

from dashboard.formatting import log_time
from dashboard.forms.jobs import LEVELS, LogCriteria
from jobs.models import Job, LogLine

PAGE_LINES = 500

# The word of each level, and the class that tints its lines.
_LEVELS = {
    "debug": ("DEBUG", "l-debug"),
    "info": ("INFO", "l-info"),
    "warning": ("WARN", "l-warn"),
    "error": ("ERROR", "l-error"),
}


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line. `message` has its matches marked."""

    number: int
    at: str
    level: str
    look: str
    step: str
    message: str


@dataclass(frozen=True, slots=True)
class LevelButton:
    """One choice of the level filter with how many lines it would show, and their colour if there are any."""

    value: str
    label: str
    count: int
    look: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Log:
    """What the log card shows. `last` is the newest number of all, which the next poll starts from."""

    criteria: LogCriteria
    rows: tuple[LogRow, ...]
    total: int
    last: int
    levels: tuple[LevelButton, ...]
    earlier_url: str
    latest_url: str

    @property
    def is_tail(self) -> bool:
        """Whether these are the newest lines, so that new ones belong below them."""
        return self.criteria.before is None

    @property
    def poll_query(self) -> str:
        """The query that asks for what is newer, with the filter as it is."""
        criteria = self.criteria
        if not self.is_tail:
            return _query(before=criteria.before)
        return _query(level=criteria.level, q=criteria.text, after=self.last)


def log_of(job: Job, criteria: LogCriteria, zone: tzinfo, *, only_new: bool = False) -> Log:
    """Return a job's log in two queries: the counts, then at most `PAGE_LINES` lines.

    `only_new` is the poll's: the lines after `criteria.after`, none if the address names no place to go on from.
    """
    counts = job.log_lines.aggregate(
        total=Count("number"),
        last=Max("number"),
        **{level: Count("number", filter=Q(level=level)) for level in _LEVELS},
    )
    last = counts["last"] or 0
    lines, has_earlier = (_new(job, criteria, last), False) if only_new else _page(job, criteria, last)
    # A backlog longer than one answer goes on where this one ended.
    newest = lines[-1].number if only_new and len(lines) == PAGE_LINES else last
    first = lines[0].number if lines else None
    return Log(
        criteria=criteria,
        rows=tuple(_rows(lines, criteria.text, zone)),
        total=counts["total"],
        last=newest,
        levels=_levels(counts, criteria),
        earlier_url=f"?{_query(level=criteria.level, q=criteria.text, before=first)}#log" if has_earlier else "",
        latest_url=f"?{_query(level=criteria.level, q=criteria.text)}#log" if criteria.before is not None else "",
    )


def _matching(job: Job, criteria: LogCriteria) -> QuerySet[LogLine]:
    lines = job.log_lines.all()
    if criteria.level:
        lines = lines.filter(level=criteria.level)
    return lines.filter(message__icontains=criteria.text) if criteria.text else lines


def _page(job: Job, criteria: LogCriteria, last: int) -> tuple[list[LogLine], bool]:
    """The last lines up to `last`, or those before `criteria.before`, and whether there are earlier ones."""
    lines = _matching(job, criteria)
    bounded = lines.filter(number__lte=last) if criteria.before is None else lines.filter(number__lt=criteria.before)
    found = list(bounded.order_by("-number")[: PAGE_LINES + 1])
    return found[:PAGE_LINES][::-1], len(found) > PAGE_LINES


def _new(job: Job, criteria: LogCriteria, last: int) -> list[LogLine]:
    if criteria.after is None or last <= criteria.after:
        return []
    lines = _matching(job, criteria).filter(number__gt=criteria.after, number__lte=last)
    return list(lines.order_by("number")[:PAGE_LINES])


def _rows(lines: Iterable[LogLine], text: str, zone: tzinfo) -> Iterable[LogRow]:
    matcher = re.compile(f"({re.escape(text)})", re.IGNORECASE) if text else None
    for line in lines:
        level, look = _LEVELS.get(line.level, (line.level.upper(), "l-info"))
        message = _marked(line.message, matcher) if matcher else line.message
        yield LogRow(line.number, log_time(line.at, zone), level, look, line.step, message)


def _marked(message: str, matcher: re.Pattern[str]) -> str:
    """The message with each match in a <mark>; every second part of a split by one group is a match."""
    parts = enumerate(matcher.split(message))
    return format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", part) if place % 2 else part,) for place, part in parts)
    )


def _levels(counts: dict[str, int], criteria: LogCriteria) -> tuple[LevelButton, ...]:
    looks = {"warning": "is-warn", "error": "is-bad"}
    return tuple(
        LevelButton(
            value=value,
            label=label,
            count=counts[value] if value else counts["total"],
            look=looks.get(value, "") if value and counts[value] else "",
            is_chosen=value == criteria.level,
        )
        for value, label in LEVELS
    )


def _query(**values: str | int | None) -> str:
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in values.items() if value not in ("", None)})
    return query.urlencode()
