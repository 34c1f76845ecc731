"""The log of a job as a text file: the same lines as on the page, all of them, written as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from django.db.models import QuerySet

from dashboard.formatting import exact_time
from dashboard.forms.jobs import LogCriteria
from dashboard.pages.job_log import matching, within_of
from dashboard.pages.job_log_rows import LEVEL_WORDS
from jobs.line_counts import LogIndex
from jobs.models import Attempt, Job, LogLine

# So many lines are in memory at a time.
_CHUNK = 5_000
_LEVEL_WIDTH, _STEP_WIDTH = 5, 14


def text_of(job: Job, attempts: Sequence[Attempt], criteria: LogCriteria, zone: tzinfo, now: datetime) -> Iterator[str]:
    """Yield the file in pieces: what it is, then every line that the filter lets through. One query per piece.

    Lines that a running job writes meanwhile are left for the next time.
    """
    index = LogIndex((one.number, one.line_counts) for one in attempts)
    yield f"# {job.get_type_display()} {job.pk}, {job.get_status_display()}, {exact_time(now, zone)}\n"
    if criteria.is_filtered:
        of = {name: value for name, value in criteria.filter_query.items() if value and name != "zone"}
        yield f"# Only lines with {', '.join(f'{name} {value}' for name, value in of.items())}\n"
    for lines in _pieces(matching(job, criteria, within_of(criteria, index))):
        yield "".join(_line(line, zone) for line in lines)


def _pieces(lines: QuerySet[LogLine]) -> Iterator[list[LogLine]]:
    ordered, last = lines.order_by("number"), 0
    while found := list(ordered.filter(number__gt=last)[:_CHUNK]):
        yield found
        last = found[-1].number


def _line(line: LogLine, zone: tzinfo) -> str:
    level = LEVEL_WORDS.get(line.level, (line.level.upper(), ""))[0]
    at = line.at.astimezone(zone).isoformat(timespec="milliseconds")
    # A message of several lines stays one entry: what follows its first line is indented.
    message = line.message.replace("\n", "\n    ")
    return f"{at} {level:<{_LEVEL_WIDTH}} {line.step:<{_STEP_WIDTH}} {message}\n"
