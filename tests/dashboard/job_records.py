"""What the tests of one job's pages share: its records (steps, attempts, lines, progress) and looks at the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.utils import timezone

from connectors.models import Entity
from jobs.line_counts import add_line
from jobs.models import Attempt, Job, JobStatus, Lease, LogLine, Step
from tests.factories import make_connection, make_destination, make_entity, make_job

if TYPE_CHECKING:
    from django.test import Client

HTMX = {"HX-Request": "true"}
TABLES = [
    {"name": "employees", "mode": "merge", "estimated": 1000, "extracted": 0, "loaded": 0, "bytes": 0},
    {"name": "pay_runs", "mode": "replace", "estimated": 200, "extracted": 0, "loaded": 0, "bytes": 0},
]
DONE_TABLES = [{**table, "extracted": table["estimated"], "loaded": table["estimated"]} for table in TABLES]


def payroll_entity() -> Entity:
    """A company of a payroll connection, so that pages name both."""
    connection = make_connection(
        name="Kestrel Logistics", provider="sandbox_payroll", destination=make_destination(name="Warehouse")
    )
    return make_entity(connection, name="Kestrel Drivers GmbH", ref="kestrel-drivers")


def sync_of(entity: Entity, status: str = JobStatus.SUCCESS, **values: Any) -> Job:
    """A data sync of an entity."""
    return make_job(entity.connection, entity, status=status, **values)


def running_sync(entity: Entity, *, extracted: Sequence[int] = (1000, 100), step: str = "extract") -> Job:
    """A running sync of two tables with so many rows read."""
    job = sync_of(entity, JobStatus.RUNNING, tables=TABLES, worker="sync-1")
    names = [str(table["name"]) for table in TABLES]
    progress = {"step": step, "tables": {name: [rows, 0] for name, rows in zip(names, extracted, strict=True)}}
    Lease.objects.filter(job=job).update(progress=progress)
    add_step(job, 1, "check_access", "success", 1)
    add_step(job, 2, step, "running")
    return job


def add_step(job: Job, number: int, name: str, status: str, seconds: float | None = None, **values: Any) -> Step:
    """A step of the job's attempt that took `seconds`, or still runs."""
    started_at = job.started_at or timezone.now()
    return Step.objects.create(
        job=job,
        number=number,
        attempt=job.attempt,
        name=name,
        status=status,
        started_at=started_at,
        ended_at=None if seconds is None else started_at + timedelta(seconds=seconds),
        **values,
    )


def add_attempt(job: Job, number: int, status: str, **values: Any) -> Attempt:
    """An attempt of five seconds."""
    now = timezone.now()
    values = {"ended_at": None if status == JobStatus.RUNNING else now, **values}
    return Attempt.objects.create(
        job=job,
        number=number,
        token=uuid4(),
        worker="sync-1",
        status=status,
        started_at=now - timedelta(seconds=5),
        **values,
    )


def add_lines(
    job: Job, *messages: str, level: str = "info", step: str = "extract", at: datetime | None = None
) -> list[LogLine]:
    """Log lines below those that are there, with what an attempt keeps of them, as a worker writes both."""
    return write_lines(job, [(message, level, step) for message in messages], at)


def write_lines(job: Job, lines: Iterable[tuple[str, str, str]], at: datetime | None = None) -> list[LogLine]:
    """Log lines (message, level, step) of the newest attempt, in one go."""
    attempt = job.attempts.order_by("-number").first() or add_attempt(job, 1, JobStatus.RUNNING)
    at = at or timezone.now()
    made = [
        LogLine(job=job, number=number, attempt=attempt.number, at=at, level=level, step=step, message=message)
        for number, (message, level, step) in enumerate(lines, job.log_lines.count() + 1)
    ]
    for line in made:
        add_line(attempt.line_counts, step=line.step, level=line.level, number=line.number)
    attempt.save(update_fields=["line_counts"])
    return LogLine.objects.bulk_create(made)


def text(response: Any) -> str:
    """The body with its white space made single."""
    return " ".join(response.content.decode().split())


def page(client: Client, job: Job, **query: str) -> str:
    """The whole page of a job."""
    response = client.get(job.get_absolute_url(), query)
    assert response.status_code == 200
    return text(response)


def poll(client: Client, job: Job, known: str = "", **query: Any) -> Any:
    """What the page's poll gets when it knows the version `known`."""
    headers = {**HTMX, "If-None-Match": known} if known else HTMX
    return client.get(job.get_absolute_url(), query, headers=headers)
