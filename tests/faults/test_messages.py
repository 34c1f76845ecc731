"""Messages that are lost, doubled or nonsense: the broker goes away, the tick dies, two of them tick at once."""

from __future__ import annotations

import pytest
from celery import current_app

from jobs.models import Lease
from jobs.services.dispatch import make_due_jobs
from tests.faults.conftest import Fault
from tests.faults.harness import history, points
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    connect,
    course,
    off_schedule,
    on_schedule,
    status,
    sync,
    wait_for_end,
    wait_for_rest,
    wait_for_rows,
    wait_until,
)
from tests.faults.harness.lab import Lab
from tests.faults.harness.programs import REPUBLISH_SECONDS
from tests.jobs.chain import together

pytestmark = pytest.mark.fault
SLOW = {MIDDLE: {"page_delay_ms": 400}}
SLOWER = {MIDDLE: {"page_delay_ms": 1500}}
# kombu looks for a broker that went away every few seconds, longer each time.
BROKER_BACK_SECONDS = 60


@pytest.mark.guard("release_of_unsent", "republishing", says="the job is over: not within")
def test_f05_broker_is_killed_and_comes_back_empty(lab: Lab, fault: Fault) -> None:
    """Two guards hold: a job that was not sent is free again, or else sent again; without both it never starts."""
    reading, waiting = connect(lab, MIDDLE), connect(lab, SMALL)
    lab.sandbox.turn_knobs(SLOW)
    job = sync(reading)
    wait_for_rows(lab, job)

    lab.stop_redis()
    later = sync(waiting)
    assert wait_for_end(lab, job) == "success"
    assert status(lab, later) == "pending"
    fault.strike()
    lab.start_redis()

    assert wait_for_end(lab, later, seconds=BROKER_BACK_SECONDS) == "success"
    assert course(lab, job) == "success"
    fault.held("broker killed, back empty", "running sync ended, new one ran", reading, waiting, bound=60)


@pytest.mark.guard("republishing", says="the job is over: not within")
def test_f06_broker_is_emptied_with_jobs_in_it(lab: Lab, fault: Fault) -> None:
    """Without the republishing in `claim_for_dispatch`, no job that was in the broker ever starts."""
    connections = [connect(lab, SMALL) for _ in range(6)]
    lab.end("worker-sync")
    jobs = [sync(connection) for connection in connections]
    sent = Lease.objects.pending().filter(dispatched_at__isnull=False)
    wait_until(lambda: sent.count() >= 3, what="jobs are in the broker")

    fault.strike()
    with lab.broker() as client:
        client.flushall()
    lab.start("worker-sync")

    assert {wait_for_end(lab, job, seconds=60) for job in jobs} == {"success"}
    assert {course(lab, job) for job in jobs} == {"success"}
    fault.held("broker emptied, jobs in it", "all published again, each ran once", *connections, bound=60)


@pytest.mark.guard("republishing", says="the job is over: not within")
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
    assert course(lab, job) == "success"
    fault.held("tick killed before it published", "published again", connection, bound=REPUBLISH_SECONDS + 15)


@pytest.mark.guard("lock_on_due", "unique_leases", says="I[12]: ")
def test_f13_two_beats_and_two_ticks_at_once(lab: Lab, fault: Fault) -> None:
    """Two guards hold: without SKIP LOCKED in `make_due_jobs` and the unique rules of leases, a slot has two jobs."""
    connections = [connect(lab, SMALL) for _ in range(4)]
    lab.start("beat", "worker-system", twin=True)
    fault.strike()

    for _ in range(3):
        for connection in connections:
            on_schedule(connection)
        # Beside those of the two workers, at the very same moment.
        together(*[make_due_jobs] * 3)
        wait_until(
            lambda: lab.value("SELECT count(*) FROM connectors_entity WHERE next_run_at < now()") == 0,
            seconds=20,
            what="every slot is claimed",
        )
        found = history.during(lab)
        assert found == [], found[0]
    for connection in connections:
        off_schedule(connection)
    wait_for_rest(lab)

    made = [connection.jobs.count() for connection in connections]
    assert all(1 <= count <= 3 for count in made)
    fault.held("two beats, two system workers", "each slot one job", *connections)


@pytest.mark.guard("pending_state", says="== 'success'")
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

    assert course(lab, job) == "success"
    fault.held("13 messages for one job", "one attempt", connection, bound=15)


@pytest.mark.guard("id_check", says="names no job")
def test_f22_messages_that_are_no_jobs(lab: Lab, fault: Fault) -> None:
    """Without the check in `jobs.tasks.run`, a message that names no job is not dropped: it raises in the worker."""
    connection = connect(lab, SMALL)
    before = len(lab.log_of("worker-sync"))
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
    assert course(lab, job) == "success"
    said = lab.log_of("worker-sync")[before:]
    assert "Dropped a message that names no job" in said
    assert "Dropped a message: its job is over" in said
    fault.held("five messages that name no job", "dropped, worker healthy", connection, bound=15)
