"""Which days are read from their tallies, and which from the sessions themselves.

A day is read from its sessions when it was never added up, or when one of them changed since: so counts are right at
every moment, and what is late is cost, not truth. Times may be as old as the last roll-up while that is no older than
`TIMES_MAY_LAG`: a median over weeks does not move in a minute, and they cost most to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import connection as database

from connectors.ids import first_id_at
from sessions_log.models import TalliedDay, TallyMark

# What a transaction that began before the mark can still bring: longer than a lock is waited for and a statement takes.
MARGIN = timedelta(seconds=40)
TIMES_MAY_LAG = timedelta(minutes=5)
_DAY = timedelta(days=1)
# An id begins with the millisecond of its making.
DAY_OF_ID = (
    "(to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) AT TIME ZONE 'UTC')::date"
)
_CHANGED = f"""
SELECT DISTINCT {DAY_OF_ID} FROM sessions_log_session WHERE changed_at >= %(since)s AND id >= %(first)s
"""  # noqa: S608 - every part is a text of ours


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a time: those that have tallies, and ranges of ids (low, high) for the rest."""

    tallied: Sequence[date] = ()
    ranges: Sequence[tuple[UUID, UUID]] = ()

    def values(self) -> dict[str, object]:
        """Return the values that SQL names."""
        return {
            "days": list(self.tallied),
            "lows": [low for low, _ in self.ranges],
            "highs": [high for _, high in self.ranges],
        }


@dataclass(frozen=True, slots=True)
class Known:
    """Which days are in the tallies, and which of these changed since they were added up."""

    first: date
    last: date
    tallied: frozenset[date]
    changed: frozenset[date]
    is_fresh: bool

    def since(self, first: date) -> Days:
        """Return the days from `first` on as counts read them."""
        return self._days(first, self.tallied - self.changed)

    def of_times(self, first: date) -> Days:
        """Return the days from `first` on as times read them."""
        return self._days(first, self.tallied if self.is_fresh else self.tallied - self.changed)

    def _days(self, first: date, tallied: frozenset[date]) -> Days:
        all_days = [first + n * _DAY for n in range((self.last - first).days + 1)]
        return Days(
            [day for day in all_days if day in tallied], ranges_of(day for day in all_days if day not in tallied)
        )


def known_days(first: date, now: datetime) -> Known:
    """Return what is known of the days from `first` to today. Two or three queries."""
    tallied = frozenset(TalliedDay.objects.filter(day__gte=first).values_list("day", flat=True))
    mark = mark_at() if tallied else None
    changed = changed_since(mark - MARGIN, first) if mark else frozenset[date]()
    return Known(
        first, last_day(now), tallied if mark else frozenset(), changed, mark is not None and now - mark < TIMES_MAY_LAG
    )


def last_day(now: datetime) -> date:
    """Return the last day that may have sessions: an id that somebody else drew may lie a day ahead."""
    return now.astimezone(UTC).date() + _DAY


def mark_at() -> datetime | None:
    """Return the moment up to which changes are in the tallies, None where nothing was added up."""
    return TallyMark.objects.values_list("at", flat=True).first()


def changed_since(moment: datetime, first: date) -> frozenset[date]:
    """Return the days from `first` on that have a session that changed since `moment`."""
    with database.cursor() as cursor:
        cursor.execute(_CHANGED, {"since": moment, "first": first_id_at(midnight(first))})
        return frozenset(day for (day,) in cursor.fetchall())


def ranges_of(days: Iterable[date]) -> list[tuple[UUID, UUID]]:
    """Return the ranges of ids of days in order, those of neighbours as one: the first id, and the first one after."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and spans[-1][1] == day:
            spans[-1] = spans[-1][0], day + _DAY
        else:
            spans.append((day, day + _DAY))
    return [(first_id_at(midnight(low)), first_id_at(midnight(high))) for low, high in spans]


def midnight(day: date) -> datetime:
    """Return the moment in UTC at which a day begins."""
    return datetime.combine(day, time(), UTC)
