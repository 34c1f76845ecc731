"""Hints at both sides of each of their thresholds, and over histories that are nothing but chance."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dashboard.insight import HINTS, HintFacts, hints_of
from dashboard.insight.failing import at_one_hour, never_good, one_cause, since_credentials
from dashboard.insight.hint import NeverGood, Outage
from dashboard.insight.pace import nothing_new, outgrown
from dashboard.insight.volume import shrank, slower
from jobs.insight import Cell, Cluster, HistoryFacts, TableRows, Window

NOW = datetime(2026, 11, 19, 13, 32, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)


def _facts(**values: Any) -> HintFacts:
    history = {name: values.pop(name) for name in ("recent", "before", "cells", "clusters") if name in values}
    return HintFacts(NOW, UTC, HistoryFacts(**history), **values)


def _week(median: float = 10.0, *, runs: int = 10, spread: float = 0.1, **values: Any) -> Window:
    return Window(success=runs, p25=median * (1 - spread), p50=median, p75=median * (1 + spread), **values)


def _tables(mode: str = "replace", runs: int = 10, **rows: float) -> dict[str, TableRows]:
    return {name: TableRows(mode, runs, count, count) for name, count in rows.items()}


def test_facts_of_nothing_support_no_hint() -> None:
    assert hints_of(_facts()) == ()
    assert hints_of(_facts(interval=60)) == ()


@pytest.mark.parametrize(
    ("before", "recent", "is_told"),
    [
        (_week(10.0), _week(20.0), True),
        (_week(10.0), _week(19.9), False),
        (_week(10.0, runs=9), _week(20.0), False),
        (_week(10.0), _week(20.0, runs=9), False),
        # Five seconds more at least.
        (_week(4.9), _week(9.8), False),
        (_week(5.0), _week(10.0), True),
        # Weeks that overlap: the faster quarter of now is not above the slower quarter of then.
        (_week(10.0, spread=0.5), _week(20.0, spread=0.25), False),
        (_week(10.0, spread=0.5), _week(20.0, spread=0.24), True),
    ],
)
def test_slower_is_told_from_twice_on(before: Window, recent: Window, *, is_told: bool) -> None:
    assert bool(slower(_facts(before=before, recent=recent))) is is_told


@pytest.mark.parametrize(
    ("mode", "rows", "told"),
    [
        ("replace", 2800, "; the table events grew 2.8 times"),
        ("merge", 2800, "; a run brings 2.8 times as many rows of the table events"),
        ("replace", 1999, ""),
        ("replace", 2000, "; the table events grew 2 times"),
    ],
)
def test_slower_names_the_table_that_grew_most(mode: str, rows: float, told: str) -> None:
    before = _week(10.0, tables=_tables(mode, events=1000, people=50_000))
    recent = _week(30.0, tables=_tables(mode, events=rows, people=50_000))

    hint = slower(_facts(before=before, recent=recent))

    assert hint is not None
    assert hint.sentence == f"Syncs take 3 times as long as four weeks ago{told}"
    assert "took 10 s then (10 good runs in a week) and 30 s in the last 7 days (10)" in hint.evidence


@pytest.mark.parametrize(
    ("before", "recent", "is_told"),
    [
        (_tables(orders=1000), _tables(orders=500), True),
        (_tables(orders=1000), _tables(orders=501), False),
        (_tables(orders=999), _tables(orders=1), False),
        (_tables(runs=9, orders=1000), _tables(orders=1), False),
        (_tables("merge", orders=1000), _tables("merge", orders=1), False),
        (_tables(orders=1000), _tables(other=1), False),
    ],
)
def test_shrank_is_told_of_whole_tables_that_lost_half(
    before: dict[str, TableRows], recent: dict[str, TableRows], *, is_told: bool
) -> None:
    facts = _facts(before=_week(tables=before), recent=_week(tables=recent))

    assert bool(shrank(facts)) is is_told


@pytest.mark.parametrize(
    ("interval", "median", "runs", "fits"),
    [
        (60, 70.0, 10, 300),
        (60, 48.0, 10, 300),
        (60, 47.9, 10, 0),
        (60, 70.0, 9, 0),
        (300, 460.0, 10, 3600),
        (0, 70.0, 10, 0),
        # Nothing of what can be chosen leaves room, so there is nothing to propose.
        (21600, 50_000.0, 10, 0),
    ],
)
def test_outgrown_proposes_the_smallest_interval_that_fits(interval: int, median: float, runs: int, fits: int) -> None:
    hint = outgrown(_facts(recent=_week(median, runs=runs), interval=interval))

    assert (hint.interval if hint else 0) == fits


@pytest.mark.parametrize(("latest", "is_told"), [((48.0,) * 30, True), ((47.9,) * 30, False), ((), True)])
def test_outgrown_goes_once_the_last_runs_fit(latest: tuple[float, ...], *, is_told: bool) -> None:
    assert bool(outgrown(_facts(recent=_week(70.0), interval=60, latest=latest))) is is_told


@pytest.mark.parametrize(("latest", "is_told"), [((20.0,) * 30, True), ((19.9,) * 30, False)])
def test_slower_goes_once_the_last_runs_are_fast(latest: tuple[float, ...], *, is_told: bool) -> None:
    assert bool(slower(_facts(before=_week(10.0), recent=_week(30.0), latest=latest))) is is_told


def test_shrank_goes_once_the_last_run_has_the_rows() -> None:
    lost = {"orders": TableRows("replace", 10, 100.0, 501.0)}

    assert shrank(_facts(before=_week(tables=_tables(orders=1000)), recent=_week(tables=lost))) is None


def test_outgrown_says_what_runs_take_and_what_fits() -> None:
    hint = outgrown(_facts(recent=_week(70.0), interval=60))

    assert hint is not None
    assert hint.sentence == "Runs take 1 m 10 s on a schedule of every 1 minute: every 5 minutes fits"


@pytest.mark.parametrize(
    ("interval", "runs", "unchanged", "would_do"),
    [
        (300, 60, 40, 900),
        (300, 60, 39, 0),
        (3600, 168, 140, 21600),
        (3600, 168, 84, 0),
        (300, 20, 20, 3600),
        (300, 19, 19, 0),
        (0, 168, 168, 0),
        (86400, 20, 20, 0),
    ],
)
def test_nothing_new_proposes_what_brings_the_same(interval: int, runs: int, unchanged: int, would_do: int) -> None:
    week = _week(runs=runs, unchanged=unchanged, span=6 * DAY)
    hint = nothing_new(_facts(recent=week, interval=interval))

    assert (hint.interval if hint else 0) == would_do
    assert nothing_new(_facts(recent=replace(week, span=6 * DAY - timedelta(seconds=1)), interval=interval)) is None


def _cells(failing: Sequence[int], *, days: int = 14, bad_days: int | None = None, others: int = 0) -> Iterator[Cell]:
    """Hourly runs of so many days; the hours `failing` fail on the last `bad_days`, and `others` other cells do."""
    left = others
    for back in range(days, 0, -1):
        for hour in range(24):
            is_bad = hour in failing and back <= (days if bad_days is None else bad_days)
            is_odd = hour not in failing and left > 0
            left -= is_odd
            yield Cell(TODAY - back * DAY, hour, 1, int(is_bad or is_odd))


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (_cells([2]), "Fails every night between 02:00 and 03:00"),
        (_cells([2], days=7), "Fails every night between 02:00 and 03:00"),
        (_cells([2], days=6), ""),
        (_cells([2], bad_days=12), "Fails most nights between 02:00 and 03:00"),
        (_cells([2], bad_days=11), ""),
        (_cells([23, 0, 1]), "Fails every night between 23:00 and 02:00"),
        (_cells([9, 10]), "Fails every day between 09:00 and 11:00"),
        (_cells(range(9, 16)), ""),
        (_cells(range(24)), ""),
        (_cells([2], others=32), "Fails every night between 02:00 and 03:00"),
        (_cells([2], others=33), ""),
        # It runs once a day and always fails: nobody knows whether another hour would be better.
        ((Cell(TODAY - back * DAY, 2, 1, 1) for back in range(14)), ""),
    ],
)
def test_at_one_hour_is_told_where_other_hours_work(cells: Iterator[Cell], sentence: str) -> None:
    hint = at_one_hour(_facts(cells=tuple(cells)))

    assert (hint.sentence if hint else "") == sentence


def test_at_one_hour_is_not_told_once_the_hour_went_well() -> None:
    mended = Cell(TODAY, 2, 1, 0)

    assert at_one_hour(_facts(cells=(*_cells([2]), mended))) is None


@pytest.mark.parametrize(
    ("clusters", "success", "is_told"),
    [
        ([Cluster("rate_limited", "extract", 5)], 45, True),
        ([Cluster("rate_limited", "extract", 4)], 4, False),
        ([Cluster("rate_limited", "extract", 5)], 46, False),
        ([Cluster("rate_limited", "extract", 8), Cluster("unreachable", "check_access", 2)], 0, True),
        ([Cluster("rate_limited", "extract", 7), Cluster("unreachable", "check_access", 2)], 0, False),
        ([Cluster("a_code_of_the_past", "extract", 9)], 0, False),
    ],
)
def test_one_cause_is_told_of_four_fifths(clusters: list[Cluster], success: int, *, is_told: bool) -> None:
    failed = sum(one.count for one in clusters)
    facts = _facts(recent=Window(success=success, failed=failed), clusters=tuple(clusters))

    assert bool(one_cause(facts)) is is_told


@pytest.mark.parametrize(
    ("code", "set_before", "is_told"),
    [
        ("invalid_credentials", timedelta(minutes=3), True),
        ("insufficient_permissions", timedelta(hours=24), True),
        ("invalid_credentials", timedelta(hours=24, seconds=1), False),
        # Set after the first failure, to mend it.
        ("invalid_credentials", timedelta(minutes=-1), False),
        # Before the last good run, which used them.
        ("invalid_credentials", timedelta(hours=30), False),
        ("connection_timeout", timedelta(minutes=3), False),
    ],
)
def test_since_credentials_needs_the_order_and_the_kind_of_failure(
    code: str, set_before: timedelta, *, is_told: bool
) -> None:
    outage = Outage(code, NOW - DAY, NOW - DAY - timedelta(hours=26))
    facts = _facts(outage=outage, credentials_at=outage.first_at - set_before, credentials_by="maria")

    hint = since_credentials(facts)

    assert bool(hint) is is_told
    assert since_credentials(replace(facts, outage=None)) is None
    if hint and set_before == timedelta(minutes=3):
        assert hint.sentence == "The credentials were set 3 min before the failures began"


@pytest.mark.parametrize(
    ("names", "total", "is_told"), [((), 3, False), (("A",), 3, True), (("A", "B", "C"), 3, False)]
)
def test_never_good_is_told_while_others_work(names: tuple[str, ...], total: int, *, is_told: bool) -> None:
    assert bool(never_good(_facts(never=NeverGood(names, total)))) is is_told


def test_hints_come_strongest_first() -> None:
    facts = _facts(
        recent=_week(70.0, runs=20, unchanged=20, span=7 * DAY),
        before=_week(10.0),
        interval=60,
        never=NeverGood(("A",), 3),
    )

    assert [hint.kind for hint in hints_of(facts)] == ["never_good", "outgrown", "slower", "nothing_new"]
    assert len({rule.__name__ for rule in HINTS}) == len(HINTS)


def test_chance_makes_no_hint() -> None:
    """Hundreds of histories without a pattern: the same law in every week, failures by dice at any hour."""
    dice = random.Random(8)
    told: list[str] = []
    for _ in range(300):
        weeks = [sorted(dice.lognormvariate(3, 0.6) for _ in range(dice.choice((10, 28, 168)))) for _ in range(2)]
        before, recent = (_quartiles(week) for week in weeks)
        share = dice.choice((0.0, 0.02, 0.1, 0.3, 0.9))
        cells = tuple(
            Cell(date(2026, 11, 1) + back * DAY, hour, 1, int(dice.random() < share))
            for back in range(14)
            for hour in range(0, 24, dice.choice((1, 6)))
        )
        told += [hint.kind for hint in hints_of(_facts(before=before, recent=recent, cells=cells, interval=21600))]
    assert told == []


def _quartiles(spans: Sequence[float]) -> Window:
    quarter = len(spans) // 4
    return Window(success=len(spans), p25=spans[quarter], p50=spans[2 * quarter], p75=spans[3 * quarter])
