"""From pending to running: one conditional update that must change exactly one row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Coalesce, Now

from connectors.versions import versions_of
from jobs.models import AccountBlock, Attempt, Job, JobStatus, Lease, LeaseState

log = structlog.get_logger(__name__)

# Another job holds what this one needs (its entity, or a destination with one writer): look again this much later.
_BUSY_WAIT = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's hold on a job. Every later write names the token and changes nothing once it is not valid."""

    job_id: UUID
    token: UUID
    attempt: int
    worker: str
    # The most rows that an attempt before this one has loaded.
    best_loaded: int = 0


def start(*, job_id: UUID, worker: str, token: UUID | None = None) -> Claim | None:
    """Take a pending job for a worker and record the attempt.

    A caller that names its own `token` may call again when the answer to a commit was lost: it gets the claim that was
    made. Returns None when there is nothing to do: the job is over, runs already, waits for later, or was cancelled.
    """
    if token is not None:
        held = Lease.objects.running().filter(pk=job_id, token=token).first()
        if held is not None:
            return _claim(held, token)
    token = token or uuid4()
    try:
        with transaction.atomic():
            lease = _take(job_id, token, worker)
    except IntegrityError:
        waiting = Lease.objects.pending().filter(pk=job_id)
        waiting.update(dispatched_at=None, dispatch_count=0, available_at=Now() + _BUSY_WAIT)
        return None
    if lease is None:
        log.info("Dropped a message: its job is over, runs already or waits", job=str(job_id))
        return None
    return _claim(lease, token)


def _claim(lease: Lease, token: UUID) -> Claim:
    return Claim(lease.job_id, token, lease.attempt, lease.worker, lease.progress.get("best", 0))


def _take(job_id: UUID, token: UUID, worker: str) -> Lease | None:
    waiting = Lease.objects.pending().filter(pk=job_id)
    blocked = AccountBlock.objects.filter(account_key=OuterRef("account_key"), until__gt=Now())
    ready = waiting.filter(~Exists(blocked), available_at__lte=Now(), cancel_requested_at__isnull=True)
    taken = ready.update(
        state=LeaseState.RUNNING,
        token=token,
        worker=worker,
        attempt=F("attempt") + 1,
        expires_at=Now() + timedelta(seconds=settings.PATCHBAY_LEASE_SECONDS),
    )
    if taken != 1:
        # Published before its account was blocked: free again, so that the tick publishes it after the block.
        waiting.filter(Exists(blocked)).update(dispatched_at=None, dispatch_count=0)
        return None
    lease = Lease.objects.for_start().get(pk=job_id)
    attempt = lease.attempt
    Job.objects.filter(pk=job_id).update(
        status=JobStatus.RUNNING,
        attempt=attempt,
        worker=worker,
        started_at=Coalesce(F("started_at"), Now()),
        next_attempt_at=None,
    )
    Attempt.objects.create(
        job_id=job_id, number=attempt, token=token, worker=worker, started_at=Now(), ran_with=_ran_with(lease)
    )
    return lease


def _ran_with(lease: Lease) -> dict[str, str]:
    """Return what can be compared with another run later: versions, and when both credentials had been set."""
    connection = lease.connection
    told = versions_of(connection.provider)
    if connection.credentials_set_at:
        told["source_credentials"] = connection.credentials_set_at.isoformat()
    if connection.destination and connection.destination.credentials_set_at:
        told["destination_credentials"] = connection.destination.credentials_set_at.isoformat()
    return told
