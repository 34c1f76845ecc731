"""Crowds: thousands of slots at one moment, one connection with a crowd of entities and small ones beside it."""

from __future__ import annotations

import pytest

from connectors.models import Connection, Entity, Status
from jobs.models import Queue
from jobs.services.enqueue_test import enqueue_test
from jobs.services.presence import slots_by_queue
from tests.faults.conftest import Fault
from tests.faults.harness import history
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    connect,
    off_schedule,
    on_schedule,
    sync,
    wait_for,
    wait_for_end,
    wait_until,
)
from tests.faults.harness.lab import Lab
from tests.waiting import wait_until as wait_in_full

pytestmark = pytest.mark.fault
ALL_MADE_SECONDS = 60
ENDED = 5
SMALL_ONES_SECONDS = 60
PERSON_SECONDS = 5
# Nobody's second slot comes while the first is looked at.
DAY_SECONDS = 86_400


@pytest.mark.guard("room", says="messages in the broker")
def test_f35_crowd_is_due_in_one_second(lab: Lab, fault: Fault) -> None:
    """Without the room that `claim_for_dispatch` counts down, far more jobs are in the broker than workers can take."""
    crowd = _crowd(lab, 10_000)
    lab.wait_until_ready()
    slots = slots_by_queue()[Queue.SYNC]
    most_sent = 0
    fault.strike()
    on_schedule(crowd, every=DAY_SECONDS)

    with lab.broker() as client:

        def counted() -> int:
            nonlocal most_sent
            most_sent = max(most_sent, client.llen("patchbay:sync"))
            assert most_sent <= 2 * slots, f"{most_sent} messages in the broker, for {slots} workers"
            return crowd.jobs.count()

        wait_until(lambda: counted() >= 10_001, seconds=ALL_MADE_SECONDS, what="each slot has its job")
        seconds = fault.seconds()
        # They are sent after they were made.
        ended = crowd.jobs.filter(ended_at__isnull=False)
        wait_until(lambda: counted() and ended.count() >= ENDED, seconds=ALL_MADE_SECONDS, what="the first of them end")
    off_schedule(crowd)
    assert crowd.jobs.count() == crowd.jobs.values("entity").distinct().count()
    assert history.one_running_one_pending(lab) == []
    lab.clear()

    fault.held(f"{10_000:,} due at once", f"all made in {seconds:.1f} s, {most_sent} sent at most", bound=None)


@pytest.mark.guard("turns", says="the job is over: not within")
@pytest.mark.guard("own_queue", says="the test starts: not within")
def test_f36_small_ones_beside_a_crowd(lab: Lab, fault: Fault) -> None:
    """Without turns the small connections wait behind the whole crowd.

    Without workers of its own, a *Test connection* that a person presses waits for the syncs that run.
    """
    crowd, small = _crowd(lab, 3000), [connect(lab, SMALL) for _ in range(5)]
    busy = [connect(lab, MIDDLE) for _ in range(2)]
    for connection in [crowd, *small]:
        on_schedule(connection, every=DAY_SECONDS)
    fault.strike()

    for connection in small:
        wait_until(connection.jobs.exists, seconds=SMALL_ONES_SECONDS, what="a job of a small one")
        assert wait_for_end(lab, connection.jobs.get(), seconds=SMALL_ONES_SECONDS) == "success"
    seconds = fault.seconds()
    assert crowd.jobs.filter(status="pending").count() > 1500
    # Every worker of syncs is at work, and stays so.
    lab.sandbox.turn_knobs({MIDDLE: {"page_delay_ms": 120_000}})
    for connection in busy:
        wait_for(lab, sync(connection), "running")
    asked = enqueue_test(connection=small[0], actor=None)
    wait_in_full(lambda: _has_started(lab, asked.pk), seconds=PERSON_SECONDS, what="the test starts")
    assert wait_for_end(lab, asked) == "success"

    for connection in [crowd, *small]:
        off_schedule(connection)
    lab.clear()
    assert seconds < SMALL_ONES_SECONDS
    fault.held("3,000 of one connection due, 5 small ones, a test", "small ones first, test at once", *small)


def _crowd(lab: Lab, count: int) -> Connection:
    """Return a connection with `count` entities more than its one."""
    crowd = connect(lab, SMALL)
    values = {"status": Status.ACTIVE, "status_reason": "ok"}
    Entity.objects.bulk_create(
        Entity(connection=crowd, ref=f"co_{n}", name=f"Company {n}", dataset=f"crowd_{n}", **values)
        for n in range(count)
    )
    return crowd


def _has_started(lab: Lab, job_id: object) -> bool:
    return bool(lab.value("SELECT status <> 'pending' FROM jobs_job WHERE id = %s", job_id))
