"""Hints about how often a connection runs, where it runs at a fixed interval."""

from __future__ import annotations

from datetime import timedelta

from connectors.schedules import INTERVALS
from dashboard.formatting import duration, number
from dashboard.insight.hint import Hint, HintFacts

# Good runs of the last week. A median of ten is not moved by one slow run.
MIN_RUNS = 10
# A run that takes four fifths of its interval is late as soon as anything is in its way.
FULL = 0.8
# The interval that is proposed leaves as much time again as a run takes.
ROOM = 2.0
# Good runs of the last week before something is said about how many of them were for nothing.
MIN_LOOKS = 20
# Below half, every other run brings something.
NOTHING = 0.5
# What is new comes by days of the week, so a few hours, or a weekend, say nothing about the others.
WHOLE_WEEK = timedelta(days=6)
_SPOKEN = {
    60: "1 minute", 300: "5 minutes", 900: "15 minutes", 3600: "hour", 21600: "6 hours", 86400: "day",
}  # fmt: skip


def outgrown(facts: HintFacts) -> Hint | None:
    """Runs take four fifths of the interval between them, or longer; the smallest interval that fits is proposed.

    The median of at least ten good runs of the last week, and that of the last 30 runs, so that the hint goes once
    somebody mended it. "Fits" leaves as much time again as a run takes; nothing is said where no choice does.
    """
    recent = facts.history.recent
    if not facts.interval or recent.success < MIN_RUNS or recent.p50 < FULL * facts.interval:
        return None
    if not facts.is_still(FULL * facts.interval):
        return None
    fits = next((one for one in INTERVALS if one > facts.interval and one >= ROOM * recent.p50), 0)
    if not fits:
        return None
    return Hint(
        kind="outgrown",
        sentence=(
            f"Runs take {duration(recent.p50)} on a schedule of every {spoken(facts.interval)}: "
            f"every {spoken(fits)} fits"
        ),
        evidence=(
            f"The middle one of {number(recent.success)} good runs in the last 7 days. What falls due "
            "meanwhile becomes one run, so it runs without a break."
        ),
        weight=70,
        way="schedule",
        interval=fits,
    )


def nothing_new(facts: HintFacts) -> Hint | None:
    """Half of the runs find nothing new, or more, and a longer interval would bring the same rows.

    At least twenty good runs in the last week, which reach over six days of it at least. A run found nothing new where
    each of its tables is read by a cursor and none of these moved; tables that are copied whole never count. The
    interval proposed is the longest choice that is no longer than the mean time between two runs that found something.
    """
    recent = facts.history.recent
    if not facts.interval or recent.span < WHOLE_WEEK:
        return None
    if recent.success < MIN_LOOKS or recent.unchanged < NOTHING * recent.success:
        return None
    gap = facts.interval * recent.success / max(recent.success - recent.unchanged, 1)
    would_do = max((one for one in INTERVALS if one <= gap), default=0)
    if would_do <= facts.interval:
        return None
    return Hint(
        kind="nothing_new",
        sentence=(
            f"{number(recent.unchanged)} of {number(recent.success)} runs found nothing new: every "
            f"{spoken(would_do)} would do"
        ),
        evidence=(
            f"In the last 7 days a run found something new every {duration(gap)} on average; it is started every "
            f"{spoken(facts.interval)}."
        ),
        weight=30,
        way="schedule",
        interval=would_do,
    )


def spoken(seconds: int) -> str:
    """Say an interval behind "every": "5 minutes", "hour"."""
    return _SPOKEN.get(seconds) or f"{seconds // 60} minutes"
