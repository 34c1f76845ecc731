"""The drawer of one entity: its figures, the durations of its last runs, its last jobs, and its neighbours."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from connectors.models import Entity, Outcome
from connectors.providers import registry as providers
from dashboard import formatting
from dashboard.charts import DurationChart, RunFigures, duration_chart, run_figures, run_time
from dashboard.pages.connection import Live, Subject
from dashboard.pages.entity_rows import LIST_ORDER
from dashboard.pages.history import History, JobRow, filtered, job_row
from jobs.models import Job, Lease, LeaseState

if TYPE_CHECKING:
    from dashboard.forms.history import Asked

LAST_JOBS = 10


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The next entity of the list, and the query of its address, which keeps the list as it is filtered."""

    pk: UUID
    query: str


@dataclass(frozen=True, slots=True)
class EntityPage:
    """What the drawer shows. `failing_since` is the first failure of the streak."""

    pk: UUID
    name: str
    ref: str
    word: str
    provider: str
    status: str
    is_excluded: bool
    live: Live | None
    refusal: str
    synced_at: datetime | None
    next_run_at: datetime | None
    figures: RunFigures
    streak: int
    failing_since: datetime | None
    chart: DurationChart | None
    jobs: tuple[JobRow, ...]
    previous: Neighbour | None
    next: Neighbour | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What excluding an entity means: what ends, and what stays as it is. `word` is what one of them is called."""

    word: str
    ends: tuple[str, ...]
    stays: tuple[str, ...]


def exclusion_of(entity: Entity) -> Exclusion:
    """Say what excluding `entity` does now. One query."""
    word = providers.manifest(entity.connection.provider).entity_word
    states = set(Lease.objects.syncs().filter(entity=entity).values_list("state", flat=True))
    ends = ["No new sync of it starts, by schedule or by hand"]
    if LeaseState.PENDING in states:
        ends.append("Its sync that waits is cancelled")
    stays = [f"The others sync as before; this {word} counts in no status any more"]
    if LeaseState.RUNNING in states:
        stays.append("Its sync that runs now is left to finish")
    rows = f"{formatting.number(entity.last_rows)} rows of the last sync" if entity.last_rows else "What was loaded"
    stays.append(f"{rows} stay at the destination and grow old" if entity.last_rows else f"{rows} stays and grows old")
    stays.append("It stays in the list, from where it can be included again")
    return Exclusion(word, tuple(ends), tuple(stays))


def entity_page_of(subject: Subject, entity: Entity, asked: Asked, history: History) -> EntityPage:
    """Prepare the drawer of `entity`, which was read with its rank, beside the list of `history`."""
    shown = {row.entity.pk for row in history.rows}
    jobs = Job.objects.filter(entity=entity).for_history()[:LAST_JOBS]
    return EntityPage(
        pk=entity.pk,
        name=entity.name,
        ref=entity.ref,
        word=subject.provider.entity_word,
        provider=subject.provider.name,
        status=entity.status if entity.is_selected else Outcome.EXCLUDED,
        is_excluded=not entity.is_selected,
        live=subject.live.get(entity.pk),
        refusal=history.head.refusal or ("" if entity.is_selected else "Excluded: it syncs again once it is included"),
        synced_at=entity.last_success_at,
        next_run_at=entity.next_run_at,
        figures=run_figures(entity.recent_runs),
        streak=entity.failure_streak,
        failing_since=_failing_since(entity),
        chart=duration_chart(entity.recent_runs, timezone.get_current_timezone()),
        jobs=tuple(job_row(job, subject.live, subject.now) for job in jobs),
        previous=_neighbour(subject, entity, asked, shown, is_reversed=True),
        next=_neighbour(subject, entity, asked, shown, is_reversed=False),
    )


def _failing_since(entity: Entity) -> datetime | None:
    """Return when the streak began, as far as the last 30 runs reach back."""
    failed = list(takewhile(lambda run: run["status"] == "failed", reversed(entity.recent_runs)))
    return run_time(failed[-1]) if failed else None


def _neighbour(
    subject: Subject, entity: Entity, asked: Asked, shown: Collection[UUID], *, is_reversed: bool
) -> Neighbour | None:
    """Return the next entity of the list as it is filtered, or the one before."""
    place = LIST_ORDER.beyond([key.value(entity) for key in LIST_ORDER.keys], is_reversed=is_reversed)
    ordered = filtered(subject, asked).filter(place).order_by(*LIST_ORDER.fields(is_reversed=is_reversed))
    found = ordered.only("connection_id").first()
    if found is None:
        return None
    if found.pk in shown:
        return Neighbour(found.pk, asked.query())
    # The page of the list that holds it is shown beside it.
    here, other = ("before", "after") if is_reversed else ("after", "before")
    return Neighbour(found.pk, asked.query(**{here: LIST_ORDER.cursor(entity), other: None}))
