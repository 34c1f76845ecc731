"""The drawer of one entity: its figures, the durations of its last runs, its last jobs, and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from django.utils import timezone

from connectors.models import Entity
from dashboard.charts import DurationChart, RunFigures, duration_chart, run_figures, run_time
from dashboard.pages.connection import Live, Subject
from dashboard.pages.history import JobRow, job_row
from dashboard.pages.overview import LIST_ORDER
from jobs.models import Job

LAST_JOBS = 10


@dataclass(frozen=True, slots=True)
class EntityPage:
    """What the drawer shows. `failing_since` is the first failure of the streak; `previous` and `next` are ids."""

    pk: UUID
    name: str
    ref: str
    word: str
    provider: str
    status: str
    live: Live | None
    refusal: str
    synced_at: datetime | None
    next_run_at: datetime | None
    figures: RunFigures
    streak: int
    failing_since: datetime | None
    chart: DurationChart | None
    jobs: tuple[JobRow, ...]
    previous: UUID | None
    next: UUID | None


def entity_page_of(subject: Subject, entity: Entity, *, refusal: str) -> EntityPage:
    """Prepare the drawer of `entity`, which was read with its rank.

    `refusal` says why no sync can be started, empty if one can.
    """
    jobs = Job.objects.filter(entity=entity).for_history()[:LAST_JOBS]
    return EntityPage(
        pk=entity.pk,
        name=entity.name,
        ref=entity.ref,
        word=subject.provider.entity_word,
        provider=subject.provider.name,
        status=entity.status,
        live=subject.live.get(entity.pk),
        refusal=refusal,
        synced_at=entity.last_success_at,
        next_run_at=entity.next_run_at,
        figures=run_figures(entity.recent_runs),
        streak=entity.failure_streak,
        failing_since=_failing_since(entity),
        chart=duration_chart(entity.recent_runs, timezone.get_current_timezone()),
        jobs=tuple(job_row(job, subject.live, subject.now) for job in jobs),
        previous=_neighbour(subject, entity, is_reversed=True),
        next=_neighbour(subject, entity, is_reversed=False),
    )


def _failing_since(entity: Entity) -> datetime | None:
    """Return when the streak began, as far as the last 30 runs reach back."""
    failed = list(takewhile(lambda run: run["status"] == "failed", reversed(entity.recent_runs)))
    return run_time(failed[-1]) if failed else None


def _neighbour(subject: Subject, entity: Entity, *, is_reversed: bool) -> UUID | None:
    """Return the next entity in list order, or the one before."""
    place = LIST_ORDER.beyond([key.value(entity) for key in LIST_ORDER.keys], is_reversed=is_reversed)
    ordered = (
        subject.connection.entities.selected()
        .with_rank()
        .filter(place)
        .order_by(*LIST_ORDER.fields(is_reversed=is_reversed))
    )
    return ordered.values_list("pk", flat=True).first()
