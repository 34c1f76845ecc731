"""What the faults do with a lab: make connections, start syncs, watch a job, find its process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from uuid import UUID

from django.utils import timezone

from connectors.models import Connection, Destination, Entity, ScheduleKind
from connectors.plan import FoundEntity
from connectors.providers import registry
from connectors.services.connect import create_connection, create_destination, set_credentials, source_of, take_up
from dashboard.stack import postgres
from jobs.models import Job
from jobs.services.enqueue import enqueue_sync
from tests.faults.harness import mode
from tests.faults.harness.lab import WAREHOUSE, Lab
from tests.sandbox.running import API_KEY
from tests.waiting import Found
from tests.waiting import wait_until as wait_in_full

SMALL, MIDDLE = "co_halden_ireland", "co_halden_dairy"
JOB_SECONDS = 45.0
OVER = {"success", "failed", "cancelled"}
_numbers = count(1)


def wait_until(look: Callable[[], Found], *, seconds: float = 10.0, what: str) -> Found:
    """Return the first true value that `look()` gives; fail after `seconds`, in `make guards` after a part of them."""
    return wait_in_full(look, seconds=seconds * mode.PATIENCE.part, what=what)


def connect(lab: Lab, *companies: str) -> Connection:
    """Make a connection to the lab's payroll source with these companies, which runs only when asked."""
    connection = create_connection(
        name=f"Payroll {next(_numbers)}",
        provider="sandbox_payroll",
        config={"base_url": f"http://127.0.0.1:{lab.source_line.port}"},
        destination=_warehouse(lab),
        interval_seconds=60,
    )
    Connection.objects.filter(pk=connection.pk).update(schedule_kind=ScheduleKind.MANUAL)
    set_credentials(connection=connection, credentials={"api_key": API_KEY})
    connection.refresh_from_db()
    tables = registry.access(connection.provider).list_tables(source_of(connection), companies[0])
    take_up(connection=connection, entities=[FoundEntity(ref, ref) for ref in companies], tables=tables)
    connection.refresh_from_db()
    return connection


def _warehouse(lab: Lab) -> Destination:
    known = Destination.objects.filter(name=WAREHOUSE).first()
    config = {
        "host": "127.0.0.1",
        "port": lab.warehouse_line.port,
        "database": WAREHOUSE,
        "user": postgres.USER,
        "sslmode": "disable",
    }
    password = lab.postgres.server.password
    return known or create_destination(
        name=WAREHOUSE, kind="postgres", config=config, credentials={"password": password}
    )


def on_schedule(connection: Connection, *, seconds: int = 60, due: bool = True, every: int = 60) -> None:
    """Let a connection run every minute, or `every` so many seconds, its first slot a second ago or in `seconds`."""
    Connection.objects.filter(pk=connection.pk).update(
        schedule_kind=ScheduleKind.INTERVAL, interval_seconds=every, anchor_at=timezone.now() - timedelta(days=1)
    )
    moment = timezone.now() + timedelta(seconds=-1 if due else seconds)
    connection.entities.update(next_run_at=moment)


def off_schedule(connection: Connection) -> None:
    """Let nothing more come by itself."""
    Connection.objects.filter(pk=connection.pk).update(schedule_kind=ScheduleKind.MANUAL, next_run_at=None)
    connection.entities.update(next_run_at=None)


def sync(connection: Connection) -> Job:
    """Press *Sync now*, and return the job of the first entity."""
    return enqueue_sync(connection=connection, actor=None)[0]


def status(lab: Lab, job: Job) -> str:
    """Return a job's status now."""
    return str(lab.value("SELECT status FROM jobs_job WHERE id = %s", job.pk))


def wait_for(lab: Lab, job: Job, *statuses: str, seconds: float = JOB_SECONDS) -> str:
    """Wait until a job has one of the statuses, and return it."""

    def look() -> str:
        now = status(lab, job)
        return now if now in statuses else ""

    return wait_until(look, seconds=seconds, what=f"the job is {' or '.join(statuses)}")


def wait_for_end(lab: Lab, job: Job, *, seconds: float = JOB_SECONDS) -> str:
    """Wait until a job is over, and return how it ended."""

    def look() -> str:
        now = status(lab, job)
        return now if now in OVER else ""

    return wait_until(look, seconds=seconds, what="the job is over")


def wait_for_rest(lab: Lab, *, seconds: float = JOB_SECONDS) -> None:
    """Wait until no job runs or waits."""
    wait_until(lambda: lab.value("SELECT count(*) FROM jobs_lease") == 0, seconds=seconds, what="no job is live")


def course(lab: Lab, job: Job) -> str:
    """Return how each attempt of a job went, the first one first: `failed: worker_lost, success`."""
    query = "SELECT status, error_code FROM jobs_attempt WHERE job_id = %s ORDER BY number"
    return ", ".join(f"{status}: {code}" if code else status for status, code in lab.rows(query, job.pk))


def error_code(lab: Lab, job: Job) -> str:
    """Return a job's error code."""
    return str(lab.value("SELECT error_code FROM jobs_job WHERE id = %s", job.pk))


def wait_for_attempt(lab: Lab, job: Job, number: int, *, seconds: float = JOB_SECONDS) -> None:
    """Wait until the attempt with this number has begun."""
    query = "SELECT 1 FROM jobs_attempt WHERE job_id = %s AND number >= %s LIMIT 1"
    wait_until(lambda: lab.value(query, job.pk, number), seconds=seconds, what=f"attempt {number} begins")


def wait_for_rows(lab: Lab, job: Job, *, seconds: float = JOB_SECONDS) -> None:
    """Wait until a running job has read rows: it is in the middle of its extraction."""
    query = "SELECT 1 FROM jobs_lease WHERE job_id = %s AND progress->'tables' <> '{}'"
    wait_until(lambda: lab.value(query, job.pk), seconds=seconds, what="the job reads rows")


def let_pass(seconds: float) -> None:
    """Let time pass, where the moment of a fault is what is tried, or the length of an outage."""
    until = time.monotonic() + seconds
    wait_in_full(lambda: time.monotonic() > until, seconds=seconds + 5, what="the moment")


def process_of(lab: Lab, job: Job) -> int:
    """Return the id of the process that holds a job; an identity ends with `pid-start time`."""
    worker = str(lab.value("SELECT worker FROM jobs_lease WHERE job_id = %s", job.pk))
    return int(worker.rpartition("/")[2].partition("-")[0])


def bring_forward(lab: Lab, *job_ids: UUID) -> None:
    """Let the wait for the next attempt be over, as if its time had passed."""
    for job_id in job_ids:
        # Moved once only: a tick that looks at this moment must not find it in its future again.
        waiting = "job_id = %s AND state = 'pending' AND available_at > now()"
        lab.rows(f"UPDATE jobs_lease SET available_at = now() WHERE {waiting}", job_id)


def run_out_retries(lab: Lab, job: Job, *, seconds: float = JOB_SECONDS) -> str:
    """Bring each wait of a job forward until it is over, and return how it ended."""

    def look() -> str:
        bring_forward(lab, job.pk)
        now = status(lab, job)
        return now if now in OVER else ""

    return wait_until(look, seconds=seconds, what="the job is over")


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def entity_of(connection: Connection) -> Entity:
    """Return the only entity of a connection."""
    return connection.entities.get()
