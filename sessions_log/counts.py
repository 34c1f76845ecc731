"""How the sessions of a period stand, and what stands out in them, out of the sums by day and what changed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sessions_log.funnel.days import known_days
from sessions_log.funnel.figures import Finding, findings_of
from sessions_log.funnel.reads import read_findings, read_outcomes
from sessions_log.funnel.scope import Scope


@dataclass(frozen=True, slots=True)
class Counts:
    """How many sessions have each status, and the findings, the most frequent first."""

    statuses: Mapping[str, int]
    findings: Sequence[Finding]


def counts_since(since: datetime, now: datetime) -> Counts:
    """Return the counts of the sessions made from `since`, a midnight in UTC, on. Three to five queries."""
    scope = Scope(since)
    days = known_days(scope.first_day, now).since(scope.first_day)
    statuses: Counter[str] = Counter()
    for outcome in read_outcomes(scope, days):
        statuses[outcome.status] += outcome.sessions
    return Counts(statuses, findings_of(read_findings(scope, days)))
