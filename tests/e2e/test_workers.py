"""Workers that are killed in the middle of a sync: the job goes on by itself, and no row is lost or doubled."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.records import EntityRecord, JobRecord
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor
from tests.waiting import wait_until

COLLECTIONS = {"employees": "employees", "pay_runs": "pay-runs", "pay_statements": "pay-statements"}
PICKED_UP = 60_000


@pytest.fixture
def company(stack: Stack) -> Iterator[EntityRecord]:
    """A company that answers slowly and has never been copied: what its first syncs brought is gone."""
    records.wait_for_rest(stack)
    found = records.entity(stack, "co_halden_dairy")
    stack.run(f"DROP SCHEMA {found.dataset} CASCADE", database="warehouse")
    with stack.knobs(co_halden_dairy={"page_delay_ms": 400}):
        yield found


def ids_at_destination(stack: Stack, company: EntityRecord, table: str) -> list[str]:
    rows = stack.rows(f"SELECT id FROM {company.dataset}.{table} ORDER BY id", database="warehouse")
    return [row[0] for row in rows]


def ids_at_source(stack: Stack, company: EntityRecord, collection: str) -> list[str]:
    return sorted(str(record["id"]) for record in stack.payroll(f"companies/{company.ref}/{collection}"))


def start_and_wait_for_rows(stack: Stack, visitor: Visitor, company: EntityRecord) -> JobRecord:
    """Press the button, open the page of the job, and wait until rows of the last table have been read."""
    visitor.open(company.path)
    with visitor.page.expect_response("**/sync/"):
        visitor.page.get_by_role("button", name="Sync this company").click()
    job = records.last_job(stack, "Halden payroll", company)
    visitor.open(job.path)
    read = "SELECT (progress->'tables'->'pay_statements'->>0)::int FROM jobs_lease WHERE job_id = %s"
    wait_until(lambda: stack.value(read, job.id), seconds=30, what="rows are being read")
    return job


def child_at_work(stack: Stack, job: JobRecord) -> int:
    """Return the number of the process that runs a job; leases end with `pid-start time`."""
    worker = stack.value("SELECT worker FROM jobs_lease WHERE job_id = %s", job.id)
    return int(worker.rpartition("/")[2].partition("-")[0])


@pytest.mark.parametrize("victim", ["child", "parent"])
def test_sync_survives_a_killed_worker(stack: Stack, visit: Visit, company: EntityRecord, victim: str) -> None:
    with visit("operator") as visitor:
        job = start_and_wait_for_rows(stack, visitor, company)
        child, parent = child_at_work(stack, job), stack.process_named("worker-sync").pid
        assert child != parent

        os.kill(child if victim == "child" else parent, signal.SIGKILL)

        # The page that was open before the kill tells all of it without a reload.
        expect(visitor.page.locator("#job-attempts")).to_contain_text("Attempt 2", timeout=PICKED_UP)
        expect(visitor.page.locator("#job-title")).to_contain_text("Success", timeout=PICKED_UP)

    assert records.job(stack, job.id).status == "success"
    assert records.attempts(stack, job.id) == [("failed", "worker_lost"), ("success", "")]
    for table, collection in COLLECTIONS.items():
        expected = ids_at_source(stack, company, collection)
        assert len(expected) == len(set(expected)) > 0
        assert ids_at_destination(stack, company, table) == expected
