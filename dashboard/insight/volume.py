"""Hints from comparing the last week with the week that ended four weeks ago."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard.formatting import duration, number, percent
from dashboard.insight.hint import Hint, HintFacts, times
from jobs.insight import TableRows

# Good runs in either week. A median of ten has five on each side, so one odd run does not move it far.
MIN_RUNS = 10
# Below twice, a change is what a busy day or a slower network makes.
SLOWER = 2.0
# A run of half a second that takes one is twice as slow, and nobody minds.
SLOWER_BY_SECONDS = 5.0
# What is told of a table beside slower syncs may be smaller: it explains, it does not warn.
GREW = 1.5
# Small tables double by a handful of rows.
MIN_ROWS = 1000
# Half the rows gone is no normal clean-up of a table that is copied whole.
SHRANK = 0.5


@dataclass(frozen=True, slots=True)
class _Change:
    """A table in both weeks."""

    name: str
    before: TableRows
    recent: TableRows

    @property
    def ratio(self) -> float:
        return self.recent.rows / max(self.before.rows, 1.0)


def slower(facts: HintFacts) -> Hint | None:
    """Syncs take twice as long as four weeks ago, or longer; and the table that grew most, where one did.

    The median of both weeks' good runs, with at least ten in each; it is five seconds more at least; and the faster
    quarter of now is above the slower quarter of then, so that two weeks that overlap make no hint. The last 30 runs
    are as slow, so that the hint goes once somebody mended it.
    """
    before, recent = facts.history.before, facts.history.recent
    if min(before.success, recent.success) < MIN_RUNS or before.p50 <= 0:
        return None
    is_apart = recent.p25 > before.p75
    is_more = recent.p50 >= SLOWER * before.p50 and recent.p50 - before.p50 >= SLOWER_BY_SECONDS
    if not (is_apart and is_more and facts.is_still(SLOWER * before.p50)):
        return None
    grown = max(_changes(facts), key=lambda one: one.ratio, default=None)
    grew = _grew(grown) if grown else ""
    return Hint(
        kind="slower",
        sentence=f"Syncs take {times(recent.p50 / before.p50)} as long as four weeks ago{grew}",
        evidence=(
            f"The middle one took {duration(before.p50)} then ({number(before.success)} good runs in a week) and "
            f"{duration(recent.p50)} in the last 7 days ({number(recent.success)})."
        ),
        weight=50,
        way="jobs",
    )


def shrank(facts: HintFacts) -> Hint | None:
    """A table that is copied whole has half the rows of four weeks ago, or fewer.

    The median rows of at least ten good runs in each week, the last one too, and a thousand rows then: a filter, a
    purge at the source or a lost permission looks like this, and no run fails. Tables that are merged are read in
    parts, so their counts say nothing about what is there.
    """
    lost = [
        one
        for one in _changes(facts)
        if one.recent.mode == one.before.mode == "replace"
        and one.before.rows >= MIN_ROWS
        and one.ratio <= SHRANK
        and one.recent.last <= SHRANK * one.before.rows
    ]
    if not lost:
        return None
    worst = min(lost, key=lambda one: one.ratio)
    gone = worst.before.rows - worst.recent.rows
    return Hint(
        kind="shrank",
        sentence=f"The table {worst.name} lost {percent(gone, worst.before.rows)} of its rows in four weeks",
        evidence=(
            f"A run copied {number(worst.before.rows)} rows then and {number(worst.recent.rows)} in the last 7 days. "
            "The table is copied whole each time, so this is what the source has."
        ),
        weight=45,
        way="jobs",
    )


def _changes(facts: HintFacts) -> Iterator[_Change]:
    before, recent = facts.history.before.tables, facts.history.recent.tables
    for name in sorted(before.keys() & recent.keys()):
        change = _Change(name, before[name], recent[name])
        if min(change.before.runs, change.recent.runs) >= MIN_RUNS:
            yield change


def _grew(change: _Change) -> str:
    """Say by how much a table grew; of one that is read in parts only how many rows a run brings."""
    more = change.recent.rows - change.before.rows
    if change.ratio < GREW or more < MIN_ROWS or change.before.rows < 1:
        return ""
    if change.recent.mode == change.before.mode == "replace":
        return f"; the table {change.name} grew {times(change.ratio)}"
    return f"; a run brings {times(change.ratio)} as many rows of the table {change.name}"
