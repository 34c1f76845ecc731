"""When the clocks of a time zone change, and what that does to the runs of a cron expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from connectors.schedules import Schedule, slots

_YEAR = timedelta(days=400)
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change: the instant (UTC), and the distance to UTC before and after it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_forward(self) -> bool:
        """Whether an hour is left out; it comes twice otherwise."""
        return self.after > self.before


@dataclass(frozen=True, slots=True)
class Touched:
    """The runs that a change touches: their first and last time of day, how many, and when they really start.

    `starts` are local times; of a fixed time in an hour that comes twice it is one, which is the first.
    """

    first: datetime
    last: datetime
    count: int
    starts: tuple[datetime, ...]


def changes_after(zone: ZoneInfo, moment: datetime) -> Iterator[ClockChange]:
    """Give the changes of a zone's clocks within the 400 days after `moment`, in order."""
    day, end = moment.astimezone(UTC), moment.astimezone(UTC) + _YEAR
    while day < end:
        before, after = _offset(zone, day), _offset(zone, day + _DAY)
        if before != after:
            yield ClockChange(_instant(zone, day, day + _DAY), before, after)
        day += _DAY


def touched_by(schedule: Schedule, change: ClockChange) -> Touched | None:
    """Return which runs of a cron expression fall into the hour that a change takes out or doubles; None for none."""
    local_before, local_after = _naive(change.at + change.before), _naive(change.at + change.after)
    begin, end = sorted((local_before, local_after))
    # Without a zone: the times as they are written, whether or not the clock shows them.
    written = list(takewhile(lambda slot: slot < end, CronSim(schedule.cron, begin - _SECOND)))
    if not written:
        return None
    since = change.at - (end - begin) if not change.is_forward else change.at
    until = change.at + (end - begin)
    zone = ZoneInfo(schedule.zone)
    real = takewhile(lambda slot: slot < until, slots(schedule, since - _SECOND))
    return Touched(written[0], written[-1], len(written), tuple(slot.astimezone(zone) for slot in real))


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _instant(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first second of the new distance between two moments with different ones."""
    old = _offset(zone, low)
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high.replace(microsecond=0)


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
