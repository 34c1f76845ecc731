"""The overdue watchdog: schedules whose time passed and nothing started, and the signs of life that every page shows.

A slot is overdue a minute after its time, so even the shortest schedule is told within two of its intervals. It reads
stored facts only and needs no process of its own: what is told cannot be lost with a worker or with beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection as database

from connectors.models import Entity
from jobs.models import Lease, LeaseQuerySet, Queue
from jobs.services.why import SILENT_AFTER, WORKER_ALIVE, Situation, waiting, waiting_reason, why_no_job

OVERDUE_AFTER = timedelta(seconds=60)
# Counted no further than this: a page says "1,000 or more" as well as the exact number.
COUNTED_TO = 1000
SHOWN = 20

_VITALS = """
SELECT
  (SELECT count(*) FROM (
    SELECT FROM connectors_entity WHERE next_run_at < now() - %(overdue)s AND is_selected LIMIT %(most)s) due)
  + (SELECT count(*) FROM (
    SELECT FROM jobs_lease WHERE slot_at < now() - %(overdue)s AND state = 'pending' AND attempt = 0
    LIMIT %(most)s) waiting),
  (SELECT at FROM jobs_pulse WHERE name = 'tick'),
  (SELECT at < now() - %(silent)s FROM jobs_pulse WHERE name = 'tick'),
  ARRAY(SELECT DISTINCT queue FROM jobs_worker WHERE seen_at >= now() - %(alive)s AND draining_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Vitals:
    """The signs of life: overdue schedules (counted to `COUNTED_TO` each way), the last tick, queues with a worker."""

    overdue: int
    tick_at: datetime | None
    is_silent: bool
    queues: frozenset[str]

    @property
    def deserted(self) -> tuple[str, ...]:
        """The queues that no worker serves."""
        return tuple(queue.value for queue in Queue if queue.value not in self.queues)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A schedule whose time passed. `job_id` names the job that waits; None when not even that was made.

    `key` tells it from all others.
    """

    key: str
    connection_id: UUID
    connection: str
    entity: str
    slot_at: datetime
    why: str
    job_id: UUID | None


def vitals() -> Vitals:
    """Read the signs of life, in one query over small tables and an index."""
    values: dict[str, Any] = {
        "overdue": OVERDUE_AFTER,
        "most": COUNTED_TO,
        "silent": SILENT_AFTER,
        "alive": WORKER_ALIVE,
    }
    with database.cursor() as cursor:
        cursor.execute(_VITALS, values)
        overdue, tick_at, is_silent, queues = cursor.fetchone()
    return Vitals(overdue, tick_at, bool(is_silent), frozenset(queues))


def overdue(situation: Situation) -> list[Overdue]:
    """Return the schedules that are overdue, the longest waiting first, `SHOWN` at most. Two queries."""
    limit = situation.now - OVERDUE_AFTER
    without_job = Entity.objects.selected().filter(next_run_at__lt=limit).order_by("next_run_at", "pk")
    named = without_job.select_related("connection").only("name", "next_run_at", "connection__name")
    found = [_without_job(entity, situation) for entity in named[:SHOWN]]
    found += [_waiting(lease, situation) for lease in _late(situation)[:SHOWN]]
    return sorted(found, key=lambda one: one.slot_at)[:SHOWN]


def _late(situation: Situation) -> LeaseQuerySet:
    late = Lease.objects.pending().filter(slot_at__lt=situation.now - OVERDUE_AFTER, attempt=0)
    return waiting(late, situation.now).order_by("slot_at", "pk")


def _without_job(entity: Entity, situation: Situation) -> Overdue:
    slot = entity.next_run_at or situation.now
    why = why_no_job(slot, situation).clause.partition(", ")[2].removeprefix("but ")
    return Overdue(entity.pk.hex, entity.connection_id, entity.connection.name, entity.name, slot, _line(why), None)


def _waiting(lease: Lease, situation: Situation) -> Overdue:
    return Overdue(
        key=lease.job_id.hex,
        connection_id=lease.connection_id,
        connection=lease.connection.name,
        entity=lease.entity.name if lease.entity else "",
        slot_at=lease.slot_at or lease.available_at,
        why=_line(waiting_reason(lease, situation).clause),
        job_id=lease.job_id,
    )


def _line(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}"
