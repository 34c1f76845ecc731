"""Servers that go away, and lines that break: the database, the broker, and what is between them and the workers."""

from __future__ import annotations

import signal
import time

import pytest
import redis
from celery import current_app
from django.db import connection as database

from jobs.models import Lease
from tests.faults.conftest import Fault
from tests.faults.harness import history, points
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    attempts,
    connect,
    let_pass,
    off_schedule,
    on_schedule,
    status,
    sync,
    wait_for_attempt,
    wait_for_end,
    wait_for_rest,
    wait_for_rows,
)
from tests.faults.harness.lab import LEASE_SECONDS, REPUBLISH_SECONDS, Lab
from tests.waiting import wait_until

pytestmark = pytest.mark.fault
SLOW = {MIDDLE: {"page_delay_ms": 400}}
SLOWER = {MIDDLE: {"page_delay_ms": 1500}}
ONCE = [("success", "")]
# kombu looks for a broker that went away every few seconds, longer each time.
BROKER_BACK_SECONDS = 60


def broker(lab: Lab) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(lab.redis.server.socket))


def test_f05_broker_is_killed_and_comes_back_empty(lab: Lab, fault: Fault) -> None:
    """A job that could not be sent waits in the database, and is sent once the broker is back."""
    reading, waiting = connect(lab, MIDDLE), connect(lab, SMALL)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(reading)
    wait_for_rows(lab, job)

    lab.stop_redis()
    later = sync(waiting)
    assert wait_for_end(lab, job) == "success"
    assert status(lab, later) == "pending"
    lab.start_redis()
    fault.strike()

    assert wait_for_end(lab, later, seconds=BROKER_BACK_SECONDS) == "success"
    assert attempts(lab, job) == ONCE
    fault.held("broker killed, back empty", "running sync ended, new one ran", reading, waiting, bound=60)


def test_f06_broker_is_emptied_with_jobs_in_it(lab: Lab, fault: Fault) -> None:
    """Without the republishing in `claim_for_dispatch`, no job that was in the broker ever starts."""
    connections = [connect(lab, SMALL) for _ in range(6)]
    lab.end("worker-sync")
    jobs = [sync(connection) for connection in connections]
    sent = Lease.objects.pending().filter(dispatched_at__isnull=False)
    wait_until(lambda: sent.count() >= 3, what="jobs are in the broker")

    fault.strike()
    with broker(lab) as client:
        client.flushall()
    lab.start("worker-sync")

    assert {wait_for_end(lab, job, seconds=60) for job in jobs} == {"success"}
    assert all(attempts(lab, job) == ONCE for job in jobs)
    fault.held("broker emptied, jobs in it", "all published again, each ran once", *connections, bound=60)


@pytest.mark.short
def test_f12_tick_dies_between_its_commit_and_its_messages(lab: Lab, fault: Fault) -> None:
    """Without the republishing in `claim_for_dispatch`, the job is stamped as sent and nobody ever gets it."""
    connection = connect(lab, SMALL)
    points.arm(lab.points, "publish")

    fault.strike()
    on_schedule(connection)
    wait_until(lambda: points.armed(lab.points, "publish") == 0, what="the tick died")
    job = connection.jobs.get()
    off_schedule(connection)

    assert wait_for_end(lab, job) == "success"
    assert attempts(lab, job) == ONCE
    fault.held("tick killed before it published", "published again", connection, bound=REPUBLISH_SECONDS + 15)


def test_f13_two_beats_and_two_ticks_at_once(lab: Lab, fault: Fault) -> None:
    """Without SKIP LOCKED and the claim by `next_run_at` in `make_due_jobs`, a slot has two jobs and I1 fails."""
    connections = [connect(lab, SMALL) for _ in range(4)]
    lab.start("beat", "worker-system", twin=True)
    fault.strike()

    for _ in range(3):
        for connection in connections:
            on_schedule(connection)
        wait_until(
            lambda: lab.value("SELECT count(*) FROM connectors_entity WHERE next_run_at < now()") == 0,
            seconds=20,
            what="every slot is claimed",
        )
        assert history.during(lab) == []
    for connection in connections:
        off_schedule(connection)
    wait_for_rest(lab)

    made = [connection.jobs.count() for connection in connections]
    assert all(1 <= count <= 3 for count in made)
    fault.held("two beats, two system workers", "each slot one job", *connections)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_f14_database_restarts_while_a_sync_reads(lab: Lab, fault: Fault, number: signal.Signals) -> None:
    """Without the grace after a start in `reap`, or without `persist`, the attempt is lost or its end is."""
    connection = connect(lab, MIDDLE)
    # The destination is on this server too: it shall be back before the rows are loaded.
    lab.sandbox.turn_knobs(SLOWER)
    # Long enough that a restart on a busy machine is well within it, as it is within the product's two minutes.
    lab.end("worker-sync")
    lab.start("worker-sync", PATCHBAY_LEASE_SECONDS="30")
    job = sync(connection)
    wait_for_rows(lab, job)

    fault.strike()
    database.close()
    lab.stop_postgres(number)
    lab.start_postgres()
    lab.sandbox.turn_knobs({})

    assert wait_for_end(lab, job) == "success"
    assert attempts(lab, job) == ONCE
    other = sync(connection)
    assert wait_for_end(lab, other) == "success"
    fault.held("database restarted while reading", "same attempt went on", connection, bound=30)


def test_f15_sessions_are_ended_again_and_again(lab: Lab, fault: Fault) -> None:
    """Without `persist` around start and end, an attempt ends with a lost connection and I4 or the count fails."""
    connections = [connect(lab, SMALL) for _ in range(4)]
    fault.strike()
    jobs = [sync(connection) for connection in connections]

    ended = 0
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        ended += len(
            lab.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'patchbay' "
                "AND pid <> pg_backend_pid() AND random() < 0.6"
            )
        )
        let_pass(0.7)
    database.close()

    assert ended > 5
    assert {wait_for_end(lab, job, seconds=60) for job in jobs} == {"success"}
    fault.held(f"{ended} sessions ended", "each job ended once", *connections, bound=60)


def test_f16_line_is_cut_in_the_middle_of_commits(lab: Lab, fault: Fault) -> None:
    """Without the caller's own token in `start`, an unknown commit leaves a job running that nobody works on."""
    connections = [connect(lab, SMALL) for _ in range(4)]
    lab.database_line.cut_after(b"COMMIT\x00", times=12)

    fault.strike()
    jobs = [sync(connection) for connection in connections]

    assert {wait_for_end(lab, job, seconds=60) for job in jobs} == {"success"}
    cuts = lab.database_line.cuts
    assert cuts > 3
    fault.held(f"{cuts} lines cut after COMMIT was sent", "read back, one truth", *connections, bound=60)


def test_f17_database_cannot_be_reached_for_two_leases(lab: Lab, fault: Fault) -> None:
    """Without the guard thread the worker goes on after its lease; its second attempt's load overlaps and I3 fails."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOWER)
    job = sync(connection)
    wait_for_rows(lab, job)

    lab.database_line.blackhole()
    let_pass(LEASE_SECONDS * 2)
    lab.database_line.heal()
    lab.sandbox.turn_knobs({})
    fault.strike()

    assert wait_for_end(lab, job, seconds=60) == "success"
    assert attempts(lab, job) == [("failed", "worker_lost"), ("success", "")]
    fault.held("database unreachable for two leases", "worker ended itself, job came back", connection, bound=45)


def test_f18_one_worker_is_cut_from_the_database_only(lab: Lab, fault: Fault) -> None:
    """Without the guard thread the cut worker loads while the other one does, and I3 fails."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOWER)
    job = sync(connection)
    wait_for_rows(lab, job)
    direct = lab.postgres.server.url()
    lab.start("worker-sync", "worker-system", "beat", twin=True, DATABASE_URL=direct)

    fault.strike()
    lab.database_line.blackhole()
    wait_for_attempt(lab, job, 2)
    lab.sandbox.turn_knobs({})
    assert wait_for_end(lab, job, seconds=60) == "success"
    seconds = fault.seconds()
    lab.database_line.heal()

    assert attempts(lab, job) == [("failed", "worker_lost"), ("success", "")]
    assert seconds < 45
    fault.held("one worker cut from the database", "it ended itself, another did it", connection)


def test_f21_message_comes_ten_times_and_again_after_the_end(lab: Lab, fault: Fault) -> None:
    """Without the state in `_take`'s condition, the job has more than one attempt."""
    connection = connect(lab, SMALL)
    fault.strike()
    job = sync(connection)

    for _ in range(10):
        current_app.send_task("jobs.run", args=[str(job.pk)], queue="sync")
    assert wait_for_end(lab, job) == "success"
    for _ in range(3):
        current_app.send_task("jobs.run", args=[str(job.pk)], queue="sync")
    other = sync(connection)
    assert wait_for_end(lab, other) == "success"

    assert attempts(lab, job) == ONCE
    fault.held("13 messages for one job", "one attempt", connection, bound=15)


def test_f22_messages_that_are_no_jobs(lab: Lab, fault: Fault) -> None:
    """Without the check in `jobs.tasks.run`, the task raises; the worker goes on either way."""
    connection = connect(lab, SMALL)
    fault.strike()

    current_app.send_task("jobs.unknown", args=["x"], queue="sync")
    current_app.send_task("jobs.run", args=["no id"], queue="sync")
    current_app.send_task("jobs.run", args=[], queue="sync")
    current_app.send_task("jobs.run", args=["00000000-0000-7000-8000-000000000000"], queue="sync")
    current_app.send_task("jobs.run", args=[{"a": [1, 2]}], kwargs={"extra": None}, queue="sync")
    parent = lab.pid("worker-sync")
    job = sync(connection)

    assert wait_for_end(lab, job) == "success"
    assert lab.is_running("worker-sync")
    assert lab.pid("worker-sync") == parent
    assert attempts(lab, job) == ONCE
    fault.held("five messages that name no job", "dropped, worker healthy", connection, bound=15)
