"""The job history of one connection: one block per entity, the entities with their last runs, and all its jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connectors.models import Connection, Entity
from dashboard.charts import RunFigures, RunsStrip, run_figures, runs_strip
from dashboard.pages.connection import Head, Live, Subject, head_of
from dashboard.pages.keyset import Slice, cut
from dashboard.pages.overview import ENTITIES_PER_PAGE, LIST_ORDER, EntityRow, entity_row
from jobs.models import ENDED, SYNC_TYPES, Job, JobQuerySet, JobStatus, Trigger

JOBS_PER_PAGE = 25
# Above this many entities the blocks become one bar.
MOST_CELLS = 60
# An outcome, its colour, the icon inside its block; the order is that of the legend.
_OUTCOMES = {
    "success": ("ok", "check"),
    "running": ("run", "refresh"),
    "failed": ("bad", "x"),
    "pending": ("idle", "clock"),
    "": ("idle", "minus"),
}
NO_RUN = "No run yet"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """An entity with the strip of its runs, and the look of its block."""

    entity: EntityRow
    strip: RunsStrip
    tone: str
    icon: str
    word: str
    duration: float | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many entities had an outcome. An empty `status` means that they never ran."""

    status: str
    tone: str
    count: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list. `at` is when it started, or is due; `note` says why it is in its status."""

    pk: UUID
    type: str
    status: str
    note: str
    entity_pk: UUID | None
    entity: str
    trigger: str
    at: datetime
    is_due: bool
    ended_at: datetime | None
    duration_seconds: float | None
    rows: int | None
    code: str


@dataclass(frozen=True, slots=True)
class History:
    """The whole page. `cells` says whether blocks are drawn, otherwise a bar; `only` names the chosen entity."""

    head: Head
    has_entities: bool
    synced: int
    total: int
    counts: tuple[Count, ...]
    cells: bool
    rows: tuple[HistoryRow, ...]
    shown: str
    before: str
    after: str
    strip: RunsStrip
    figures: RunFigures
    jobs: tuple[JobRow, ...]
    older_than: UUID | None
    is_older: bool
    only: str


def history_of(
    subject: Subject, *, only: Entity | None = None, older_than: UUID | None = None, after: str = "", before: str = ""
) -> History:
    """Prepare the page. `only` keeps the jobs of one entity, `older_than` turns their pages, the cursors the entities'.

    Raises `ValueError` for a cursor that is none.
    """
    page = _entities(subject, after, before) if subject.has_entities else None
    jobs = list(_jobs(subject.connection, only).older_than(older_than)[: JOBS_PER_PAGE + 1])
    totals = subject.totals
    return History(
        head=head_of(subject),
        has_entities=subject.has_entities,
        synced=totals["synced"],
        total=totals["total"],
        counts=tuple(_counts(subject)),
        cells=totals["total"] <= MOST_CELLS,
        rows=tuple(_row(one, subject.live.get(one.pk)) for one in page.rows) if page else (),
        shown=f"{page.first} to {page.last} of {page.total}" if page and page.rows else "",
        before=page.before if page else "",
        after=page.after if page else "",
        strip=runs_strip(subject.connection.recent_runs, is_running=bool(subject.running)),
        figures=run_figures(subject.connection.recent_runs),
        jobs=tuple(job_row(job, subject.live, subject.now) for job in jobs[:JOBS_PER_PAGE]),
        older_than=jobs[JOBS_PER_PAGE - 1].pk if len(jobs) > JOBS_PER_PAGE else None,
        is_older=older_than is not None,
        only=only.name if only else "",
    )


def job_row(job: Job, live: dict[UUID | None, Live], now: datetime) -> JobRow:
    """Prepare one job; of one that runs, rows and duration are those so far."""
    running = live.get(job.entity_id)
    so_far = running.rows if running and running.is_running and running.job_id == job.pk else None
    # One that waits for its next attempt has started before; what counts is when it starts next.
    is_over, waits = job.status in ENDED, job.status == JobStatus.PENDING
    took = (job.ended_at or now) - job.started_at if job.started_at and not waits else None
    rows = job.rows_loaded if is_over else so_far
    return JobRow(
        pk=job.pk,
        type=job.get_type_display(),
        status=job.status,
        note=_attempt_note(job),
        entity_pk=job.entity_id,
        entity=job.entity.name if job.entity else "",
        trigger=_trigger(job),
        at=(job.next_attempt_at if waits else job.started_at) or job.created_at,
        is_due=waits,
        ended_at=job.ended_at,
        duration_seconds=took.total_seconds() if took else None,
        rows=rows if job.type in SYNC_TYPES else None,
        code=job.error_code,
    )


def _entities(subject: Subject, after: str, before: str) -> Slice[Entity]:
    entities = subject.connection.entities.selected().with_rank()
    return cut(entities, LIST_ORDER, size=ENTITIES_PER_PAGE, after=after, before=before)


def _jobs(connection: Connection, only: Entity | None) -> JobQuerySet:
    whose = Job.objects.filter(entity=only) if only else Job.objects.filter(connection=connection)
    return whose.for_history()


def _row(entity: Entity, live: Live | None) -> HistoryRow:
    row = entity_row(entity, live)
    tone, icon = _OUTCOMES[row.outcome]
    strip = runs_strip(entity.recent_runs, of=entity.name, is_running=live is not None and live.is_running)
    return HistoryRow(
        entity=row,
        strip=strip,
        tone=tone,
        icon=icon,
        word=JobStatus(row.outcome).label if row.outcome else NO_RUN,
        duration=None if row.duration_ms is None else row.duration_ms / 1000,
    )


def _counts(subject: Subject) -> Iterable[Count]:
    totals = subject.totals
    live = len(subject.live)
    known = {
        "success": totals["success"],
        "running": subject.running,
        "failed": totals["failed"],
        "pending": live - subject.running,
    }
    known[""] = totals["total"] - sum(known.values())
    for status, count in known.items():
        if count > 0:
            yield Count(status, _OUTCOMES[status][0], count)


def _attempt_note(job: Job) -> str:
    if job.status == JobStatus.PENDING and job.attempt:
        return f"Attempt {job.attempt + 1} of {job.max_attempts}"
    return f"Attempt {job.attempt}" if job.status == JobStatus.RUNNING and job.attempt > 1 else ""


def _trigger(job: Job) -> str:
    if job.trigger in {Trigger.USER, Trigger.API} and job.actor:
        return job.actor.get_username()
    return Trigger(job.trigger).label
