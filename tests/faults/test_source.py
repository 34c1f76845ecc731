"""Sources and destinations that hang, drip, refuse, slow down or go away in the middle of a sync."""

from __future__ import annotations

import pytest

from connectors.models import Connection, Status
from tests.faults.conftest import Fault
from tests.faults.harness.doing import (
    MIDDLE,
    SMALL,
    bring_forward,
    connect,
    course,
    entity_of,
    on_schedule,
    run_out_retries,
    status,
    sync,
    wait_for,
    wait_for_end,
)
from tests.faults.harness.lab import Lab
from tests.faults.harness.programs import NO_PROGRESS_SECONDS

pytestmark = pytest.mark.fault
TIMED_OUT_SECONDS = NO_PROGRESS_SECONDS + 30
DIES: dict[str, dict[str, object]] = {"refuses": {"fail_status": 500}, "breaks-off": {"truncate": True}}


@pytest.mark.guard("no_progress_limit", says="is pending or failed: not within")
def test_f27_source_accepts_and_never_answers(lab: Lab, fault: Fault) -> None:
    """Without the limit for no progress, the job runs until the client's own time limit, a minute later."""
    connection = connect(lab, SMALL)
    lab.sandbox.turn_knobs({SMALL: {"page_delay_ms": 120_000}})

    _run_into_the_limit(lab, fault, connection, "Nothing moved")

    fault.held("source accepts, never answers", "ended as timed out, then synced", connection, bound=45)


@pytest.mark.parametrize("gives", ["a byte per 5 s", "rows, too slowly"])
@pytest.mark.guard("no_progress_limit", says="is pending or failed: not within", gives="a byte per 5 s")
@pytest.mark.guard("deadline", says="is pending or failed: not within", gives="rows, too slowly")
def test_f28_slow_loris(lab: Lab, fault: Fault, gives: str) -> None:
    """Bytes are no progress: without the limit for that, a source that drips keeps its worker for ever.

    Rows are: without the deadline, a source that gives a page now and then keeps it as long as it likes.
    """
    connection = connect(lab, MIDDLE)
    if gives == "a byte per 5 s":
        lab.sandbox.turn_knobs({MIDDLE: {"drip_bytes_per_second": 0.2}})
        _run_into_the_limit(lab, fault, connection, "Nothing moved")
    else:
        lab.sandbox.turn_knobs({MIDDLE: {"page_delay_ms": 4000}})
        lab.end("worker-sync")
        lab.start("worker-sync", PATCHBAY_SYNC_SECONDS="6")
        _run_into_the_limit(lab, fault, connection, "It was not done")

    fault.held(f"source gives {gives}", "ended as timed out, then synced", connection, bound=45)


def _run_into_the_limit(lab: Lab, fault: Fault, connection: Connection, words: str) -> None:
    """Sync until the attempt is ended as timed out, with these words; then let the source be well, and the job end."""
    fault.strike()
    job = sync(connection)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending", "failed", seconds=TIMED_OUT_SECONDS)

    assert course(lab, job) == "failed: job_timed_out"
    assert words in lab.value("SELECT error_detail FROM jobs_attempt WHERE job_id = %s AND number = 1", job.pk)
    lab.sandbox.turn_knobs({})
    assert run_out_retries(lab, job) == "success"


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["refuses", "breaks-off"])
@pytest.mark.guard("cursor_with_rows", "tables_standing", says="I5: .* lacks", page=4, how="refuses")
def test_f29_source_dies_at_each_page(lab: Lab, fault: Fault, page: int, how: str) -> None:
    """Two guards hold: without the cursor in the load and the look for the tables, rows of the first attempt are lost.

    The cursor is then stored as soon as rows are read, and a table that is not there is read on from it (I5).
    """
    connection = connect(lab, MIDDLE)
    lab.sandbox.turn_knobs({MIDDLE: {**DIES[how], "fail_on_page": page}})

    fault.strike()
    job = sync(connection)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending")
    assert course(lab, job).startswith("failed")
    lab.sandbox.turn_knobs({})

    assert run_out_retries(lab, job) == "success"
    fault.held(f"source dies at page {page}", "next attempt took all rows", connection, bound=20)


@pytest.mark.parametrize("says_when", [True, False], ids=["says-when", "says-nothing"])
@pytest.mark.guard("uncharged_wait", says="charged", says_when=True)
@pytest.mark.guard("account_block", says="blocked", says_when=False)
def test_f30_source_asks_to_slow_down(lab: Lab, fault: Fault, *, says_when: bool) -> None:
    """The wait is the source's, or that of the class of failure; without the class's rule an attempt is charged.

    Without the block of the account, others of it go on asking.
    """
    limited, same, other = connect(lab, MIDDLE), connect(lab, SMALL), connect(lab, SMALL)
    # Another address is another account.
    other.config = {"base_url": lab.sandbox.url}
    other.save(update_fields=["config"])
    lab.sandbox.turn_knobs({MIDDLE: {"rate_limit": 0.02, "no_retry_after": not says_when}})

    fault.strike()
    job = sync(limited)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending")
    seconds = lab.value(
        "SELECT extract(epoch FROM available_at - now())::float FROM jobs_lease WHERE job_id = %s", job.pk
    )
    assert course(lab, job) == "failed: rate_limited"
    assert lab.value("SELECT charged FROM jobs_lease WHERE job_id = %s", job.pk) == 0, "an attempt was charged"
    # 50 s as the source says; else half to all of the class's own minute.
    assert 40 < seconds < 50 if says_when else 28 < seconds < 60
    until = lab.value("SELECT max(until) - now() FROM jobs_accountblock")
    assert until is not None, "the account is not blocked"
    assert abs(until.total_seconds() - seconds) < 2
    held_back, beside = sync(same), sync(other)

    assert wait_for_end(lab, beside) == "success"
    lab.sandbox.turn_knobs({})
    bring_forward(lab, job.pk)
    assert {status(lab, job), status(lab, held_back)} == {"pending"}
    lab.rows("UPDATE jobs_accountblock SET until = now()")
    assert run_out_retries(lab, job) == "success"
    assert wait_for_end(lab, held_back) == "success"
    said = "with Retry-After of 50 s" if says_when else "without Retry-After"
    fault.held(f"429 {said}", "no attempt charged, others ran", limited, same, other)


@pytest.mark.guard("final_refusal", says="the job is over: not within")
def test_f31_key_is_revoked_in_the_middle(lab: Lab, fault: Fault) -> None:
    """Without the class of a refused sign-in, the job waits for another try, which may lock the account."""
    connection = connect(lab, MIDDLE)
    on_schedule(connection, due=False, seconds=3600)
    revoked = {"fail_status": 401, "fail_code": "invalid_api_key", "fail_on_page": 2}
    lab.sandbox.turn_knobs({MIDDLE: revoked})

    fault.strike()
    job = sync(connection)
    assert wait_for_end(lab, job, seconds=20) == "failed"
    seconds = fault.seconds()

    assert course(lab, job) == "failed: invalid_credentials"
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
@pytest.mark.guard("cursor_with_rows", "tables_standing", says="I5: .* lacks", moment="middle")
def test_f32_destination_goes_away(lab: Lab, fault: Fault, moment: str) -> None:
    """Two guards hold: without the cursor in the load and the look for the tables, rows of the lost load stay so (I5).

    The cursor is then kept at home, and a table that the load had just made is read on from it.
    """
    connection = connect(lab, MIDDLE)
    # The engine tries again by itself; it shall not get through.
    words = {"middle": b"COPY ", "end": b'_dlt_loads"('}
    if moment == "before":
        lab.warehouse_line.refuse()
    else:
        lab.warehouse_line.cut_after(words[moment], times=100)

    fault.strike()
    job = sync(connection)
    wait_for(lab, job, "running")
    wait_for(lab, job, "pending")
    assert course(lab, job) == "failed: destination_unreachable"
    lab.warehouse_line.heal()

    assert run_out_retries(lab, job) == "success"
    again = sync(connection)
    assert wait_for_end(lab, again) == "success"
    when = {"before": "before the load", "middle": "in the middle of the load", "end": "at the end of the load"}
    fault.held(f"destination gone {when[moment]}", "cursor unmoved, all rows", connection, bound=30)
