"""Adds up the sessions of each day that changed, for the funnel (`sessions_log.models.tally`).

Two roll-ups at once do no harm: the second finds the mark locked and leaves the work to the first.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.ids import first_id_at
from sessions_log.funnel.days import DAY_OF_ID, MARGIN, changed_since, midnight
from sessions_log.funnel.scope import EVERYBODY, assisted, integration_of
from sessions_log.funnel.times import TIMES_OF
from sessions_log.models import FindingTally, Session, SessionTally, TalliedDay, TallyMark, TimeTally
from sessions_log.stages import STAGES

# Seconds after which no further day is begun: the same worker starts schedules. What is left is read from the sessions
# until the next roll-up.
LONGEST = 2.0
_DAY = timedelta(days=1)
_TALLIES = (SessionTally, FindingTally, TimeTally)
_OF_DAY = "sessions_log_session WHERE id >= %(low)s AND id < %(high)s"
_SESSIONS = f"""
INSERT INTO sessions_log_sessiontally
    (day, provider, kind, furthest, status, sessions, asked_mfa, asked_entities)
SELECT %(day)s, provider, kind, furthest, status, count(*),
    count(*) FILTER (WHERE stage_ms ? 'mfa'), count(*) FILTER (WHERE stage_ms ? 'entity_selection')
FROM {_OF_DAY} GROUP BY provider, kind, furthest, status
"""  # noqa: S608 - every part is a text of ours
_FINDINGS = f"""
INSERT INTO sessions_log_findingtally (day, provider, kind, code, sessions, connected)
SELECT %(day)s, provider, kind, code, count(*), count(*) FILTER (WHERE status = 'completed')
FROM (
    SELECT provider, kind, status, jsonb_array_elements(findings) ->> 'code' AS code FROM {_OF_DAY}
) AS found GROUP BY provider, kind, code
"""  # noqa: S608 - likewise
_TIMES = f"""
INSERT INTO sessions_log_timetally (day, scope, kind, stage, buckets, counts)
SELECT %(day)s, scope, kind, stage, array_agg(bucket ORDER BY bucket), array_agg(times ORDER BY bucket)
FROM (
    SELECT scope, kinds.kind, stage, bucket, sum(times)::int AS times
    FROM (
        SELECT provider, kind, stage, bucket, count(*) AS times
        FROM ({TIMES_OF.format(sessions="sessions_log_session", condition="id >= %(low)s AND id < %(high)s")}) AS one
        GROUP BY 1, 2, 3, 4
    ) AS took,
        unnest(ARRAY[%(everybody)s, 'provider:' || provider, 'integration:' || {integration_of("provider")}]) AS scope,
        unnest(ARRAY['', took.kind]) AS kinds (kind)
    GROUP BY 1, 2, 3, 4
) AS counted GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - likewise


@transaction.atomic
def rollup(*, now: datetime | None = None) -> int:
    """Add up the days that changed or never were, the newest first, for some seconds; return how many."""
    began, now = time.monotonic(), now or timezone.now()
    TallyMark.objects.get_or_create(pk=1, defaults={"at": now})
    mark = TallyMark.objects.select_for_update(skip_locked=True).filter(pk=1).first()
    first = _first_day(now)
    if mark is None or first is None:
        return 0
    _forget(first)
    known = set(TalliedDay.objects.values_list("day", flat=True))
    changed = changed_since(mark.at - MARGIN, first) & known
    # What is not reached below has no tallies then, which is true, and is no reason to keep the mark back.
    _drop(changed)
    missing = [day for day in _days(first, now) if day not in known or day in changed]
    built = 0
    for day in missing:
        if built and time.monotonic() - began > LONGEST:
            break
        _build(day, now)
        built += 1
    TallyMark.objects.filter(pk=mark.pk).update(at=now)
    return built


def _first_day(now: datetime) -> date | None:
    """Return the first day that is kept whole, or the one of the oldest session where that is later."""
    oldest = Session.objects.order_by("pk").values_list("pk", flat=True).first()
    if oldest is None:
        return None
    kept = (now - timedelta(days=settings.PATCHBAY_SESSION_DAYS)).astimezone(UTC).date() + _DAY
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {DAY_OF_ID} FROM (SELECT %s::uuid AS id) AS oldest", [oldest])  # noqa: S608 - ours
        made: date = cursor.fetchone()[0]
    return max(kept, made)


def _days(first: date, now: datetime) -> list[date]:
    last = now.astimezone(UTC).date()
    return [last - n * _DAY for n in range((last - first).days + 1)]


def _forget(first: date) -> None:
    """Drop the tallies of days whose sessions are going or gone."""
    for model in (*_TALLIES, TalliedDay):
        model._default_manager.filter(day__lt=first).delete()  # noqa: SLF001 - the manager of any model


def _drop(days: frozenset[date]) -> None:
    for model in (*_TALLIES, TalliedDay):
        model._default_manager.filter(day__in=days).delete()  # noqa: SLF001 - likewise


def _build(day: date, now: datetime) -> None:
    """Add up one day that has no tallies."""
    values: dict[str, Any] = {
        "day": day,
        "low": first_id_at(midnight(day)),
        "high": first_id_at(midnight(day + _DAY)),
        "stages": list(STAGES),
        "everybody": EVERYBODY,
        "assisted": assisted(),
    }
    with database.cursor() as cursor:
        for statement in (_SESSIONS, _FINDINGS, _TIMES):
            cursor.execute(statement, values)
    TalliedDay.objects.create(day=day, built_at=now)
