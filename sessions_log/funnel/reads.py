"""What the tallies and the sessions themselves say, as few rows whatever there is. Each function is one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection as database

from sessions_log.funnel.days import DAY_OF_ID, Days
from sessions_log.funnel.scope import Scope
from sessions_log.funnel.times import TIMES_OF, Times
from sessions_log.stages import STAGES

# The sessions of those days that have no tallies. One connection's have none, and an index of their own.
_LIVE = (
    "unnest(%(lows)s::uuid[], %(highs)s::uuid[]) AS span (low, high) "
    "JOIN sessions_log_session ON id >= span.low AND id < span.high"
)
_OPENED = "furthest >= 1 AND status NOT IN ('created', 'opened')"
_OUTCOMES = f"""
SELECT provider, furthest, status, sum(sessions)::bigint, sum(asked_mfa)::bigint, sum(asked_entities)::bigint
FROM (
    SELECT provider, furthest, status, sessions, asked_mfa, asked_entities
    FROM sessions_log_sessiontally WHERE day = ANY(%(days)s::date[]) AND {{of}}
    UNION ALL
    SELECT provider, furthest, status, 1, (stage_ms ? 'mfa')::int, (stage_ms ? 'entity_selection')::int
    FROM {_LIVE} WHERE {{of}} AND {{mine}}
) AS one GROUP BY provider, furthest, status
"""  # noqa: S608 - every part is a text of ours
_WEEKS = f"""
SELECT date_trunc('week', day)::date, provider, sum(opened)::bigint, sum(connected)::bigint
FROM (
    SELECT day, provider, sessions AS opened, CASE WHEN status = 'completed' THEN sessions ELSE 0 END AS connected
    FROM sessions_log_sessiontally WHERE day = ANY(%(days)s::date[]) AND {{of}} AND {_OPENED}
    UNION ALL
    SELECT {DAY_OF_ID}, provider, 1, (status = 'completed')::int FROM {_LIVE} WHERE {{of}} AND {{mine}} AND {_OPENED}
) AS one GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - likewise
_FINDINGS = f"""
SELECT code, provider, sum(sessions)::bigint, sum(connected)::bigint
FROM (
    SELECT code, provider, sessions, connected
    FROM sessions_log_findingtally WHERE day = ANY(%(days)s::date[]) AND {{of}}
    UNION ALL
    SELECT jsonb_array_elements(findings) ->> 'code', provider, 1, (status = 'completed')::int
    FROM {_LIVE} WHERE {{of}} AND {{mine}}
) AS one GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - likewise
_TIMES = f"""
SELECT scope, stage, bucket, sum(times)::bigint
FROM (
    SELECT scope, stage, bucket, times FROM sessions_log_timetally, unnest(buckets, counts) AS one (bucket, times)
    WHERE day = ANY(%(days)s::date[]) AND kind = %(kind)s
        AND (scope = %(scope)s OR scope LIKE 'provider:%%' AND stage = '')
    UNION ALL
    SELECT scope, stage, bucket, 1
    FROM ({TIMES_OF.format(sessions=_LIVE, condition="{of} AND {mine}")}) AS took,
        unnest(ARRAY[%(scope)s, CASE WHEN stage = '' THEN nullif('provider:' || provider, %(scope)s) END]) AS scope
) AS one WHERE scope IS NOT NULL GROUP BY 1, 2, 3
"""  # noqa: S608 - likewise


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many sessions of a provider ended, or are, at a stage with a status."""

    provider: str
    furthest: int
    status: str
    sessions: int
    asked_mfa: int
    asked_entities: int


@dataclass(frozen=True, slots=True)
class Week:
    """How many of those who opened their link in a week ended, and how many of these connected."""

    begin: date
    provider: str
    opened: int
    connected: int


@dataclass(frozen=True, slots=True)
class Met:
    """In how many sessions with a provider something stood out, and how many of these connected all the same."""

    code: str
    provider: str
    sessions: int
    connected: int


def read_outcomes(scope: Scope, days: Days) -> list[Outcome]:
    """Return where the sessions of the days came to and how they stand."""
    return [Outcome(*row) for row in _rows(_OUTCOMES, scope, days)]


def read_weeks(scope: Scope, days: Days) -> list[Week]:
    """Return how many opened and connected by week, which begins on a Monday, and provider."""
    return [Week(*row) for row in _rows(_WEEKS, scope, days)]


def read_findings(scope: Scope, days: Days) -> list[Met]:
    """Return what stood out in the sessions of the days."""
    return [Met(*row) for row in _rows(_FINDINGS, scope, days)]


def read_times(scope: Scope, days: Days) -> dict[tuple[str, str], Times]:
    """Return the times by scope (the asked one, and "provider:<kind>" for each) and stage, empty for the whole."""
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for of, stage, bucket, times in _rows(_TIMES, scope, days):
        counts[of, stage][bucket] = times
    return {key: Times(found) for key, found in counts.items()}


def _rows(statement: str, scope: Scope, days: Days) -> Iterator[tuple[Any, ...]]:
    mine = "connection_id = %(connection)s" if scope.connection else "true"
    values = {**days.values(), **scope.values(), "stages": list(STAGES)}
    with database.cursor() as cursor:
        cursor.execute(statement.format(of=scope.condition(), mine=mine), values)
        yield from cursor.fetchall()
