"""Changes when a connection runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.models import Connection, Entity, ScheduleKind
from connectors.services import activity, facts
from connectors.services.changing import refuse_changed, version_of


@dataclass(frozen=True, slots=True)
class Plan:
    """When a connection runs. What a kind does not need (`cron` of an interval) keeps its last value."""

    schedule_kind: str
    interval_seconds: int
    cron: str
    time_zone: str


def plan_of(connection: Connection) -> Plan:
    """Return when a connection runs now."""
    return Plan(connection.schedule_kind, connection.interval_seconds, connection.cron, connection.time_zone)


def plan_version(connection: Connection) -> str:
    """Name the schedule that a page shows."""
    return version_of(asdict(plan_of(connection)))


@transaction.atomic
def reschedule(*, connection: Connection, plan: Plan, actor: User | None, seen: str = "") -> bool:
    """Store when a connection runs, and plan the next run of every entity anew. Returns whether anything changed.

    The anchor stays, so an interval's slots come back to the same minutes. A run that is due already stays due: the
    tick has not made it yet, and it must not be lost. Raises `Connection.DoesNotExist`, and `ChangedMeanwhileError`
    for a `seen` version that is not the stored one any more.
    """
    locked = facts.lock(connection.pk)
    before = plan_of(locked)
    if before == plan:
        return False
    if seen:
        refuse_changed(locked, stored=asdict(before), seen=seen)
    _store(locked, plan)
    now = timezone.now()
    facts.lock_entities(locked)
    Entity.objects.filter(connection=locked, next_run_at__gt=now).update(next_run_at=None)
    facts.refresh(locked, now=now)
    changes = activity.differences(_told(before), _told(plan))
    activity.record("connection.rescheduled", actor=actor, connection=locked, changes=changes)
    return True


def _store(locked: Connection, plan: Plan) -> None:
    values = asdict(plan)
    for name, value in values.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(values))


def _told(plan: Plan) -> dict[str, Any]:
    """Return what counts of a plan: of an interval not the expression that it once had."""
    if plan.schedule_kind == ScheduleKind.INTERVAL:
        return {"schedule_kind": plan.schedule_kind, "interval_seconds": plan.interval_seconds}
    if plan.schedule_kind == ScheduleKind.CRON:
        return {"schedule_kind": plan.schedule_kind, "cron": plan.cron, "time_zone": plan.time_zone}
    return {"schedule_kind": plan.schedule_kind}
