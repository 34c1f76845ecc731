"""Slots that come while something is away, in crowds, and around a change of clocks."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from connectors import schedules
from connectors.models import Entity
from connectors.schedules import Schedule
from jobs.models import Job
from tests.faults.conftest import Fault
from tests.faults.harness.doing import (
    SMALL,
    connect,
    course,
    off_schedule,
    on_schedule,
    wait_for_end,
    wait_until,
)
from tests.faults.harness.lab import Lab
from tests.faults.harness.programs import SILENT_SECONDS

pytestmark = pytest.mark.fault
TAKES_OVER_SECONDS = 60
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
# The dispatcher looks every few seconds, and starts as slowly as any program.
LISTENS_SECONDS = SILENT_SECONDS + 20


@pytest.mark.guard("missed_count", says="0 == 30")
def test_f10_broker_is_away_for_many_slots(lab: Lab, fault: Fault) -> None:
    """Without the count in `missed_between`, the run does not tell how many slots it stands for."""
    connections = [connect(lab, SMALL) for _ in range(3)]
    lab.stop_redis()
    for connection in connections:
        on_schedule(connection)
    # Thirty minutes went by, as the database's clock tells it.
    Entity.objects.filter(connection__in=connections).update(next_run_at=timezone.now() - timedelta(minutes=30))

    fault.strike()
    lab.start_redis()
    made = Job.objects.filter(connection__in=connections)
    wait_until(lambda: made.count() == len(connections), seconds=TAKES_OVER_SECONDS, what="one job each")
    for connection in connections:
        off_schedule(connection)

    for connection in connections:
        job = connection.jobs.get()
        assert job.missed_slots == 30
        assert wait_for_end(lab, job) == "success"
    fault.held("broker away for 30 slots", "one run each, 30 counted", *connections, bound=TAKES_OVER_SECONDS)


@pytest.mark.guard("silence", says="a job of the slot: not within")
def test_f11_beat_is_gone_and_a_dispatcher_takes_over(lab: Lab, fault: Fault) -> None:
    """Without the look at the tick's pulse, the dispatcher waits for a beat that never comes."""
    connection = connect(lab, SMALL)
    lab.end("beat")
    fault.strike()
    lab.start("dispatch")
    last = "SELECT at < now() - interval '3 s' FROM jobs_pulse WHERE name = 'tick'"
    wait_until(lambda: lab.value(last), what="the last tick that beat sent is over")
    on_schedule(connection)
    wait_until(connection.jobs.exists, seconds=LISTENS_SECONDS * 2, what="a job of the slot")
    seconds = fault.seconds()
    off_schedule(connection)
    job = connection.jobs.get()
    assert wait_for_end(lab, job) == "success"
    lab.tell("dispatch", signal.SIGTERM)
    wait_until(lambda: lab.exit_code("dispatch") is not None, seconds=10, what="the dispatcher ends")

    assert lab.exit_code("dispatch") == 0
    assert course(lab, job) == "success"
    assert seconds < LISTENS_SECONDS
    fault.held("beat killed, dispatcher beside it", "it took over, one job", connection)


def _cron(text: str, zone: str, after: datetime, count: int) -> list[str]:
    schedule = Schedule("cron", timedelta(), after, cron=text, zone=zone)
    found = schedules.slots(schedule, after)
    return [f"{next(found):%m-%d %H:%M}" for _ in range(count)]


@pytest.mark.short
@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", SPRING, ["03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 00:30", "10-26 01:30"]),
        ("15 2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 0, tzinfo=UTC), ["10-03 15:30", "10-04 15:15"]),
        ("0 0 * * *", "America/Sao_Paulo", datetime(2018, 11, 3, 12, tzinfo=UTC), ["11-04 03:00", "11-05 02:00"]),
    ],
    ids=["gap", "overlap", "half-hour", "midnight-gap"],
)
@pytest.mark.guard("zone_clock", says="'03-29 01:30'.* != .*'03-29 01:00'", after=SPRING)
@pytest.mark.guard("zone_clock", says="'10-04 15:45'", zone="Australia/Lord_Howe")
def test_f38_clocks_change(
    noted: Callable[[str, str], None], text: str, zone: str, after: datetime, expected: list[str]
) -> None:
    """In a gap the first valid instant, in an overlap once; the same in each of three runs.

    Without the zone's own clock, a slot stays at the offset of the day before: it is an hour off, or half of one.
    """
    assert [_cron(text, zone, after, 2) for _ in range(3)] == [expected] * 3
    noted(f"cron “{text}” in {zone} while clocks change", f"runs at {' and '.join(expected)} UTC")


@pytest.mark.short
@pytest.mark.guard("absolute_intervals", says="assert")
def test_f38_intervals_do_not_follow_the_clocks(noted: Callable[[str, str], None]) -> None:
    """Without the count in UTC, an hourly schedule runs twice at one moment when the clocks go forward."""
    anchor = datetime(2026, 3, 28, 0, 30, tzinfo=UTC)
    schedule = Schedule("interval", timedelta(hours=1), anchor, zone="Europe/Berlin")
    found = schedules.slots(schedule, anchor)

    assert [next(found) - anchor for _ in range(30)] == [timedelta(hours=n) for n in range(1, 31)]
    noted("hourly schedule while clocks change", "runs each hour, 30 times")
