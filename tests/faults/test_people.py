"""People who cancel, pause, edit and deploy at the wrong moment."""

from __future__ import annotations

import os
import random
import signal

import pytest

from connectors.models import Entity, Status
from connectors.services.connect import set_credentials
from connectors.services.pause import pause
from jobs.models import Job
from jobs.services.cancel import CannotCancel, request_cancel
from tests.conftest import member
from tests.faults.conftest import Fault
from tests.faults.harness import points
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    connect,
    course,
    error_code,
    let_pass,
    process_of,
    status,
    sync,
    wait_for,
    wait_for_end,
    wait_for_rows,
    wait_until,
)
from tests.faults.harness.lab import Lab
from tests.faults.harness.programs import FORCE_SECONDS
from tests.waiting import wait_until as wait_in_full

pytestmark = pytest.mark.fault
SLOW = {MIDDLE: {"page_delay_ms": 400}}
ASKED_SECONDS, FORCED_SECONDS = 20, FORCE_SECONDS + 30
STOPS_SECONDS = 10


@pytest.mark.parametrize("after_ms", [0, 300, 900, 1800])
@pytest.mark.guard("draining", says="the worker stops: not within", after_ms=900)
def test_f39_worker_is_told_to_stop_at_some_moment(lab: Lab, fault: Fault, after_ms: int) -> None:
    """Without the drain the worker stops only when its job is done, however long that takes."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs({MIDDLE: {"page_delay_ms": 3000}})
    job = sync(connection)
    wait_for(lab, job, "running")
    let_pass(after_ms / 1000)

    fault.strike()
    lab.tell("worker-sync", signal.SIGTERM)
    wait_in_full(lambda: not lab.is_running("worker-sync"), seconds=STOPS_SECONDS, what="the worker stops")
    lab.sandbox.turn_knobs({})
    lab.start("worker-sync")

    assert wait_for_end(lab, job) == "success"
    assert course(lab, job) == "cancelled: worker_stopping, success"
    fault.held(f"worker told to stop after {after_ms} ms", "no attempt lost", connection, bound=ASKED_SECONDS * 2)


@pytest.mark.guard("end_of_waiting", says="'pending' == 'cancelled'")
def test_f41_cancel_of_a_waiting_job(lab: Lab, fault: Fault) -> None:
    """Without its end at once, a cancelled job goes on waiting for a worker."""
    connection = connect(lab, SMALL)
    lab.end("worker-sync")
    job = sync(connection)

    fault.strike()
    request_cancel(job=job, actor=member("operator"))
    assert status(lab, job) == "cancelled"
    lab.start("worker-sync")
    other = sync(connection)
    assert wait_for_end(lab, other) == "success"

    assert course(lab, job) == ""
    fault.held("waiting job cancelled", "ended at once, never started", connection)


@pytest.mark.parametrize("worker", ["reads", "hangs", "died"])
@pytest.mark.guard("heard_cancel", says="'success' == 'cancelled'", worker="reads")
@pytest.mark.guard("forced_end", says="the job is over: not within", worker="hangs")
def test_f41_cancel_of_a_running_job(lab: Lab, fault: Fault, worker: str) -> None:
    """Without the word to the work, a job that reads goes on to its end as if nobody had asked.

    Without the forced end, one that hangs is “in progress” until its source answers.
    """
    connection = connect(lab, MIDDLE)
    if worker == "hangs":
        # The limit for no progress would end it too, later.
        lab.end("worker-sync")
        lab.start("worker-sync", PATCHBAY_NO_PROGRESS_SECONDS="600")
    lab.sandbox.turn_knobs({MIDDLE: {"page_delay_ms": 120_000}} if worker == "hangs" else SLOW)
    job = sync(connection)
    wait_for(lab, job, "running")
    if worker != "hangs":
        wait_for_rows(lab, job)
    if worker == "died":
        os.kill(process_of(lab, job), signal.SIGKILL)

    fault.strike()
    request_cancel(job=job, actor=member("operator"))

    assert wait_for_end(lab, job, seconds=FORCED_SECONDS) == "cancelled"
    seconds = fault.seconds()
    assert error_code(lab, job) == "cancelled_by_user"
    lab.sandbox.turn_knobs({})
    other = sync(connection)
    assert wait_for_end(lab, other) == "success"
    assert seconds < (ASKED_SECONDS if worker == "reads" else FORCED_SECONDS)
    fault.held(f"cancelled while its worker {worker}", "one end: cancelled", connection)


@pytest.mark.guard("cancel_after_failure", says="the job is over: not within")
def test_f41_cancel_races_with_the_end(lab: Lab, fault: Fault) -> None:
    """Without the look for a cancel when an attempt fails, a job that both happen to waits for ever."""
    connection = connect(lab, MIDDLE)
    moments = random.Random(41)
    ends = []
    fault.strike()
    for knobs in ({"page_delay_ms": 250}, {"page_delay_ms": 1000, "fail_status": 500}):
        lab.sandbox.turn_knobs({MIDDLE: knobs})
        for _ in range(4):
            job = sync(connection)
            let_pass(moments.uniform(0.0, 2.5))
            ends.append(_cancelled(lab, job))
    # The moment itself: the attempt has failed, and is about to say so.
    points.hold(lab.points)
    job = sync(connection)
    wait_until(lambda: points.is_held(lab.points), what="the attempt is about to end")
    request_cancel(job=job, actor=member("operator"))
    points.release(lab.points)
    assert wait_for_end(lab, job, seconds=20) == "cancelled"

    assert set(ends) <= {"success", "cancelled"}
    lab.sandbox.turn_knobs({})
    last = sync(connection)
    assert wait_for_end(lab, last) == "success"
    fault.held(f"9 cancels near the end ({ends.count('cancelled') + 1} won)", "each job ended once", connection)


def _cancelled(lab: Lab, job: Job) -> str:
    try:
        request_cancel(job=job, actor=member("operator"))
    except CannotCancel:
        assert status(lab, job) == "success"
    return wait_for_end(lab, job)


@pytest.mark.parametrize("change", ["pause", "edit", "rotate", "unselect"])
@pytest.mark.guard("snapshot", says="the job is over: not within", change="edit")
def test_f42_connection_changes_while_it_syncs(lab: Lab, fault: Fault, change: str) -> None:
    """Without the snapshot an attempt follows the edited address and fails; edits hold from the next attempt on."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(connection)
    wait_for_rows(lab, job)

    fault.strike()
    if change == "pause":
        pause(connection=connection, reason="Auditors", actor=None)
    elif change == "edit":
        connection.config = {"base_url": "http://127.0.0.1:9"}
        connection.save(update_fields=["config"])
    elif change == "rotate":
        set_credentials(connection=connection, credentials={"api_key": "another key of the tests"})
    else:
        Entity.objects.filter(connection=connection).update(is_selected=False)

    assert wait_for_end(lab, job) == "success"
    assert course(lab, job) == "success"
    connection.refresh_from_db()
    expected = {"pause": Status.PAUSED, "rotate": Status.INCOMPLETE}
    if change in expected:
        assert connection.status == expected[change]
    Entity.objects.filter(connection=connection).update(is_selected=True)
    fault.held(f"{change} while it syncs", "attempt ended on its snapshot", connection, bound=30)
