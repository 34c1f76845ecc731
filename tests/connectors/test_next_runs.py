"""The next runs that a page lists are those that the tick will make."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connectors.models import Entity
from connectors.schedules import Schedule, next_runs, next_slot, schedule_of
from tests.connectors.test_schedules import ANCHOR, HOUR, connection


def by_tick(schedule: Schedule, planned: datetime, count: int) -> list[datetime]:
    """The runs that a tick makes which comes at each of them: the planned one, then always the next slot."""
    found = [planned]
    while len(found) < count:
        found.append(next_slot(schedule, found[-1]) or planned)
    return found


def test_next_runs_are_those_that_the_tick_makes() -> None:
    berlin = connection(schedule_kind="cron", cron="30 2 * * *", time_zone="Europe/Berlin")
    # The night in which the clock jumps over half past two.
    now = datetime(2026, 3, 27, 12, tzinfo=UTC)
    planned = next_slot(schedule_of(berlin), now)
    assert planned is not None
    entity = Entity(next_run_at=planned)

    found = [at for at, _ in next_runs(berlin, [entity], now, is_spread=False)]

    assert found == by_tick(schedule_of(berlin), planned, 5)
    assert [f"{at.astimezone(ZoneInfo('Europe/Berlin')):%d %H:%M %Z}" for at in found][:3] == [
        "28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST",
    ]  # fmt: skip


def test_next_runs_of_several_entities_are_in_order_with_names() -> None:
    hourly = connection()
    entities = [Entity(name=f"Company {number}") for number in range(3)]
    for entity in entities:
        entity.next_run_at = next_slot(schedule_of(hourly, entity.pk, is_spread=True), ANCHOR)

    found = next_runs(hourly, entities, ANCHOR, is_spread=True, count=7)

    assert [at for at, _ in found] == sorted(at for at, _ in found)
    assert [found[place + 3][1] for place in range(4)] == [found[place][1] for place in range(4)]
    assert all(later - at == HOUR for (at, _), (later, _) in zip(found, found[3:], strict=False))


def test_next_runs_start_with_what_is_overdue_and_make_it_up_once() -> None:
    slot = ANCHOR + HOUR

    found = next_runs(connection(), [Entity(next_run_at=slot)], slot + 5 * HOUR + HOUR / 2, is_spread=False, count=3)

    assert [at for at, _ in found] == [slot, slot + 6 * HOUR, slot + 7 * HOUR]


def test_nothing_runs_next_without_a_plan_or_with_an_unreadable_one() -> None:
    unreadable = connection(schedule_kind="cron", cron="often")

    assert next_runs(connection(), [Entity()], ANCHOR, is_spread=False) == []
    assert next_runs(unreadable, [Entity(next_run_at=ANCHOR)], ANCHOR, is_spread=False) == []
