"""When a connection's entities run: anchored slots that neither late nor manual runs move.

An interval's slots are `anchor + offset + k · interval`; the offset spreads the entities of one connection over the
interval and comes from the entity's id, so it never changes. A cron expression's slots follow the wall clock of its
time zone; cronsim gives the first valid instant for a gap in spring and one run for the overlap in autumn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from cronsim import CronSim

if TYPE_CHECKING:
    from connectors.models import Connection

# Seconds; the six choices of a fixed interval.
INTERVALS = {
    60: "Every minute",
    300: "Every 5 min",
    900: "Every 15 min",
    3600: "Hourly",
    21600: "Every 6 h",
    86400: "Daily",
}
_LOW_BITS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rule of one entity's runs. `offset` is the entity's place inside the interval."""

    kind: str
    interval: timedelta
    anchor: datetime
    offset: timedelta = timedelta()
    cron: str = ""
    zone: str = "UTC"


def schedule_of(connection: Connection, entity_id: UUID | None = None, *, is_spread: bool = False) -> Schedule:
    """Return the schedule of a connection, or of one of its entities when it has several (`is_spread`)."""
    interval = timedelta(seconds=connection.interval_seconds)
    fraction = (entity_id.int & _LOW_BITS) / (_LOW_BITS + 1) if entity_id and is_spread else 0.0
    offset = timedelta(seconds=int(interval.total_seconds() * fraction))
    return Schedule(
        kind=connection.schedule_kind,
        interval=interval,
        anchor=connection.anchor_at,
        offset=offset,
        cron=connection.cron,
        zone=connection.time_zone,
    )


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first slot later than `after` (both aware), None when it only runs by hand.

    Raises `cronsim.CronSimError` for a cron expression that is not one.
    """
    return next(slots(schedule, after), None)


def slots(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the slots later than `after`, in UTC and in order, without an end; nothing for a manual schedule."""
    if schedule.kind == "interval":
        first = schedule.anchor + schedule.offset
        passed = (after - first) // schedule.interval
        slot = first + (passed + 1) * schedule.interval
        while True:
            yield slot
            slot += schedule.interval
    elif schedule.kind == "cron":
        for moment in CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))):
            yield moment.astimezone(UTC)


def missed_between(schedule: Schedule, slot: datetime, now: datetime) -> int:
    """Return how many slots after `slot` have passed by `now`; they are made up by one run, not by many."""
    if schedule.kind == "interval":
        return max(0, (now - slot) // schedule.interval)
    missed = 0
    for later in slots(schedule, slot):
        if later > now:
            break
        missed += 1
    return missed


def in_words(connection: Connection) -> str:
    """Return the schedule as a list shows it, such as "Every 5 min"."""
    if connection.schedule_kind == "manual":
        return "By hand"
    if connection.schedule_kind == "cron":
        return f"{connection.cron} ({connection.time_zone})"
    known = INTERVALS.get(connection.interval_seconds)
    return known or f"Every {connection.interval_seconds // 60} min"
