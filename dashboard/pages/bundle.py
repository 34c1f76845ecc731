"""The support bundle of a job: readable files that explain it to somebody who cannot open this installation.

Everything passes the scrubber on its way out. Names stay, secrets do not, and rows of the data are never part of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max

from connectors.models import Activity
from connectors.scrub import Scrubber
from connectors.versions import versions_of
from dashboard.pages import bundle_facts as facts
from dashboard.pages.bundle_facts import moment
from dashboard.pages.changes import CONFIGURATION, Changes
from dashboard.pages.changes_lines import Line
from dashboard.pages.job_support import LINE_LENGTH, cut
from jobs.models import Attempt, Job, LogLine

# A log of any length gives at most so many lines.
FIRST_LINES, LAST_LINES = 1_000, 9_000
_BATCH = 500
MOST_ACTS = 500

_ABOUT = {
    "summary.txt": "the text that “Copy for support” gives: verdict, IDs, times, what to do, the end of the log",
    "job.json": "the job: what was asked for, how it ended, the meaning of its code and what to do",
    "attempts.json": "each try, with the worker and the versions that it ran with",
    "steps.json": "each step of each try, with its times and what it said",
    "tables.json": "each table: how it is copied, rows read and loaded, its columns at the source",
    "changes.json": "what changed since the last good run of the same entity, both runs side by side",
    "activity.json": "who did what to the connection and its destination since then, the newest first",
    "connection.json": "the connection, its entity and its destination: settings and facts, no credentials",
    "versions.json": "what runs now",
    "log.txt": "the log, the oldest line first",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle is made of; `summary` is the text to paste. `by` and `now` say who takes it, and when."""

    job: Job
    changes: Changes
    attempts: tuple[Attempt, ...]
    summary: str
    scrubber: Scrubber
    by: str
    address: str
    now: datetime


def files_of(bundle: Bundle) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Give the files of a bundle, each made when its turn comes."""
    job = bundle.job
    lines = job.log_lines.aggregate(last=Max("number"))["last"] or 0
    acts = _acts(bundle)
    yield "README.txt", [_readme(bundle, lines, len(acts)).encode()]
    yield "summary.txt", [bundle.summary.encode()]
    structured: Mapping[str, Any] = {
        "job.json": facts.of_job(job, bundle.address),
        "attempts.json": [facts.of_attempt(one) for one in bundle.attempts],
        "steps.json": [facts.of_step(one) for one in job.steps.order_by("number")],
        "tables.json": facts.of_tables(bundle.changes, bundle.attempts),
        "changes.json": _changes(bundle.changes, bundle.scrubber),
        "activity.json": [facts.of_act(one, bundle.scrubber) for one in acts[:MOST_ACTS]],
        "connection.json": facts.of_connection(job),
        "versions.json": versions_of(job.connection.provider),
    }
    for name, value in structured.items():
        yield name, [_json(bundle.scrubber.value(value))]
    yield "log.txt", _log(job, lines, bundle.scrubber)


def left_out(lines: int) -> int:
    """Return how many lines of a log of so many are not in a bundle."""
    return max(0, lines - FIRST_LINES - LAST_LINES)


def _acts(bundle: Bundle) -> list[Activity]:
    """Return what was done since the last good run began, or since the connection was made; one more than is told."""
    good, connection = bundle.changes.good, bundle.job.connection
    since = (good.started_at or good.created_at) if good else connection.created_at
    return list(Activity.objects.for_list().on_route(connection, since=since, until=None)[: MOST_ACTS + 1])


def _changes(changes: Changes, scrubber: Scrubber) -> dict[str, Any]:
    good = changes.good
    return {
        "compared_with": facts.of_good(good) if good else None,
        "said": changes.said,
        "nothing_changed_on_our_side": changes.is_ours_unchanged,
        "lines": [_compared(line, scrubber) for line in changes.lines],
        "changes_not_told_here": changes.more_acts,
    }


def _compared(line: Line, scrubber: Scrubber) -> dict[str, Any]:
    told = {**asdict(line), "at": moment(line.at)}
    del told["is_mono"]
    if line.what.startswith(CONFIGURATION):
        # Whatever a setting's name says is secret stays here, even where no manifest calls it so.
        told |= {side: scrubber.named(line.what, str(told[side])) for side in ("before", "now")}
    return told


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _log(job: Job, lines: int, scrubber: Scrubber) -> Iterator[bytes]:
    """Give the log's first and last lines in batches; lines are numbered from 1 without a gap."""
    skipped = left_out(lines)
    yield from _span(job, 0, FIRST_LINES if skipped else lines, scrubber)
    if skipped:
        yield f"\n… {skipped:,} lines are left out here …\n\n".encode()
        yield from _span(job, FIRST_LINES + skipped, lines, scrubber)


def _span(job: Job, after: int, until: int, scrubber: Scrubber) -> Iterator[bytes]:
    for start in range(after, until, _BATCH):
        numbers = {"number__gt": start, "number__lte": min(start + _BATCH, until)}
        batch = job.log_lines.filter(**numbers).order_by("number")
        yield "".join(_line(line, scrubber) for line in batch).encode("utf-8", "replace")


def _line(line: LogLine, scrubber: Scrubber) -> str:
    message = cut(scrubber.text(line.message))
    at = line.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{at} {line.level.upper():<8}{line.step:<13}{message}\n"


def _readme(bundle: Bundle, lines: int, acts: int) -> str:
    job, skipped = bundle.job, left_out(lines)
    many = f" The newest {MOST_ACTS:,} acts are in it, older ones are not." if acts > MOST_ACTS else ""
    log = f"{lines:,} lines" + (f", of which {skipped:,} in the middle are left out" if skipped else ", all of them")
    width = max(map(len, _ABOUT)) + 2
    text = "\n".join(
        [
            "Patchbay support bundle",
            "",
            f"Job     {job.pk}, {job.get_type_display()}: {job.get_status_display()} {job.error_code}".rstrip(),
            f"Page    {bundle.address}",
            f"Taken   {moment(bundle.now)} by {bundle.by}",
            "",
            "Start with summary.txt. All times are UTC unless they say otherwise.",
            "",
            *(f"{name:<{width}}{about}" for name, about in _ABOUT.items()),
            "",
            f"The log has {log}. Lines longer than {LINE_LENGTH:,} characters are cut, and say so.{many}",
            "",
            "Passwords, keys, tokens and rows of the data are not part of this. Wherever a credential of this",
            "connection or of its destination stood in a text, or something looked like one, it says [hidden].",
            "Names of connections, companies, servers, tables and members are in it: pass it on with that in mind.",
            "",
        ]
    )
    return bundle.scrubber.text(text)
