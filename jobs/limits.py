"""How long a job may take: without moving anything, and in all. By its type; see the settings."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from jobs.models import WRITE_TYPES, JobType

_BULK = (JobType.HISTORICAL_RESYNC, JobType.PURGE)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one attempt, in seconds. Both are a `job_timed_out` when they are reached."""

    no_progress_seconds: float
    deadline_seconds: float


def limits_of(job_type: str) -> Limits:
    """Return the limits of a job type: a person waits for a test or a discovery, nobody for a sync.

    A write-back has many lines, and a source may ask to slow down between them.
    """
    if job_type in (JobType.DATA_SYNC, *WRITE_TYPES):
        deadline = settings.PATCHBAY_SYNC_SECONDS
    elif job_type in _BULK:
        deadline = settings.PATCHBAY_BULK_SECONDS
    else:
        deadline = settings.PATCHBAY_INTERACTIVE_SECONDS
    return Limits(min(settings.PATCHBAY_NO_PROGRESS_SECONDS, deadline), deadline)
