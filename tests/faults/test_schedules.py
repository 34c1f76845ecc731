"""Slots that come while something is away, in crowds, and around a change of clocks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from connectors.models import Connection, Entity, Status
from connectors.schedules import Schedule, slots
from dashboard.stack import postgres
from jobs.models import Job
from tests.faults.conftest import Fault
from tests.faults.harness import history
from tests.faults.harness.doing import (
    SMALL,
    attempts,
    connect,
    off_schedule,
    on_schedule,
    sync,
    wait_for_end,
)
from tests.faults.harness.lab import Lab
from tests.sandbox.running import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.fault
CROWD = 2000
TAKES_OVER_SECONDS = 60
SMALL_ONES_SECONDS = 60


def test_f10_broker_is_away_for_many_slots(lab: Lab, fault: Fault) -> None:
    """Without the count in `missed_between`, the run does not tell how many it stands for."""
    connections = [connect(lab, SMALL) for _ in range(3)]
    lab.stop_redis()
    for connection in connections:
        on_schedule(connection)
    # Thirty minutes went by, as the database's clock tells it.
    Entity.objects.filter(connection__in=connections).update(next_run_at=timezone.now() - timedelta(minutes=30))

    lab.start_redis()
    fault.strike()
    made = Job.objects.filter(connection__in=connections)
    wait_until(lambda: made.count() == len(connections), seconds=TAKES_OVER_SECONDS, what="one job each")
    for connection in connections:
        off_schedule(connection)

    for connection in connections:
        job = connection.jobs.get()
        assert job.missed_slots == 30
        assert wait_for_end(lab, job) == "success"
    fault.held("broker away for 30 slots", "one run each, 30 counted", *connections, bound=TAKES_OVER_SECONDS)


@contextmanager
def _dispatcher(lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py dispatch`, which ticks when nobody else does."""
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATABASE_URL": lab.postgres.server.url(postgres.DATABASE),
        "REDIS_URL": lab.redis.server.url(),
        "PATCHBAY_HOME": str(lab.home),
    }
    with (lab.logs / "dispatch.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "dispatch"], cwd=ROOT, env=environ, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.wait()


def test_f11_beat_is_gone_and_a_dispatcher_takes_over(lab: Lab, fault: Fault) -> None:
    """Without the look at the tick's pulse, the dispatcher waits for a beat that never comes."""
    connection = connect(lab, SMALL)
    lab.end("beat")
    fault.strike()
    with _dispatcher(lab):
        on_schedule(connection)
        wait_until(connection.jobs.exists, seconds=TAKES_OVER_SECONDS, what="a job of the slot")
        seconds = fault.seconds()
        off_schedule(connection)
        job = connection.jobs.get()
        assert wait_for_end(lab, job) == "success"

    assert attempts(lab, job) == [("success", "")]
    assert seconds < TAKES_OVER_SECONDS
    fault.held("beat killed, dispatcher beside it", "it took over, one job", connection)


def test_f35_crowd_is_due_in_one_second(lab: Lab, fault: Fault) -> None:
    """F35 and F36: a crowd of one connection is due, and small connections beside it are not kept waiting.

    Without the turns in `_in_turns`, the small ones wait behind the whole crowd.
    """
    crowd, small = connect(lab, SMALL), [connect(lab, SMALL) for _ in range(5)]
    _fill(crowd)
    for connection in [crowd, *small]:
        on_schedule(connection)
    fault.strike()

    wait_until(lambda: crowd.jobs.count() == CROWD + 1, seconds=SMALL_ONES_SECONDS, what="each slot has its job")
    all_made = fault.seconds()
    for connection in small:
        wait_until(connection.jobs.exists, what="a job of a small one")
        assert wait_for_end(lab, connection.jobs.get(), seconds=SMALL_ONES_SECONDS) == "success"
    seconds = fault.seconds()
    assert crowd.jobs.filter(status="pending").count() > CROWD / 2
    assert history.one_running_one_pending(lab) == []
    lab.clear()
    for connection in [crowd, *small]:
        off_schedule(connection)

    asked = sync(small[0])
    assert wait_for_end(lab, asked) == "success"
    assert seconds < SMALL_ONES_SECONDS
    fault.held(f"{CROWD:,} due at once ({all_made:.1f} s to make them)", "each its job, small ones first", *small)


def _fill(connection: Connection) -> None:
    values = {"status": Status.ACTIVE, "status_reason": "ok"}
    Entity.objects.bulk_create(
        Entity(connection=connection, ref=f"co_{n}", name=f"Company {n}", dataset=f"crowd_{n}", **values)
        for n in range(CROWD)
    )


def _cron(text: str, zone: str, after: datetime, count: int) -> list[str]:
    schedule = Schedule("cron", timedelta(), after, cron=text, zone=zone)
    found = slots(schedule, after)
    return [f"{next(found):%m-%d %H:%M}" for _ in range(count)]


@pytest.mark.short
@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 00:30", "10-26 01:30"]),
        ("15 2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 0, tzinfo=UTC), ["10-03 15:30", "10-04 15:15"]),
        ("0 0 * * *", "America/Sao_Paulo", datetime(2018, 11, 3, 12, tzinfo=UTC), ["11-04 03:00", "11-05 02:00"]),
    ],
    ids=["gap", "overlap", "half-hour", "midnight-gap"],
)
def test_f38_clocks_change(text: str, zone: str, after: datetime, expected: list[str]) -> None:
    """In a gap the first valid instant, in an overlap once; the same in each of three runs."""
    assert [_cron(text, zone, after, 2) for _ in range(3)] == [expected] * 3


@pytest.mark.short
def test_f38_intervals_do_not_follow_the_clocks() -> None:
    anchor = datetime(2026, 3, 28, 0, 30, tzinfo=UTC)
    schedule = Schedule("interval", timedelta(hours=1), anchor, zone="Europe/Berlin")
    found = slots(schedule, anchor)

    assert [next(found) - anchor for _ in range(30)] == [timedelta(hours=n) for n in range(1, 31)]
