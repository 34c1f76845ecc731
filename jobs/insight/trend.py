"""How the syncs of a period went: point by point, by hour of day, code and step, and by entity. Three queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection as database

from connectors.ids import first_id_at
from jobs.insight.scope import KEPT_SECONDS, Scope
from jobs.models import SYNC_TYPES, JobType

ENTITIES_SHOWN = 10
_DAY = timedelta(days=1)
# Every grid of hours and days counts from here, a midnight.
_ORIGIN = datetime(2001, 1, 1)  # noqa: DTZ001 - a wall clock's time, in whatever zone the reader has


@dataclass(frozen=True, slots=True)
class Period:
    """A time up to now, cut into equal pieces by the wall clock of `zone`; the last piece is the one that lasts."""

    now: datetime
    zone: tzinfo
    pieces: int
    length: timedelta

    @property
    def starts(self) -> tuple[datetime, ...]:
        """When each piece begins, as the wall clock shows it (naive)."""
        here = self.now.astimezone(self.zone).replace(tzinfo=None)
        last = here - (here - _ORIGIN) % self.length
        return tuple(last - back * self.length for back in range(self.pieces - 1, -1, -1))

    @property
    def since(self) -> datetime:
        """When the first piece begins."""
        return self.starts[0].replace(tzinfo=self.zone)


@dataclass(frozen=True, slots=True)
class Point:
    """The syncs made in one piece of the period; `at` is its begin, None for all. Durations are in seconds.

    Durations are those of data syncs that ended well, None without one; rows and bytes are of every sync.
    """

    at: datetime | None
    success: int = 0
    failed: int = 0
    cancelled: int = 0
    rows: int = 0
    bytes: int = 0
    median: float | None = None
    p95: float | None = None

    @property
    def runs(self) -> int:
        """All that ended."""
        return self.success + self.failed + self.cancelled

    @property
    def decided(self) -> int:
        """Those that a success rate counts: a cancelled one is neither good nor bad."""
        return self.success + self.failed

    @property
    def rows_per_run(self) -> float | None:
        """The rows that a good run wrote on average, None without one."""
        return self.rows / self.success if self.success else None


@dataclass(frozen=True, slots=True)
class Failure:
    """How many syncs made in an hour of the day ended with a code in a step. Those that ended well have no code."""

    hour: int
    code: str
    step: str
    count: int
    last_job_id: UUID
    last_at: datetime


@dataclass(frozen=True, slots=True)
class EntityTrend:
    """The same of one entity over the whole period."""

    entity_id: UUID
    success: int
    failed: int
    median: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class Trend:
    """What a period says. `points` has one for each piece, also where nothing ran; `entities` the worst first."""

    total: Point
    points: tuple[Point, ...]
    outcomes: tuple[Failure, ...]
    entities: tuple[EntityTrend, ...]


_ENDED = "{column} = %(key)s AND id >= %(first)s AND created_at >= %(since)s AND type = ANY(%(types)s)"
_TOOK = "WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at)::float) FILTER (WHERE is_timed)"
_POINTS = f"""
SELECT at, count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failed'),
    count(*) FILTER (WHERE status = 'cancelled'), sum(rows_loaded)::bigint, sum(bytes)::bigint,
    percentile_cont(ARRAY[0.5, 0.95]) {_TOOK}
FROM (
    SELECT date_bin(%(length)s, created_at AT TIME ZONE %(zone)s, %(origin)s) AS at, status, rows_loaded, bytes,
        started_at, ended_at, status = 'success' AND type = %(timed)s AS is_timed
    FROM jobs_job WHERE {_ENDED} AND ended_at IS NOT NULL
) AS run
GROUP BY GROUPING SETS ((at), ())
"""  # noqa: S608 - every part is a text of ours
_OUTCOMES = f"""
SELECT extract(hour FROM created_at AT TIME ZONE %(zone)s)::int, error_code, error_step, count(*), max(id::text),
    max(created_at)
FROM jobs_job WHERE {_ENDED} AND status IN ('success', 'failed')
GROUP BY 1, 2, 3
"""  # noqa: S608 - likewise
_ENTITIES = f"""
SELECT entity_id, count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failed') AS failed,
    percentile_cont(0.5) {_TOOK} AS median, sum(rows_loaded)::bigint
FROM (
    SELECT entity_id, status, rows_loaded, started_at, ended_at, status = 'success' AND type = %(timed)s AS is_timed
    FROM jobs_job WHERE {_ENDED} AND status IN ('success', 'failed') AND entity_id IS NOT NULL
) AS run
GROUP BY 1 ORDER BY failed DESC, median DESC NULLS LAST, 1 LIMIT %(shown)s
"""  # noqa: S608 - likewise


def read_trend(scope: Scope, period: Period, *, by_entity: bool) -> Trend:
    """Return a period of `scope`. Where its pieces are days it is at most two minutes old: weeks are much to read."""
    if period.length < _DAY:
        return _read(scope, period, by_entity=by_entity)
    key = f"insight.{scope.key}.{period.zone}.{period.starts[0]:%Y%m%d}.{period.pieces}.{by_entity}"
    kept: Trend | None = cache.get(key)
    if kept is None:
        kept = _read(scope, period, by_entity=by_entity)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _read(scope: Scope, period: Period, *, by_entity: bool) -> Trend:
    """Read it: two queries, and one more with `by_entity`."""
    values: dict[str, Any] = {
        "key": scope.key,
        "first": first_id_at(period.since),
        "since": period.since,
        "types": [kind.value for kind in SYNC_TYPES],
        "timed": JobType.DATA_SYNC.value,
        "zone": str(period.zone),
        "length": period.length,
        "origin": _ORIGIN,
        "shown": ENTITIES_SHOWN,
    }
    points = {row[0]: _point(*row) for row in _rows(_POINTS, scope, values)}
    return Trend(
        total=points.pop(None, Point(None)),
        points=tuple(points.get(at, Point(at)) for at in period.starts),
        outcomes=tuple(_outcome(*row) for row in _rows(_OUTCOMES, scope, values)),
        entities=tuple(EntityTrend(*row) for row in _rows(_ENTITIES, scope, values)) if by_entity else (),
    )


def _rows(statement: str, scope: Scope, values: dict[str, Any]) -> list[Any]:
    with database.cursor() as cursor:
        cursor.execute(statement.format(column=scope.column), values)
        return list(cursor.fetchall())


def _point(at: datetime | None, *counts: Any) -> Point:
    *known, spans = counts
    return Point(at, *(count or 0 for count in known), *(spans or (None, None)))


def _outcome(hour: int, code: str, step: str, count: int, last: str, last_at: datetime) -> Failure:
    return Failure(hour, code, step, count, UUID(last), last_at)


def failures(outcomes: Iterable[Failure]) -> tuple[Failure, ...]:
    """Return those of `outcomes` that are failures."""
    return tuple(one for one in outcomes if one.code)
