"""When a connection's entities run: anchored slots that neither late nor manual runs move.

An interval's slots are `anchor + offset + k · interval`; the offset spreads the entities of one connection over the
interval and comes from the entity's id, so it never changes. A cron expression's slots follow the wall clock of its
time zone; cronsim gives the first valid instant for a gap in spring and one run for the overlap in autumn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cron_descriptor import FormatException, MissingFieldException, Options, WrongArgumentException, get_description
from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from connectors.models import Connection, Entity

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
        return f"{cron_in_words(connection.cron)} ({connection.time_zone})"
    known = INTERVALS.get(connection.interval_seconds)
    return known or f"Every {connection.interval_seconds // 60} min"


@lru_cache(maxsize=512)
def cron_in_words(cron: str) -> str:
    """Return a cron expression in words, such as "At 02:30"; one that has none is returned as it is."""
    options = Options()
    options.use_24hour_time_format = True
    # Its own choice is the language of the machine.
    options.locale_code = "en_US"
    try:
        return str(get_description(cron, options))
    except (FormatException, MissingFieldException, WrongArgumentException, ValueError, IndexError):
        return cron


def next_runs(
    connection: Connection, entities: Iterable[Entity], now: datetime, *, is_spread: bool, count: int = 5
) -> list[tuple[datetime, Entity]]:
    """Return the next `count` runs of a connection in order, each with its entity, as the tick will make them.

    `entities` are those that run next, as many as `count`: nobody else can be among the first. Past slots count, as
    the tick still makes them up. Empty when nothing is planned or the schedule cannot be read.
    """
    planned = [_runs_of(schedule_of(connection, one.pk, is_spread=is_spread), one, now) for one in entities]
    try:
        return list(islice(merge(*planned, key=lambda run: run[0]), count))
    except (CronSimError, ZoneInfoNotFoundError):
        return []


def _runs_of(schedule: Schedule, entity: Entity, now: datetime) -> Iterator[tuple[datetime, Entity]]:
    """Yield the planned run of an entity, then what `next_slot` gives once the tick has claimed it."""
    if entity.next_run_at is None:
        return
    yield entity.next_run_at, entity
    for slot in slots(schedule, max(entity.next_run_at, now)):
        yield slot, entity
