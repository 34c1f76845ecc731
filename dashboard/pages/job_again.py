"""What can be done again with a job that is over, or at once with one that waits for its next attempt."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from connectors.models import Status
from dashboard.access import Can
from jobs.models import SYNC_TYPES, Job, JobStatus, JobType
from jobs.services.why import Cause, Reason

# The button, its icon, the view and the action that it needs. A question is asked on a page of its own.
_BUTTONS = {
    JobType.DATA_SYNC: ("Sync again", "refresh", "", "run_sync"),
    JobType.HISTORICAL_RESYNC: ("Re-sync again", "history", "connections:resync", "resync"),
    JobType.TEST_CONNECTION: ("Test again", "flask", "connections:test", "test_connection"),
    JobType.DISCOVER: ("Discover again", "search", "connections:discover", "test_connection"),
    JobType.PURGE: ("Purge again", "trash", "connections:purge", "purge"),
}
_QUESTIONS = frozenset({JobType.HISTORICAL_RESYNC, JobType.PURGE})


@dataclass(frozen=True, slots=True)
class Again:
    """A button of the head: it posts to `url`, or opens a question there."""

    label: str
    icon: str
    url: str
    is_question: bool = False


def again_of(job: Job, reason: Reason | None, can: Can) -> Again | None:
    """Return the button for a job, None where the role or the connection's state allows none.

    `reason` says why a pending job waits.
    """
    if not job.is_over:
        return _try_now(job, reason, can)
    if job.type not in _BUTTONS or not _fits(job):
        return None
    label, icon, view, action = _BUTTONS[JobType(job.type)]
    if not can[action]:
        return None
    url = reverse(view, args=[job.connection_id]) if view else sync_again_url(job)
    return Again(label, icon, url, is_question=job.type in _QUESTIONS)


def can_sync(job: Job) -> bool:
    """Whether a sync of the job's connection can be started."""
    return job.connection.status in {Status.ACTIVE, Status.BROKEN}


def sync_again_url(job: Job) -> str:
    """Return the address that a "Sync again" is posted to: the entity's where the job had one."""
    if job.entity_id:
        return reverse("connections:sync-entity", args=[job.connection_id, job.entity_id])
    return reverse("connections:sync", args=[job.connection_id])


def _try_now(job: Job, reason: Reason | None, can: Can) -> Again | None:
    """A sync brings an attempt forward that waits for its time."""
    is_retry = job.status == JobStatus.PENDING and reason is not None and reason.cause == Cause.RETRY
    # A source that asked to slow down is not asked before its time.
    if not is_retry or job.type not in SYNC_TYPES or job.error_code == "rate_limited" or not can["run_sync"]:
        return None
    return Again("Try now", "refresh", sync_again_url(job))


def _fits(job: Job) -> bool:
    """Whether the connection's state allows the same again."""
    if job.connection.deleted_at is not None:
        return False
    if job.type == JobType.PURGE:
        return job.connection.status == Status.PAUSED
    return can_sync(job) if job.type in SYNC_TYPES else True
