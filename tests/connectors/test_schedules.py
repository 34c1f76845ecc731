"""Slots: anchored, spread, made up once, and right on the two days a year on which the clock jumps."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSimError

from connectors.ids import new_id
from connectors.models import Connection
from connectors.schedules import (
    INTERVALS,
    Schedule,
    cron_in_words,
    in_words,
    missed_between,
    next_slot,
    schedule_of,
    slots,
)

ANCHOR = datetime(2026, 1, 5, 12, 0, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = Schedule("interval", HOUR, ANCHOR)


def cron(text: str, zone: str = "Europe/Berlin") -> Schedule:
    return Schedule("cron", HOUR, ANCHOR, cron=text, zone=zone)


def local(schedule: Schedule, after: datetime, count: int) -> list[str]:
    """The next slots on the wall clock of the schedule's zone."""
    zone = ZoneInfo(schedule.zone)
    return [f"{slot.astimezone(zone):%m-%d %H:%M %Z}" for slot in islice(slots(schedule, after), count)]


# ---- intervals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late_by", [timedelta(), timedelta(seconds=1), timedelta(minutes=59, seconds=59.999)])
def test_next_slot_does_not_drift_however_late_a_run_is(late_by: timedelta) -> None:
    slot = ANCHOR + 5 * HOUR

    assert next_slot(HOURLY, slot + late_by) == slot + HOUR


def test_slot_itself_is_not_its_own_next() -> None:
    assert next_slot(HOURLY, ANCHOR) == ANCHOR + HOUR


def test_slots_before_the_anchor_are_counted_from_it_too() -> None:
    assert next_slot(HOURLY, ANCHOR - timedelta(minutes=90)) == ANCHOR - HOUR


def test_no_drift_over_a_year_of_late_runs() -> None:
    schedule = Schedule("interval", timedelta(minutes=15), ANCHOR)
    now = ANCHOR
    for _ in range(4 * 24 * 365):
        slot = next_slot(schedule, now)
        assert slot is not None
        now = slot + timedelta(seconds=13)

    assert now == ANCHOR + timedelta(days=365, seconds=13)


def test_intervals_do_not_care_about_the_wall_clock() -> None:
    schedule = Schedule("interval", 6 * HOUR, ANCHOR, zone="Europe/Berlin")
    first = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)

    found = list(islice(slots(schedule, first), 8))

    assert {later - earlier for earlier, later in pairwise(found)} == {6 * HOUR}


def test_manual_schedule_has_no_slots() -> None:
    assert next_slot(Schedule("manual", HOUR, ANCHOR), ANCHOR) is None


def test_listed_slots_are_those_the_tick_moves_to() -> None:
    for schedule in (HOURLY, cron("*/20 1-4 * * *")):
        listed = list(islice(slots(schedule, ANCHOR), 12))
        moved, now = [], ANCHOR
        for _ in range(12):
            slot = next_slot(schedule, now)
            assert slot is not None
            moved.append(slot)
            now = slot
        assert moved == listed


# ---- spreading ------------------------------------------------------------------------------------------------------


def connection(**values: object) -> Connection:
    return Connection(**{"schedule_kind": "interval", "interval_seconds": 3600, "anchor_at": ANCHOR, **values})


def test_offset_is_stable_and_inside_the_interval() -> None:
    ids = [new_id() for _ in range(500)]
    offsets = [schedule_of(connection(), one, is_spread=True).offset for one in ids]

    assert offsets == [schedule_of(connection(), one, is_spread=True).offset for one in ids]
    assert all(timedelta() <= offset < HOUR for offset in offsets)


def test_entities_made_in_one_moment_are_spread_over_the_whole_interval() -> None:
    offsets = [schedule_of(connection(), new_id(), is_spread=True).offset for _ in range(600)]

    quarters = [int(offset / timedelta(minutes=15)) for offset in offsets]
    assert all(100 < quarters.count(quarter) < 200 for quarter in range(4))


@pytest.mark.parametrize("last", ["0" * 8, "f" * 8])
def test_first_and_last_place_are_inside_the_interval(last: str) -> None:
    entity_id = UUID(f"0197c0de-0000-7000-8000-0000{last}")

    for seconds in INTERVALS:
        offset = schedule_of(connection(interval_seconds=seconds), entity_id, is_spread=True).offset
        assert offset == timedelta(seconds=0 if last == "0" * 8 else seconds - 1)


def test_only_entity_of_a_connection_is_not_moved() -> None:
    assert schedule_of(connection(), new_id()).offset == timedelta()
    assert schedule_of(connection(), is_spread=True).offset == timedelta()


def test_spread_slots_stay_anchored() -> None:
    schedule = schedule_of(connection(), new_id(), is_spread=True)

    slot = next_slot(schedule, ANCHOR + timedelta(days=40))

    assert slot is not None
    assert (slot - ANCHOR - schedule.offset) % HOUR == timedelta()


# ---- missed slots ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late_by", "missed"),
    [(timedelta(), 0), (timedelta(minutes=59), 0), (HOUR, 1), (timedelta(hours=5, minutes=17), 5), (-HOUR, 0)],
)
def test_missed_slots_of_an_interval(late_by: timedelta, missed: int) -> None:
    assert missed_between(HOURLY, ANCHOR, ANCHOR + late_by) == missed


@pytest.mark.parametrize(("hours", "missed"), [(0, 0), (23, 0), (24, 1), (73, 3)])
def test_missed_slots_of_a_cron_expression(hours: int, missed: int) -> None:
    slot = datetime(2026, 5, 4, 2, 30, tzinfo=UTC)

    assert missed_between(cron("30 2 * * *", "UTC"), slot, slot + hours * HOUR) == missed


def test_manual_schedule_misses_nothing() -> None:
    assert missed_between(Schedule("manual", HOUR, ANCHOR), ANCHOR, ANCHOR + 50 * HOUR) == 0


# ---- the wall clock -------------------------------------------------------------------------------------------------


def test_spring_gap_gives_the_first_valid_moment_once() -> None:
    found = local(cron("30 2 * * *"), datetime(2026, 3, 28, 12, 0, tzinfo=UTC), 2)

    assert found == ["03-29 03:00 CEST", "03-30 02:30 CEST"]


def test_autumn_overlap_runs_once() -> None:
    found = local(cron("30 2 * * *"), datetime(2026, 10, 24, 12, 0, tzinfo=UTC), 2)

    assert found == ["10-25 02:30 CEST", "10-26 02:30 CET"]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_hourly_expression_runs_in_every_real_hour(day: date, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    schedule = cron("0 * * * *")
    midnight, end = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(days=1)))

    found = []
    for slot in slots(schedule, midnight - timedelta(seconds=1)):
        if slot >= end:
            break
        found.append(slot)

    assert len(found) == len(set(found)) == hours
    assert {later - earlier for earlier, later in pairwise(found)} == {HOUR}


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia"])
def test_slots_of_odd_zones_are_in_order_and_without_doubles(zone: str) -> None:
    found = list(islice(slots(cron("*/30 * * * *", zone), datetime(2026, 3, 1, tzinfo=UTC)), 2500))

    assert all(earlier < later for earlier, later in pairwise(found))


def test_midnight_that_does_not_exist_moves_to_the_first_moment_of_the_day() -> None:
    found = local(cron("0 0 * * *", "America/Sao_Paulo"), datetime(2018, 11, 3, 12, 0, tzinfo=UTC), 2)

    assert found == ["11-04 01:00 -02", "11-05 00:00 -02"]


def test_slots_of_a_cron_expression_are_in_utc() -> None:
    slot = next_slot(cron("30 4 * * *"), datetime(2026, 7, 1, tzinfo=UTC))

    assert slot == datetime(2026, 7, 1, 2, 30, tzinfo=UTC)
    assert slot.tzinfo is UTC


def test_expression_that_is_none_is_refused() -> None:
    with pytest.raises(CronSimError):
        next_slot(cron("often"), ANCHOR)


# ---- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"interval_seconds": 60}, "Every minute"),
        ({"interval_seconds": 21600}, "Every 6 h"),
        ({"interval_seconds": 600}, "Every 10 min"),
        ({"schedule_kind": "manual"}, "By hand"),
        ({"schedule_kind": "cron", "cron": "0 4 * * *", "time_zone": "Europe/Berlin"}, "At 04:00 (Europe/Berlin)"),
    ],
)
def test_schedule_in_words(values: dict[str, object], words: str) -> None:
    assert in_words(connection(**values)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30 2 * * *", "At 02:30"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("0 6,18 * * *", "At 06:00 and 18:00"),
        ("often", "often"),
        ("", ""),
    ],
)
def test_cron_in_words(text: str, words: str) -> None:
    assert cron_in_words(text) == words
