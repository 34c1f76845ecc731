"""The facts that hints rest on: fixed windows up to now, whatever period a page shows. Four queries.

They are kept for two minutes in each process, since they speak of days: a page that polls costs no more for them.
What a person can change at any moment (the schedule, the credentials) is no part of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.core.cache import cache
from django.db import connection as database

from connectors.ids import first_id_at
from jobs.insight.scope import KEPT_SECONDS, Scope
from jobs.models import JobType

# The last week, and the week that ended four weeks ago.
RECENT, BEFORE = timedelta(days=7), timedelta(days=28)
CELLS_OVER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class TableRows:
    """One table in a window: how it is written, in how many syncs, and the rows read by the middle and last of them."""

    mode: str
    runs: int
    rows: float
    last: float


@dataclass(frozen=True, slots=True)
class Window:
    """The data syncs of a week: how they ended, the quartiles of the good ones' seconds, and their tables.

    `unchanged` are good ones that found nothing new: each of their tables is read by a cursor, and none moved. `span`
    is the time between the first and the last of them all.
    """

    success: int = 0
    failed: int = 0
    p25: float = 0.0
    p50: float = 0.0
    p75: float = 0.0
    unchanged: int = 0
    tables: Mapping[str, TableRows] = field(default_factory=dict)
    span: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one day by the reader's wall clock: how many syncs were made in it, and how many of them failed."""

    day: date
    hour: int
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """The failures of the last week that have one code and one step."""

    code: str
    step: str
    count: int


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What the jobs say. `cells` are of the last two weeks and only where something ran."""

    recent: Window = Window()
    before: Window = Window()
    cells: tuple[Cell, ...] = ()
    clusters: tuple[Cluster, ...] = ()


_SYNCS = "{column} = %(key)s AND id >= %(first)s AND id < %(last)s AND type = %(type)s"
_NOTHING_NEW = "tables <> '[]' AND NOT jsonb_path_exists(tables, '$[*] ? (!(@.new == false))')"
_WINDOW = f"""
SELECT count(*) FILTER (WHERE is_good), count(*) FILTER (WHERE NOT is_good),
    percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE is_good),
    count(*) FILTER (WHERE is_good AND {_NOTHING_NEW}),
    (SELECT jsonb_object_agg(name, jsonb_build_array(mode, runs, rows, last)) FROM (
        SELECT one ->> 'name' AS name, max(one ->> 'mode') AS mode, count(*) AS runs,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY (one ->> 'extracted')::float) AS rows,
            (array_agg((one ->> 'extracted')::float ORDER BY id DESC))[1] AS last
        FROM jobs_job, jsonb_array_elements(tables) AS one WHERE {_SYNCS} AND status = 'success'
            AND one ? 'extracted' GROUP BY 1) AS by_table),
    max(created_at) - min(created_at)
FROM (
    SELECT created_at, status = 'success' AS is_good, tables,
        extract(epoch FROM ended_at - started_at)::float AS seconds
    FROM jobs_job WHERE {_SYNCS} AND status IN ('success', 'failed')
) AS run
"""  # noqa: S608 - every part is a text of ours
_CELLS = f"""
SELECT (created_at AT TIME ZONE %(zone)s)::date, extract(hour FROM created_at AT TIME ZONE %(zone)s)::int, count(*),
    count(*) FILTER (WHERE status = 'failed')
FROM jobs_job WHERE {_SYNCS} AND status IN ('success', 'failed') GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - likewise
_CLUSTERS = f"""
SELECT error_code, error_step, count(*) FROM jobs_job WHERE {_SYNCS} AND status = 'failed'
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""  # noqa: S608 - likewise


def history_facts(scope: Scope, now: datetime, zone: tzinfo) -> HistoryFacts:
    """Return what the jobs of `scope` say at `now`, at most two minutes old."""
    key = f"insight.{scope.key}.{zone}"
    kept: HistoryFacts | None = cache.get(key)
    if kept is None:
        kept = _read(scope, now, zone)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _read(scope: Scope, now: datetime, zone: tzinfo) -> HistoryFacts:
    def rows(statement: str, since: datetime, until: datetime) -> list[Any]:
        values: dict[str, Any] = {
            "key": scope.key,
            "first": first_id_at(since),
            "last": first_id_at(until),
            "type": JobType.DATA_SYNC.value,
            "zone": str(zone),
        }
        with database.cursor() as cursor:
            cursor.execute(statement.format(column=scope.column), values)
            return list(cursor.fetchall())

    # An ID may run a little ahead of the clock.
    end = now + timedelta(minutes=1)
    return HistoryFacts(
        recent=_window(*rows(_WINDOW, now - RECENT, end)[0]),
        before=_window(*rows(_WINDOW, now - BEFORE - RECENT, now - BEFORE)[0]),
        cells=tuple(Cell(*row) for row in rows(_CELLS, now - CELLS_OVER, end)),
        clusters=tuple(Cluster(*row) for row in rows(_CLUSTERS, now - RECENT, end)),
    )


def _window(
    success: int,
    failed: int,
    quartiles: list[float] | None,
    unchanged: int,
    tables: str | None,
    span: timedelta | None,
) -> Window:
    found: dict[str, Any] = json.loads(tables or "{}")
    known = {name: TableRows(mode or "", *counts) for name, (mode, *counts) in found.items()}
    p25, p50, p75 = quartiles or (0.0, 0.0, 0.0)
    return Window(success, failed, p25, p50, p75, unchanged, known, span or timedelta())
