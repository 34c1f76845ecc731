"""People who cancel, pause, edit and deploy at the wrong moment."""

from __future__ import annotations

import os
import random
import signal

import pytest

from connectors.models import Entity, Status
from connectors.services.connect import set_credentials
from connectors.services.pause import pause
from jobs.services.cancel import CannotCancel, request_cancel
from tests.conftest import member
from tests.faults.conftest import Fault
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    attempts,
    connect,
    error_code,
    let_pass,
    process_of,
    status,
    sync,
    wait_for,
    wait_for_end,
    wait_for_rows,
)
from tests.faults.harness.lab import Lab

pytestmark = pytest.mark.fault
SLOW = {MIDDLE: {"page_delay_ms": 400}}
ASKED_SECONDS, FORCED_SECONDS = 20, 60


@pytest.mark.parametrize("after_ms", [0, 300, 900, 1800])
def test_f39_worker_is_told_to_stop_at_some_moment(lab: Lab, fault: Fault, after_ms: int) -> None:
    """Without the warm shutdown the job counts as lost, and has a failed attempt."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(connection)
    wait_for(lab, job, "running")
    let_pass(after_ms / 1000)

    fault.strike()
    lab.end("worker-sync", signal.SIGTERM, whole_group=False)
    lab.start("worker-sync")

    assert wait_for_end(lab, job) == "success"
    assert "failed" not in {how for how, _ in attempts(lab, job)}
    fault.held(f"worker told to stop after {after_ms} ms", "no attempt lost", connection, bound=ASKED_SECONDS * 2)


def test_f41_cancel_of_a_waiting_job(lab: Lab, fault: Fault) -> None:
    connection = connect(lab, SMALL)
    lab.end("worker-sync")
    job = sync(connection)

    fault.strike()
    request_cancel(job=job, actor=member("operator"))
    assert status(lab, job) == "cancelled"
    lab.start("worker-sync")
    other = sync(connection)
    assert wait_for_end(lab, other) == "success"

    assert attempts(lab, job) == []
    fault.held("waiting job cancelled", "ended at once, never started", connection)


@pytest.mark.parametrize("worker", ["reads", "hangs", "died"])
def test_f41_cancel_of_a_running_job(lab: Lab, fault: Fault, worker: str) -> None:
    """Without the forced end, a job whose work hangs is “in progress” until its source answers."""
    connection = connect(lab, MIDDLE)
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


def test_f41_cancel_races_with_the_end(lab: Lab, fault: Fault) -> None:
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs({MIDDLE: {"page_delay_ms": 250}})
    moments = random.Random(41)
    ends = []
    fault.strike()
    for _ in range(8):
        job = sync(connection)
        let_pass(moments.uniform(0.0, 2.5))
        try:
            request_cancel(job=job, actor=member("operator"))
        except CannotCancel:
            assert status(lab, job) == "success"
        ends.append(wait_for_end(lab, job))

    assert set(ends) <= {"success", "cancelled"}
    last = sync(connection)
    assert wait_for_end(lab, last) == "success"
    fault.held(f"8 cancels near the end ({ends.count('cancelled')} won)", "each job ended once", connection)


@pytest.mark.parametrize("change", ["pause", "edit", "rotate", "unselect"])
def test_f42_connection_changes_while_it_syncs(lab: Lab, fault: Fault, change: str) -> None:
    """An attempt works on what it began with; what a person changed holds from the next one on."""
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
    assert attempts(lab, job) == [("success", "")]
    connection.refresh_from_db()
    expected = {"pause": Status.PAUSED, "rotate": Status.INCOMPLETE}
    if change in expected:
        assert connection.status == expected[change]
    Entity.objects.filter(connection=connection).update(is_selected=True)
    fault.held(f"{change} while it syncs", "attempt ended on its snapshot", connection, bound=30)
