"""Sources and destinations that hang, drip, refuse, slow down or go away in the middle of a sync."""

from __future__ import annotations

import pytest

from connectors.models import Status
from tests.faults.conftest import Fault
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    attempts,
    bring_forward,
    connect,
    entity_of,
    error_code,
    on_schedule,
    run_out_retries,
    status,
    sync,
    wait_for,
    wait_for_end,
)
from tests.faults.harness.lab import NO_PROGRESS_SECONDS, Lab

pytestmark = pytest.mark.fault
TIMED_OUT_SECONDS = NO_PROGRESS_SECONDS + 30


@pytest.mark.parametrize("knobs", [{"page_delay_ms": 120_000}, {"drip_bytes_per_second": 1}], ids=["silent", "drip"])
def test_f27_source_accepts_and_gives_no_row(lab: Lab, fault: Fault, knobs: dict[str, int]) -> None:
    """F27 and F28. Without the no-progress limit the job runs until the source's own time limit, or for ever."""
    connection = connect(lab, SMALL)
    lab.sandbox.turn_knobs({SMALL: knobs})

    fault.strike()
    job = sync(connection)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending", "failed", seconds=TIMED_OUT_SECONDS)

    assert attempts(lab, job)[0] == ("failed", "job_timed_out")
    lab.sandbox.turn_knobs({})
    assert run_out_retries(lab, job) == "success"
    fault.held("source gives no row, bytes at most", "ended as timed out, then synced", connection, bound=45)


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("knobs", [{"fail_status": 500}, {"truncate": True}], ids=["refuses", "breaks-off"])
def test_f29_source_dies_at_each_page(lab: Lab, fault: Fault, page: int, knobs: dict[str, object]) -> None:
    """With the cursor stored before the rows are loaded, the second attempt would lack those of the first: I5, I6."""
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs({MIDDLE: {**knobs, "fail_on_page": page}})

    fault.strike()
    job = sync(connection)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending")
    assert attempts(lab, job)[0][0] == "failed"
    lab.sandbox.turn_knobs({})

    assert run_out_retries(lab, job) == "success"
    fault.held(f"source dies at page {page}", "next attempt took all rows", connection, bound=20)


def test_f30_source_asks_to_slow_down(lab: Lab, fault: Fault) -> None:
    """A wait that the source asked for costs no attempt, blocks its account, and leaves others alone."""
    limited, other = connect(lab, MIDDLE), connect(lab, SMALL)
    # Another address is another account.
    other.config = {"base_url": lab.sandbox.url}
    other.save(update_fields=["config"])
    lab.sandbox.turn_knobs({MIDDLE: {"rate_limit": 0.02}})

    fault.strike()
    job = sync(limited)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending")
    beside = sync(other)

    assert wait_for_end(lab, beside) == "success"
    assert attempts(lab, job)[0][1] == "rate_limited"
    assert lab.value("SELECT charged FROM jobs_lease WHERE job_id = %s", job.pk) == 0
    assert lab.value("SELECT count(*) FROM jobs_accountblock WHERE until > now() + interval '20 s'") == 1
    lab.sandbox.turn_knobs({})
    bring_forward(lab, job.pk)
    assert status(lab, job) == "pending"
    lab.rows("UPDATE jobs_accountblock SET until = now()")
    assert run_out_retries(lab, job) == "success"
    fault.held("429 with Retry-After of 50 s", "no attempt charged, others ran", limited, other)


def test_f31_key_is_revoked_in_the_middle(lab: Lab, fault: Fault) -> None:
    """With a retry for a refused sign-in, the job is tried again and the account may be locked."""
    connection = connect(lab, MIDDLE)
    on_schedule(connection, due=False, seconds=3600)
    revoked = {"fail_status": 401, "fail_code": "invalid_api_key", "fail_on_page": 2}
    lab.sandbox.turn_knobs({MIDDLE: revoked})

    fault.strike()
    job = sync(connection)
    assert wait_for_end(lab, job) == "failed"
    seconds = fault.seconds()

    assert (error_code(lab, job), len(attempts(lab, job))) == ("invalid_credentials", 1)
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == (Status.BROKEN, "invalid_credentials")
    assert entity_of(connection).next_run_at is None
    lab.sandbox.turn_knobs({})
    again = sync(connection)
    assert wait_for_end(lab, again) == "success"
    connection.refresh_from_db()
    assert connection.status == Status.ACTIVE
    assert seconds < 15
    fault.held("key revoked while reading", "broken at once, held, one attempt", connection)


@pytest.mark.parametrize("moment", ["before", "middle", "end"])
def test_f32_destination_goes_away(lab: Lab, fault: Fault, moment: str) -> None:
    """With the cursor kept at home in the place of the destination, the rows of the lost load are never read again."""
    connection = connect(lab, MIDDLE)
    words = {"middle": b"COPY ", "end": b"_dlt_loads"}
    if moment == "before":
        lab.warehouse_line.refuse()
    else:
        lab.warehouse_line.cut_after(words[moment], times=1)

    fault.strike()
    job = sync(connection)
    wait_for(lab, job, "running")
    if moment == "before":
        wait_for(lab, job, "pending")
        assert attempts(lab, job)[0][0] == "failed"
    lab.warehouse_line.heal() if moment == "before" else None

    assert run_out_retries(lab, job) == "success"
    again = sync(connection)
    assert wait_for_end(lab, again) == "success"
    fault.held(f"destination gone, {moment} of the load", "cursor unmoved, all rows", connection, bound=30)
