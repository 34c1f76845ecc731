"""The head of the list of connections: totals, the four status cards, and what happened in the last 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from connectors.models import Connection, Entity, Pause, Status
from dashboard import formatting
from dashboard.pages.connection_rows import Clock
from dashboard.pages.outcomes import Outcomes, outcomes
from jobs.models import Lease


@dataclass(frozen=True, slots=True)
class Card:
    """One status: how many connections have it, and the fact under the number. It ignores the list's filters."""

    status: str
    count: str
    sub: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands above the table."""

    sub: str
    cards: tuple[Card, ...]
    outcomes: Outcomes
    is_empty: bool
    is_busy: bool


def summary(clock: Clock) -> Summary:
    """Count connections, entities, pauses, running syncs and the jobs of 24 h: five queries."""
    totals = _totals(clock)
    syncing = Lease.objects.syncs().running().values("connection").distinct().count()
    by_rule = Pause.objects.open().filter(is_by_rule=True).count()
    entities = Entity.objects.selected().filter(connection__deleted_at__isnull=True).count()
    subs = {
        Status.ACTIVE: f"{syncing} syncing now" if syncing else "None syncing",
        Status.BROKEN: _broken_sub(totals["broken"], totals["broken_today"]),
        Status.INCOMPLETE: _incomplete_sub(totals["oldest_incomplete"], clock),
        Status.PAUSED: _paused_sub(totals["paused"], by_rule),
    }
    return Summary(
        sub=f"{_counted(totals['all'], 'connection', 'connections')}, {_counted(entities, 'entity', 'entities')}",
        cards=tuple(Card(status, formatting.number(totals[status]), sub) for status, sub in subs.items()),
        outcomes=outcomes(clock.now, clock.zone),
        is_empty=not totals["all"],
        is_busy=bool(syncing),
    )


def _totals(clock: Clock) -> dict[str, Any]:
    connections: QuerySet[Connection] = Connection.objects.all()
    midnight = clock.now.astimezone(clock.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, Any] = connections.aggregate(
        all=Count("pk"),
        **{status: Count("pk", filter=Q(status=status)) for status in Status.values},
        broken_today=Count("pk", filter=Q(status=Status.BROKEN, status_since__gte=midnight)),
        oldest_incomplete=Min("status_since", filter=Q(status=Status.INCOMPLETE)),
    )
    return found


def _counted(count: int, one: str, many: str) -> str:
    return f"{formatting.number(count)} {one if count == 1 else many}"


def _broken_sub(broken: int, today: int) -> str:
    if not broken:
        return "Nothing broken"
    return f"{today} since midnight" if today else "None since midnight"


def _incomplete_sub(oldest: datetime | None, clock: Clock) -> str:
    return f"Oldest {formatting.elapsed_time(oldest, clock.now)}" if oldest else "All set up"


def _paused_sub(paused: int, by_rule: int) -> str:
    if not paused:
        return "Nothing paused"
    return f"{by_rule} by Patchbay" if by_rule else "All by people"
