"""The first job of what a session connected: its line at the end of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dashboard.formatting import NOT_APPLICABLE, duration, number
from jobs.models import Job
from sessions_log.models import Session


@dataclass(frozen=True, slots=True)
class FirstJob:
    """The first job: where it is seen, how it stands, what it read. `is_over` says that nothing more comes."""

    pk: UUID
    href: str
    status: str
    at: datetime
    ended_at: datetime | None
    rows: str
    took: str
    code: str
    is_over: bool


def first_job_of(session: Session) -> FirstJob | None:
    """Return the first job; None where there is none, or none that is kept. One query where there is one."""
    if session.first_job_id is None:
        return None
    job = Job.objects.filter(pk=session.first_job_id).only(*_FIELDS).first()
    if job is None:
        return None
    return FirstJob(
        pk=job.pk,
        href=job.get_absolute_url(),
        status=job.status,
        at=job.created_at,
        ended_at=job.ended_at,
        rows=number(job.rows_loaded),
        took=NOT_APPLICABLE if job.duration_ms is None else duration(job.duration_ms / 1000),
        code=job.error_code,
        is_over=job.is_over,
    )


_FIELDS = ("status", "created_at", "started_at", "ended_at", "rows_loaded", "error_code")
