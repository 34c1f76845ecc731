"""The database goes away, or the line to it breaks, in the middle of a sync."""

from __future__ import annotations

import signal
import time

import pytest
from django.db import connection as database

from jobs.services import workers
from tests.faults.conftest import Fault
from tests.faults.harness import points
from tests.faults.harness.doing import (
    JOB_SECONDS,
    MIDDLE,
    SMALL,
    connect,
    course,
    let_pass,
    run_out_retries,
    sync,
    wait_for_attempt,
    wait_for_end,
    wait_for_rows,
    wait_until,
)
from tests.faults.harness.lab import Lab
from tests.faults.harness.programs import LEASE_SECONDS

pytestmark = pytest.mark.fault
SLOW = {MIDDLE: {"page_delay_ms": 400}}
SLOWER = {MIDDLE: {"page_delay_ms": 1500}}


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "reads"), (signal.SIGQUIT, "reads"), (signal.SIGINT, "ends")],
    ids=["fast-reads", "immediate-reads", "fast-ends"],
)
@pytest.mark.guard("persist", says="worker_lost|not within", moment="ends")
def test_f14_database_restarts_while_a_sync_runs(lab: Lab, fault: Fault, number: signal.Signals, moment: str) -> None:
    """Without `persist` an end that is recorded while the database is away is lost, and with it the attempt."""
    connection = connect(lab, MIDDLE)
    # The destination is on this server too: it shall be back before the rows are loaded, or have them already.
    lab.sandbox.turn_knobs(SLOWER if moment == "reads" else {})
    # Long enough that a restart on a busy machine is well within it, as it is within the product's two minutes.
    lab.end("worker-sync")
    lab.start("worker-sync", PATCHBAY_LEASE_SECONDS="20")
    if moment == "ends":
        points.hold(lab.points)
    job = sync(connection)
    if moment == "ends":
        wait_until(lambda: points.is_held(lab.points), seconds=JOB_SECONDS, what="the job is about to end")
    else:
        wait_for_rows(lab, job)

    fault.strike()
    database.close()
    lab.stop_postgres(number)
    if moment == "ends":
        points.release(lab.points)
        let_pass(0.5)
    lab.start_postgres()
    lab.sandbox.turn_knobs({})

    assert wait_for_end(lab, job) == "success"
    assert course(lab, job) == "success"
    other = sync(connection)
    assert wait_for_end(lab, other) == "success"
    fault.held(f"database restarted while a sync {moment}", "same attempt went on", connection, bound=30)


@pytest.mark.guard("persist", says="worker_lost")
def test_f15_sessions_are_ended_again_and_again(lab: Lab, fault: Fault) -> None:
    """Without `persist` the end of a job whose session is gone is not recorded, and its attempt counts as lost."""
    connections = [connect(lab, SMALL) for _ in range(4)]
    lab.sandbox.turn_knobs({SMALL: {"page_delay_ms": 500}})
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

    assert ended >= len(jobs)
    assert {run_out_retries(lab, job, seconds=60) for job in jobs} == {"success"}
    # A session that ends may spoil what the attempt is at, and never takes the attempt's own record along.
    assert "worker_lost" not in " ".join(course(lab, job) for job in jobs)
    fault.held(f"{ended} sessions ended", "each job ended once", *connections, bound=60)


@pytest.mark.guard("own_token", says="worker_lost")
def test_f16_line_is_cut_in_the_middle_of_commits(lab: Lab, fault: Fault) -> None:
    """Without the caller's own token in `start`, a start whose answer was lost leaves a job that nobody works on."""
    connections = [connect(lab, SMALL) for _ in range(4)]
    lab.database_line.cut_after(b"COMMIT\x00", times=12)

    fault.strike()
    jobs = [sync(connection) for connection in connections]

    assert {wait_for_end(lab, job, seconds=60) for job in jobs} == {"success"}
    cuts = lab.database_line.cuts
    assert cuts > 3
    assert {course(lab, job) for job in jobs} == {"success"}
    fault.held(f"{cuts} lines cut after COMMIT was sent", "read back, one truth", *connections, bound=60)


@pytest.mark.guard("guard_thread", says="worker_lost")
def test_f17_database_cannot_be_reached_for_two_leases(lab: Lab, fault: Fault) -> None:
    """Without the guard thread the worker works on after its lease, as if it still held the job."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOWER)
    job = sync(connection)
    wait_for_rows(lab, job)

    lab.database_line.blackhole()
    let_pass(LEASE_SECONDS * 2)
    fault.strike()
    lab.database_line.heal()
    lab.sandbox.turn_knobs({})

    assert wait_for_end(lab, job, seconds=60) == "success"
    assert course(lab, job) == "failed: worker_lost, success"
    fault.held("database unreachable for two leases", "worker ended itself, job came back", connection, bound=45)


@pytest.mark.guard("guard_thread", says="the cut worker works on beside the second attempt")
def test_f18_one_worker_is_cut_from_the_database_only(lab: Lab, fault: Fault) -> None:
    """Without the guard thread the cut worker still works when the second attempt begins."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOWER)
    job = sync(connection)
    wait_for_rows(lab, job)
    holder = str(lab.value("SELECT worker FROM jobs_lease WHERE job_id = %s", job.pk))
    direct = lab.postgres.server.url()
    lab.start("worker-sync", "worker-system", "beat", twin=True, DATABASE_URL=direct)

    fault.strike()
    lab.database_line.blackhole()
    wait_for_attempt(lab, job, 2)
    assert workers.is_gone(holder), "the cut worker works on beside the second attempt"
    lab.sandbox.turn_knobs({})
    assert wait_for_end(lab, job, seconds=60) == "success"
    seconds = fault.seconds()
    lab.database_line.heal()

    assert course(lab, job) == "failed: worker_lost, success"
    assert seconds < 45
    fault.held("one worker cut from the database", "it ended itself, another did it", connection)
