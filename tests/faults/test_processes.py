"""Processes that die, hang or freeze in the middle of a sync."""

from __future__ import annotations

import os
import signal

import pytest

from jobs.services import workers
from tests.faults.conftest import Fault
from tests.faults.harness import history, points
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    connect,
    course,
    error_code,
    frozen,
    process_of,
    run_out_retries,
    sync,
    wait_for_attempt,
    wait_for_end,
    wait_for_rows,
    wait_until,
)
from tests.faults.harness.lab import WAREHOUSE, Lab
from tests.faults.harness.programs import LEASE_SECONDS

pytestmark = pytest.mark.fault
SLOW = {MIDDLE: {"page_delay_ms": 400}}
# Lease, one round of the reaper, one of the tick, and the sync itself.
PICKED_UP_SECONDS = LEASE_SECONDS + 5 + 2 + 10


@pytest.mark.guard("reaper", says="the job is over: not within")
def test_f01_worker_parent_is_killed_while_its_child_reads(lab: Lab, fault: Fault) -> None:
    """Its children die with it. Without the reaper their job runs for ever."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(connection)
    wait_for_rows(lab, job)

    fault.strike()
    lab.end("worker-sync", whole_group=False)
    lab.start("worker-sync")

    assert wait_for_end(lab, job) == "success"
    assert course(lab, job) == "failed: worker_lost, success"
    fault.held("worker parent killed while reading", "second attempt took all rows", connection, bound=45)


@pytest.mark.guard("reaper", says="attempt 2 begins: not within")
def test_f02_worker_child_is_killed_while_it_reads(lab: Lab, fault: Fault) -> None:
    """Without the reaper there is no second attempt."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(connection)
    wait_for_rows(lab, job)

    fault.strike()
    os.kill(process_of(lab, job), signal.SIGKILL)
    wait_for_attempt(lab, job, 2, seconds=PICKED_UP_SECONDS)
    lab.sandbox.turn_knobs({})

    assert wait_for_end(lab, job) == "success"
    assert course(lab, job) == "failed: worker_lost, success"
    fault.held("worker child killed while reading", "second attempt took all rows", connection, bound=PICKED_UP_SECONDS)


@pytest.mark.parametrize("point", ["extracted", "load", "loaded", "recorded"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first-sync", "tables-dropped"])
@pytest.mark.guard("rows_standing", says="I5: .* lacks", point="load", is_first=False)
def test_f03_child_dies_at_each_step_of_the_load(lab: Lab, fault: Fault, point: str, *, is_first: bool) -> None:
    """Without the look for rows in `standing_tables`, tables that a dying load made anew stay empty, and I5 fails.

    At `recorded` the end was committed: nothing may run again.
    """
    connection = connect(lab, SMALL)
    if not is_first:
        assert wait_for_end(lab, sync(connection)) == "success"
        for table in history.COLLECTIONS:
            lab.rows(f'DROP TABLE "{connection.entities.get().dataset}"."{table}"', database=WAREHOUSE)
    points.arm(lab.points, point)

    fault.strike()
    job = sync(connection)

    assert wait_for_end(lab, job) == "success"
    assert points.armed(lab.points, point) == 0
    assert course(lab, job) == ("success" if point == "recorded" else "failed: worker_lost, success")
    fault.held(f"child killed at “{point}”", "no row lost or doubled", connection, bound=PICKED_UP_SECONDS)


@pytest.mark.guard("reaper", says="the job is over: not within")
def test_f04_child_dies_between_its_claim_and_its_work(lab: Lab, fault: Fault) -> None:
    """Without the reaper the claimed job runs for ever, with nobody at work on it."""
    connection = connect(lab, SMALL)
    points.arm(lab.points, "begin")

    fault.strike()
    job = sync(connection)

    assert wait_for_end(lab, job, seconds=PICKED_UP_SECONDS) == "success"
    assert course(lab, job) == "failed: worker_lost, success"
    fault.held("child killed right after its claim", "lease taken back", connection, bound=PICKED_UP_SECONDS)


@pytest.mark.guard("guard_thread", "renewal_token", says="the thawed worker ends itself: not within")
def test_f20_worker_is_frozen_until_another_has_done_its_job(lab: Lab, fault: Fault) -> None:
    """Two guards hold: without the guard thread and the token in the renewal, the thawed worker works on."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(connection)
    wait_for_rows(lab, job)
    holder = str(lab.value("SELECT worker FROM jobs_lease WHERE job_id = %s", job.pk))

    fault.strike()
    with frozen(process_of(lab, job)):
        wait_for_attempt(lab, job, 2)
        lab.sandbox.turn_knobs({})
        assert wait_for_end(lab, job) == "success"
        seconds_of_second = fault.seconds()
        before = lab.rows("SELECT * FROM jobs_job WHERE id = %s", job.pk)
    wait_until(lambda: workers.is_gone(holder), what="the thawed worker ends itself")

    assert lab.rows("SELECT * FROM jobs_job WHERE id = %s", job.pk) == before
    assert course(lab, job) == "failed: worker_lost, success"
    assert seconds_of_second < PICKED_UP_SECONDS
    assert history.loads_never_overlap(lab) == []
    fault.held("worker frozen, then thawed", "thawed attempt ended itself", connection)


@pytest.mark.guard("lost_count", says="'success' == 'failed'")
def test_f23_poison_job_kills_every_worker_it_meets(lab: Lab, fault: Fault) -> None:
    """Without the count of lost workers the job is tried again after its third loss."""
    poisoned, healthy = connect(lab, SMALL), connect(lab, SMALL)
    points.arm(lab.points, "begin", times=3)

    fault.strike()
    job = sync(poisoned)
    assert run_out_retries(lab, job, seconds=90) == "failed"

    assert error_code(lab, job) == "worker_lost"
    assert course(lab, job) == ", ".join(["failed: worker_lost"] * 3)
    seconds = fault.seconds()
    other = sync(healthy)
    assert wait_for_end(lab, other) == "success"
    assert seconds < 60
    fault.held("job kills its process each time", "failed after 3, others run", healthy)
