"""The funnel as a file: one line per provider and stage, and the same for all providers together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dashboard.forms.funnel import FunnelCriteria
from dashboard.pages.funnel_words import named
from sessions_log.funnel import Passages, Times, read_funnel
from sessions_log.stages import STAGES, Stage

NAMES = (
    "provider", "stage", "reached", "left", "still_here", "asked", "base", "median_s", "p90_s",
)  # fmt: skip


def records(criteria: FunnelCriteria, now: datetime) -> Iterator[dict[str, Any]]:
    """Give the lines; only those of all providers together have times, which are of those who got past a stage."""
    funnel = read_funnel(criteria.scope(now), now)
    yield from _lines("all", funnel.everybody, funnel.times)
    for name, passages in funnel.providers.items():
        yield from _lines(name or named(name).name, passages, {})


def _lines(provider: str, passages: Passages, times: dict[Stage, Times]) -> Iterator[dict[str, Any]]:
    for stage in STAGES:
        passage, took = passages[stage], times.get(stage, Times())
        values = (
            provider, stage.value, passage.reached, passage.left, passage.here, passage.asked, passage.decided,
            _seconds(took.median), _seconds(took.p90),
        )  # fmt: skip
        yield dict(zip(NAMES, values, strict=True))


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
