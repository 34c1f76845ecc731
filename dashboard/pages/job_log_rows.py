"""The lines of a job's log, ready to print: times of a zone, words of levels, matches marked, days between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, tzinfo

from django.utils.html import format_html, format_html_join

from dashboard.formatting import calendar_day, log_time
from jobs.models import LogLine

# The word of each level, and the class that tints its lines.
LEVEL_WORDS = {
    "debug": ("DEBUG", "l-debug"),
    "info": ("INFO", "l-info"),
    "warning": ("WARN", "l-warn"),
    "error": ("ERROR", "l-error"),
}


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line. `message` has its matches marked; `day` is the date where another one begins with this line."""

    number: int
    at: str
    level: str
    look: str
    step: str
    message: str
    day: str
    is_meant: bool


def rows_of(
    lines: Iterable[LogLine], text: str, zone: tzinfo, *, day: date | None = None, meant: int | None = None
) -> Iterator[LogRow]:
    """Yield the rows of lines, `text` marked. `day` is that of the line above, `meant` the number asked for."""
    matcher = re.compile(f"({re.escape(text)})", re.IGNORECASE) if text else None
    for line in lines:
        level, look = LEVEL_WORDS.get(line.level, (line.level.upper(), "l-info"))
        today = line.at.astimezone(zone).date()
        yield LogRow(
            number=line.number,
            at=log_time(line.at, zone),
            level=level,
            look=look,
            step=line.step,
            message=_marked(line.message, matcher) if matcher else line.message,
            day="" if today == day else calendar_day(today),
            is_meant=line.number == meant,
        )
        day = today


def _marked(message: str, matcher: re.Pattern[str]) -> str:
    """The message with each match in a <mark>; every second part of a split by one group is a match."""
    parts = enumerate(matcher.split(message))
    return format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", part) if place % 2 else part,) for place, part in parts)
    )
