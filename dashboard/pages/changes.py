"""What changed since the last good run of the same entity: facts of both runs side by side, and nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings
from django.db.models import Q

from connectors.models import Activity, Connection, Entity
from dashboard.formatting import NOT_APPLICABLE, duration, number
from dashboard.pages.activity import words_of
from dashboard.pages.acts import change_of
from dashboard.pages.changes_lines import CHANGED, DIFFERS, SAME, Line, sign_in_lines, table_lines, version_lines
from jobs.models import SYNC_TYPES, Attempt, Job
from jobs.services.workers import short_name

# Acts that are told one by one; a link leads to the others.
MOST_ACTS = 20
MOST_TABLES = 100
# Runs whose median is "usual".
RUNS_BACK = 50
# What people do that no run depends on.
_WITHOUT_EFFECT = frozenset(
    {
        "connection.renamed", "connection.owner_changed", "connection.runbook_changed", "connection.described",
        "connection.tagged", "connection.end_noted", "connection.about_changed", "destination.checked", "job.cancelled",
        "job.bundle_downloaded",
    }
)  # fmt: skip
CONFIGURATION = "Configuration"
_OURS = (CONFIGURATION, "Tables to copy", "Version", "Credential")


@dataclass(frozen=True, slots=True)
class TableLine:
    """The rows that were read of one table, in both runs, as text."""

    name: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All that can be compared. Without a `good` run there is only `said`, which tells why.

    `said` also tells what the comparison rests on where that is not the last good run of the same entity. `acts` are
    the ones between the two runs, the newest first, and `more_acts` how many of them are not among `lines`.
    """

    job: Job
    good: Job | None
    said: str
    lines: tuple[Line, ...] = ()
    tables: tuple[TableLine, ...] = ()
    more_tables: int = 0
    more_acts: int = 0

    @property
    def changed(self) -> int:
        """How many lines tell of a change."""
        return sum(line.verdict == CHANGED for line in self.lines)

    @property
    def is_ours_unchanged(self) -> bool:
        """Whether settings, chosen tables, versions and credentials are recorded for both runs, and the same."""
        return bool(self.lines) and all(line.verdict == SAME for line in self.lines if line.what.startswith(_OURS))

    @property
    def gap(self) -> str:
        """How long before this run the good one began: "1 h 00 m"."""
        if self.good is None:
            return ""
        return duration(_began(self.job) - _began(self.good))


def changes_of(job: Job) -> Changes:
    """Compare a job that was loaded with `for_page` with the last good one before it, in a fixed number of queries."""
    good, said = _good(job)
    if good is None:
        return Changes(job, None, said)
    attempts = list(Attempt.objects.of_jobs([job.pk, good.pk]))
    now, then = (_last(attempts, one) for one in (job, good))
    acts = acts_between(good, job)
    told = [line for act in acts[:MOST_ACTS] for line in _lines_of(act, now)]
    lines = [
        *(told or [Line(CONFIGURATION, SAME, "", "", "No setting, schedule, table or destination was changed.")]),
        *sign_in_lines(job.connection, then, now),
        *version_lines(then, now),
        *table_lines(good, job, then, now),
        *_measures(good, job),
    ]
    tables = _rows_per_table(good, job)
    return Changes(
        job=job,
        good=good,
        said=said,
        lines=tuple(sorted(lines, key=lambda line: (CHANGED, DIFFERS).index(line.verdict) if line.is_news else 2)),
        tables=tables[:MOST_TABLES],
        more_tables=max(0, len(tables) - MOST_TABLES),
        more_acts=max(0, len(acts) - MOST_ACTS),
    )


def acts_between(good: Job, job: Job) -> list[Activity]:
    """Return what people did to the connection or its destination, from one run's start to the other's end.

    The newest first; what no run depends on is left out, and so is what was done to other entities.
    """
    of_others = Q(action__startswith="entity.")
    if job.entity:
        of_others &= ~Q(changes__contains=[{"field": job.entity.name}])
    found = Activity.objects.for_list().on_route(job.connection, since=_began(good), until=job.ended_at)
    return list(found.exclude(action__in=_WITHOUT_EFFECT).exclude(of_others)[: MOST_ACTS * 10])


def _good(job: Job) -> tuple[Job | None, str]:
    """Return the job to compare with, and what to say about it."""
    good = Job.objects.good_before(job).select_related("entity").first()
    if good is not None:
        return good, "" if good.type == job.type else f"The last good run was a {good.get_type_display().lower()}."
    if job.entity is None:
        return None, _never(job.connection, job)
    said = _never(job.entity, job)
    good = Job.objects.good_before(job, of_connection=True).select_related("entity").first()
    if good is None:
        return None, said
    other = f", of {good.entity.name}" if good.entity else ""
    return good, f"{said} Compared with the last good run of the connection{other}."


def _never(record: Connection | Entity, job: Job) -> str:
    """Say why there is nothing to compare with; no more than what the kept jobs can tell."""
    kept = timedelta(days=settings.PATCHBAY_RETENTION_DAYS)
    is_sync = job.type in SYNC_TYPES
    what = "good run" if is_sync else job.get_type_display().lower()
    if is_sync and record.last_success_at is not None and record.last_success_at < job.created_at:
        return f"The last good run of {record.name} was longer ago than the {kept.days} days for which jobs are kept."
    if record.created_at < job.created_at - kept:
        return f"{record.name} had no {what} before this one in the {kept.days} days for which jobs are kept."
    return f"{record.name} had never {'run well' if is_sync else f'passed a {what}'} before."


def _began(job: Job) -> datetime:
    return job.started_at or job.created_at


def _last(attempts: Sequence[Attempt], job: Job) -> Attempt | None:
    """Return the last attempt of a job; its tables are those of the last one that came to read them."""
    own = [one for one in attempts if one.job_id == job.pk]
    if not own:
        return None
    newest = own[0]
    newest.shapes = next((one.shapes for one in own if one.shapes), {})
    return newest


def _lines_of(act: Activity, now: Attempt | None) -> Iterable[Line]:
    """One line per field that an act changed; one for the act itself where it has none."""
    words = words_of(act.action)
    late = ", after the last attempt had begun" if now and act.at > now.started_at else ""
    line = Line(CONFIGURATION, CHANGED, "", "", f"By {act.actor_name or 'Patchbay'}{late}", at=act.at)
    if not act.changes:
        what = f"{CONFIGURATION}, {words.kind[:1].lower()}{words.kind[1:]}"
        yield replace(line, what=what, note=". ".join(filter(None, (line.note, act.note))))
    of = "destination " if act.destination_id else ""
    for change in map(change_of, act.changes):
        yield replace(line, what=f"{CONFIGURATION}, {of}{change.field}", before=change.before, now=change.after)


def _measures(good: Job, job: Job) -> Iterable[Line]:
    """Duration, rows and worker, each beside what is usual for good runs."""
    found = Job.objects.good_before(job, of_connection=job.entity_id != good.entity_id)
    runs = list(found.only("entity", "started_at", "ended_at", "rows_extracted")[:RUNS_BACK])
    runs = [one for one in runs if one.entity_id == good.entity_id and one.duration_ms is not None]
    times = [one.duration_ms / 1000 for one in runs if one.duration_ms is not None]
    of = "1 good run" if len(runs) == 1 else f"{len(runs)} good runs"
    before, now = (_seconds(one) for one in (good, job))
    usual = f"Median {duration(median(times))}, of {of}" if times else ""
    yield Line("Duration", SAME if before == now else DIFFERS, before, now, usual)
    if job.type in SYNC_TYPES:
        rows = (number(one.rows_extracted) for one in (good, job))
        before, now = rows
        usual = f"Median {number(median(one.rows_extracted for one in runs))}, of {of}" if runs else ""
        yield Line("Rows read", SAME if before == now else DIFFERS, before, now, usual)
    places = [short_name(one.worker).partition(" #")[0] for one in (good, job)]
    if all(places):
        verdict = SAME if places[0] == places[1] else DIFFERS
        yield Line("Worker", verdict, places[0], places[1], "The machine it ran on", is_mono=True)


def _seconds(job: Job) -> str:
    return duration(None if job.duration_ms is None else timedelta(milliseconds=job.duration_ms))


def _rows_per_table(good: Job, job: Job) -> tuple[TableLine, ...]:
    """Return the rows read of every table that either run had, those that differ most first."""
    then, now = ({one["name"]: one.get("extracted") for one in run.tables} for run in (good, job))
    names = sorted({**then, **now}, key=lambda name: (-abs((then.get(name) or 0) - (now.get(name) or 0)), name))
    return tuple(TableLine(name, _read(then, name), _read(now, name)) for name in names)


def _read(rows: dict[str, int | None], name: str) -> str:
    if name not in rows:
        return NOT_APPLICABLE
    count = rows[name]
    return "not read" if count is None else number(count)
