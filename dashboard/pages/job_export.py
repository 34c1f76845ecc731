"""The list of all jobs as a file: the newest that match, in the list's order, a batch at a time by key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

from dashboard.forms.job_criteria import JobCriteria
from dashboard.pages.job_list import in_order
from jobs.models import SYNC_TYPES, Job

# A file holds no more, so that one export cannot keep the server busy for minutes.
MOST_EXPORTED = 100_000
_BATCH = 1_000
NAMES = (
    "id", "type", "status", "connection_id", "connection", "connection_deleted", "entity_id", "entity", "provider",
    "trigger", "actor", "made_at", "started_at", "ended_at", "duration_s", "rows", "error_code", "attempt",
)  # fmt: skip


def records(criteria: JobCriteria, now: datetime, zone: tzinfo) -> Iterator[dict[str, Any]]:
    """Give the jobs that `criteria` mean, whatever page they name, at most `MOST_EXPORTED`."""
    return (_record(job, zone) for job in islice(_jobs(criteria, now, zone), MOST_EXPORTED))


def _jobs(criteria: JobCriteria, now: datetime, zone: tzinfo) -> Iterator[Job]:
    last = None
    while batch := list(in_order(criteria, now, zone).older_than(last)[:_BATCH]):
        yield from batch
        last = batch[-1].pk


def _record(job: Job, zone: tzinfo) -> dict[str, Any]:
    took = job.duration_ms
    values = (
        str(job.pk), job.type, job.status, str(job.connection_id), job.connection.name,
        "yes" if job.connection.deleted_at else "no", str(job.entity_id or ""), job.entity.name if job.entity else "",
        job.connection.provider, job.trigger, job.actor.get_username() if job.actor else "",
        _moment(job.created_at, zone), _moment(job.started_at, zone), _moment(job.ended_at, zone),
        None if took is None else took / 1000, job.rows_loaded if job.type in SYNC_TYPES else None, job.error_code,
        job.attempt,
    )  # fmt: skip
    return dict(zip(NAMES, values, strict=True))


def _moment(at: datetime | None, zone: tzinfo) -> str | None:
    return None if at is None else at.astimezone(zone).isoformat(timespec="milliseconds")
