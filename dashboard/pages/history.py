"""The job history of one connection: how its entities stand now, one block each, and the list of them, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from connectors.models import Entity, EntityQuerySet, Outcome
from dashboard import formatting
from dashboard.charts import RunFigures, RunsStrip, run_figures, runs_strip
from dashboard.pages.chips import Chip, Choice
from dashboard.pages.connection import Head, Live, Subject, head_of
from dashboard.pages.entity_rows import ENTITIES_PER_PAGE, LIST_ORDER, EntityRow, entity_row
from dashboard.pages.keyset import Slice, cut
from jobs.models import ENDED, SYNC_TYPES, Job, JobStatus, Trigger

if TYPE_CHECKING:
    from dashboard.forms.history import Asked

# Above this many entities the blocks become one bar.
MOST_CELLS = 60
# The colour of an outcome, and the icon inside its block.
_LOOKS = {
    Outcome.FAILED: ("bad", "x"),
    Outcome.RUNNING: ("run", "refresh"),
    Outcome.PENDING: ("idle", "clock"),
    Outcome.NEVER: ("idle", "minus"),
    Outcome.SUCCESS: ("ok", "check"),
}
# What a search replaces: the text, and the place in the list that it was.
_OF_THE_SEARCH = ("text", "after", "before")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """An entity with the strip of its runs."""

    entity: EntityRow
    strip: RunsStrip
    duration: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """The block of an entity in the bar."""

    pk: UUID
    name: str
    tone: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many entities have an outcome, and the address that lists only them."""

    status: str
    word: str
    tone: str
    count: int
    href: str


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
    """The page without its jobs, with the blocks of the bar as `cells`.

    `share` is how much of it synced in the last 24 hours, `again` how many of these wait or run again. With too many
    entities for blocks there are none, and the bar has one part per outcome.
    """

    head: Head
    has_entities: bool
    synced: int
    total: int
    share: str
    again: int
    counts: tuple[Count, ...]
    cells: tuple[Cell, ...]
    rows: tuple[HistoryRow, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[tuple[str, str], ...]
    found: int
    shown: str
    before: str
    after: str
    strip: RunsStrip
    figures: RunFigures


def history_of(subject: Subject, asked: Asked) -> History:
    """Prepare the page. Raises `ValueError` for a place in the list of entities that is none."""
    page = _entities(subject, asked) if subject.has_entities else None
    totals = subject.totals
    return History(
        head=head_of(subject),
        has_entities=subject.has_entities,
        synced=totals["synced"],
        total=totals["total"],
        share=formatting.percent(totals["synced"], totals["total"]),
        again=totals["again"],
        counts=tuple(_counts(subject, asked)),
        cells=tuple(_cells(subject)) if page and totals["total"] <= MOST_CELLS else (),
        rows=tuple(_row(one, subject.live.get(one.pk)) for one in page.rows) if page else (),
        chips=(_outcomes(asked),),
        hidden=tuple((name, str(value)) for name, value in asked.values.items() if name not in _OF_THE_SEARCH),
        found=page.total if page else 0,
        shown=f"{page.first} to {page.last} of {page.total}" if page and page.rows else "",
        before=asked.link(before=page.before, after=None) if page and page.before else "",
        after=asked.link(after=page.after, before=None) if page and page.after else "",
        strip=runs_strip(subject.connection.recent_runs, is_running=bool(subject.running)),
        figures=run_figures(subject.connection.recent_runs),
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


def _entities(subject: Subject, asked: Asked) -> Slice[Entity]:
    found = filtered(subject, asked)
    return cut(found, LIST_ORDER, size=ENTITIES_PER_PAGE, after=asked["after"] or "", before=asked["before"] or "")


def filtered(subject: Subject, asked: Asked) -> EntityQuerySet:
    """Return the entities that the list and the way from one drawer to the next are made of."""
    return subject.entities.matching(asked["text"] or "").filter(**asked.only("outcome"))


def _row(entity: Entity, live: Live | None) -> HistoryRow:
    row = entity_row(entity, live)
    strip = runs_strip(entity.recent_runs, of=entity.name, is_running=live is not None and live.is_running)
    return HistoryRow(row, strip, None if row.duration_ms is None else row.duration_ms / 1000)


def _cells(subject: Subject) -> Iterable[Cell]:
    """Yield one block per entity that syncs, in the order of the list, whatever that is filtered by."""
    ordered = subject.entities.selected().order_by(*LIST_ORDER.fields())
    for entity in ordered.only("name", "connection_id"):
        outcome = Outcome(vars(entity)["outcome"])
        tone, icon = _LOOKS[outcome]
        yield Cell(entity.pk, entity.name, tone, icon, outcome.label)


def _counts(subject: Subject, asked: Asked) -> Iterable[Count]:
    """Yield how many entities that sync have each outcome, without those that none has."""
    for outcome, (tone, _) in _LOOKS.items():
        if count := subject.totals[outcome]:
            yield Count(outcome, outcome.label, tone, count, _only(asked, outcome.value))


def _outcomes(asked: Asked) -> Chip:
    chosen = asked["outcome"]
    return Chip(
        name="outcome",
        label="Status",
        value=Outcome(chosen).label if chosen else "",
        href=_only(asked, None),
        choices=tuple(
            Choice(words, _only(asked, None if value == chosen else value), value == chosen)
            for value, words in Outcome.choices
        ),
    )


def _only(asked: Asked, outcome: str | None) -> str:
    return asked.link(outcome=outcome, after=None, before=None)


def _attempt_note(job: Job) -> str:
    if job.status == JobStatus.PENDING and job.attempt:
        return f"Attempt {job.attempt + 1} of {job.max_attempts}"
    return f"Attempt {job.attempt}" if job.status == JobStatus.RUNNING and job.attempt > 1 else ""


def _trigger(job: Job) -> str:
    if job.trigger in {Trigger.USER, Trigger.API} and job.actor:
        return job.actor.get_username()
    return Trigger(job.trigger).label
