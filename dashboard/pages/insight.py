"""The Insight page of a connection or of one of its entities: trends and failure patterns; `hints` has its hints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from connectors.models import Entity
from dashboard.forms.insight import DEFAULT, PERIODS
from dashboard.pages import insight_charts as charts
from dashboard.pages.connection import Subject
from dashboard.pages.guidance import Guidance, guidance_of
from jobs.insight import Failure, Period, Point, Scope, Trend, read_trend
from jobs.text import counted

# How many pieces a period has, and how long each is.
PIECES = {
    "24h": (24, timedelta(hours=1)),
    "7d": (28, timedelta(hours=6)),
    "28d": (28, timedelta(days=1)),
    "60d": (60, timedelta(days=1)),
}
_STEPS = "check_access", "extract", "normalize", "load", "finalize"


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of the filter: its words, its address or value, and whether it is chosen."""

    words: str
    value: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PieceRow:
    """One piece of the period as text."""

    words: str
    point: Point


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour of the day as text."""

    words: str
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class CodeRow:
    """The failures that have one code: how many, in which steps, when and where last, and what the registry says."""

    guidance: Guidance
    count: int
    steps: str
    last_at: datetime
    last_job_id: UUID


@dataclass(frozen=True, slots=True)
class EntityRow:
    """One entity over the period, with the address of its own page."""

    name: str
    href: str
    success: int
    failed: int
    median: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class Insight:
    """The whole page. `extent` says from when to when, charts are None where they would be empty."""

    periods: tuple[Option, ...]
    entities: tuple[Option, ...]
    period: str
    extent: str
    whose: str
    total: Point
    duration: charts.Chart | None
    rows: charts.Chart | None
    outcomes: charts.Chart | None
    pieces: tuple[PieceRow, ...]
    by_hour: charts.Chart | None
    hours: tuple[HourRow, ...]
    codes: tuple[CodeRow, ...]
    steps: tuple[tuple[str, int], ...]
    by_entity: tuple[EntityRow, ...]


def insight_of(subject: Subject, *, entity: Entity | None = None, period: str = DEFAULT) -> Insight:
    """Prepare the page, of `entity` alone where it is given. Five queries, or three of one entity alone."""
    connection, zone = subject.connection, timezone.get_current_timezone()
    pieces, length = PIECES[period]
    span = Period(subject.now, zone, pieces, length)
    scope = Scope(connection.pk, entity.pk if entity else None)
    trend = read_trend(scope, span, by_entity=subject.has_entities and entity is None)
    address = reverse("connections:insight", args=[connection.pk])
    chosen = {"entity": str(entity.pk)} if entity else {}
    return Insight(
        periods=tuple(
            Option(words, f"{address}?{urlencode({**chosen, 'period': name})}", name == period)
            for name, words in PERIODS.items()
        ),
        entities=tuple(_entities(subject, entity)),
        period=period,
        extent=f"{charts.moment_words(span.starts[0], span)} to now. "
        f"Jobs are kept for {counted(settings.PATCHBAY_RETENTION_DAYS, 'day')}.",
        whose=entity.name if entity else "",
        total=trend.total,
        duration=charts.durations(trend.points, span),
        rows=charts.rows(trend.points, span),
        outcomes=charts.outcomes(trend.points, span),
        pieces=tuple(
            PieceRow(charts.moment_words(at, span), one)
            for at, one in zip(reversed(span.starts), reversed(trend.points), strict=True)
            if one.runs
        ),
        by_hour=charts.by_hour(trend.outcomes),
        hours=tuple(_hours(trend)),
        codes=tuple(_codes(subject, trend, entity)),
        steps=tuple(_steps(trend)),
        by_entity=tuple(_by_entity(subject, trend, period)),
    )


def _entities(subject: Subject, chosen: Entity | None) -> Iterator[Option]:
    """All entities by name, where there are several."""
    if not subject.has_entities:
        return
    names = subject.connection.entities.selected().order_by("name", "pk").values_list("pk", "name")
    for pk, name in names:
        yield Option(name, str(pk), chosen is not None and pk == chosen.pk)


def _hours(trend: Trend) -> Iterator[HourRow]:
    for hour, (runs, failed) in enumerate(zip(*charts.hours_of(trend.outcomes), strict=True)):
        if runs:
            yield HourRow(f"{hour:02}:00 to {(hour + 1) % charts.HOURS:02}:00", runs, failed)


def _codes(subject: Subject, trend: Trend, entity: Entity | None) -> Iterator[CodeRow]:
    """The codes that failures had, the most frequent first."""
    by_code: dict[str, list[Failure]] = {}
    for one in trend.outcomes:
        if one.code:
            by_code.setdefault(one.code, []).append(one)
    for code, found in sorted(by_code.items(), key=lambda item: (-sum(one.count for one in item[1]), item[0])):
        last = max(found, key=lambda one: one.last_at)
        yield CodeRow(
            guidance=guidance_of(code, subject.connection, source=subject.provider.name, entity=entity),
            count=sum(one.count for one in found),
            steps=", ".join(_in_order({one.step for one in found if one.step})),
            last_at=last.last_at,
            last_job_id=last.last_job_id,
        )


def _steps(trend: Trend) -> Iterator[tuple[str, int]]:
    """How many failures each step had, in the order in which a sync takes them."""
    counts: Counter[str] = Counter()
    for one in trend.outcomes:
        if one.code:
            counts[one.step] += one.count
    for name in _in_order(set(counts)):
        yield name or "before the first step", counts[name]


def _in_order(steps: set[str]) -> list[str]:
    return sorted(steps, key=lambda name: (_STEPS.index(name) if name in _STEPS else -1, name))


def _by_entity(subject: Subject, trend: Trend, period: str) -> Iterator[EntityRow]:
    if not trend.entities:
        return
    names = subject.connection.entities.in_bulk([one.entity_id for one in trend.entities])
    address = reverse("connections:insight", args=[subject.connection.pk])
    for one in trend.entities:
        query = urlencode({"entity": one.entity_id, "period": period})
        name = names[one.entity_id].name if one.entity_id in names else "An entity that is gone"
        yield EntityRow(name, f"{address}?{query}", one.success, one.failed, one.median, one.rows)
