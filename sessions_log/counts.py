"""How many sessions of a period have which status, and in how many something stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Count

from connectors.ids import first_id_at
from sessions_log.models import Session, SessionStatus

_FINDINGS = """
    SELECT found ->> 'code', provider, status = 'completed', count(*)
    FROM sessions_log_session CROSS JOIN LATERAL jsonb_array_elements(findings) AS found
    WHERE findings <> '[]' AND id >= %s
    GROUP BY 1, 2, 3
"""
_FIRST_EVER = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True)
class FindingCount:
    """In how many sessions a finding was made: all, those that were connected anyway, and those of each provider."""

    code: str
    count: int = 0
    completed: int = 0
    providers: dict[str, int] = field(default_factory=dict)


def status_counts(since: datetime | None) -> Mapping[str, int]:
    """Return how many sessions made from `since` on have each status. One query, which an index alone answers."""
    parts = [
        Session.objects.filter(status=status).made(since).order_by().values("status").annotate(count=Count("pk"))
        for status in SessionStatus.values
    ]
    return {row["status"]: row["count"] for row in parts[0].union(*parts[1:], all=True)}


def finding_counts(since: datetime | None) -> list[FindingCount]:
    """Return the findings of sessions made from `since` on, the most frequent first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_FINDINGS, [str(first_id_at(since)) if since else _FIRST_EVER])
        rows = cursor.fetchall()
    counts: dict[str, FindingCount] = {}
    for code, provider, is_completed, count in rows:
        one = counts.setdefault(code, FindingCount(code))
        one.count += count
        one.completed += count if is_completed else 0
        one.providers[provider] = one.providers.get(provider, 0) + count
    return sorted(counts.values(), key=lambda one: (-one.count, one.code))
