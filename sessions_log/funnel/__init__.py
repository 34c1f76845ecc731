"""The funnel: how far the sessions of a period came, where they ended, and how long that took.

Reads only. Days are added up beforehand (`sessions_log.services.rollup`), so that a million sessions cost no more than
their tallies, and what changed since is read from the sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sessions_log.funnel.days import Known, known_days, last_day
from sessions_log.funnel.figures import (
    BASE,
    Finding,
    Leak,
    Passage,
    Passages,
    by_provider,
    findings_of,
    leak_of,
    passages_of,
)
from sessions_log.funnel.reads import Week, read_findings, read_outcomes, read_times, read_weeks
from sessions_log.funnel.scope import Scope
from sessions_log.funnel.times import Times
from sessions_log.stages import Stage

__all__ = (
    "BASE",
    "WEEKS",
    "Finding",
    "Funnel",
    "Leak",
    "Passage",
    "Passages",
    "Scope",
    "Times",
    "Week",
    "read_funnel",
)

WEEKS = 13


@dataclass(frozen=True, slots=True)
class Funnel:
    """All of it. `times` are by stage, `took` by provider: the whole time of those who connected."""

    everybody: Passages
    providers: dict[str, Passages]
    times: dict[Stage, Times]
    took: dict[str, Times]
    all_took: Times
    weeks: tuple[Week, ...]
    first_week: datetime
    findings: tuple[Finding, ...]
    leak: Leak | None


def read_funnel(scope: Scope, now: datetime) -> Funnel:
    """Return the funnel of a scope at `now`. Six or seven queries, five for one connection."""
    monday = first_week(now)
    first = min(scope.since, monday).date()
    known = _nothing_known(now) if scope.connection else known_days(first, now)
    days = known.since(scope.first_day)
    outcomes = read_outcomes(scope, days)
    providers = by_provider(outcomes)
    everybody = passages_of(outcomes)
    times = read_times(scope, known.of_times(scope.first_day))
    return Funnel(
        everybody=everybody,
        providers=providers,
        times={stage: times.get((scope.of_times, stage), Times()) for stage in Stage},
        took={name: times.get((f"provider:{name}", ""), Times()) for name in providers},
        all_took=times.get((scope.of_times, ""), Times()),
        weeks=tuple(read_weeks(scope, known.since(monday.date()))),
        first_week=monday,
        findings=tuple(findings_of(read_findings(scope, days))),
        leak=leak_of(everybody, providers),
    )


def first_week(now: datetime) -> datetime:
    """Return the Monday, in UTC, with which the weeks that are shown begin; the last of them is this one."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def _nothing_known(now: datetime) -> Known:
    """Return days without tallies: these do not know connections, whose sessions have an index of their own."""
    today = now.astimezone(UTC).date()
    return Known(today, last_day(now), frozenset(), frozenset(), is_fresh=False)
