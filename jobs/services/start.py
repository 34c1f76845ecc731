"""From pending to running: one conditional update that must change exactly one row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from jobs.models import Attempt, Job, JobStatus, Lease, LeaseState

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


def start(*, job_id: UUID, worker: str, token: UUID | None = None) -> Claim | None:
    """Take a pending job for a worker and record the attempt.

    A caller that names its own `token` may call again when the answer to a commit was lost: it gets the claim that was
    made. Returns None when there is nothing to do: the job is over, runs already, waits for later, or was cancelled.
    """
    if token is not None:
        held = Lease.objects.running().filter(pk=job_id, token=token).values_list("attempt", flat=True).first()
        if held is not None:
            return Claim(job_id, token, held, worker)
    token = token or uuid4()
    try:
        with transaction.atomic():
            attempt = _take(job_id, token, worker)
    except IntegrityError:
        waiting = Lease.objects.pending().filter(pk=job_id)
        waiting.update(dispatched_at=None, dispatch_count=0, available_at=Now() + _BUSY_WAIT)
        return None
    if attempt is None:
        log.info("Dropped a message: its job is over, runs already or waits", job=str(job_id))
        return None
    return Claim(job_id, token, attempt, worker)


def _take(job_id: UUID, token: UUID, worker: str) -> int | None:
    ready = Lease.objects.pending().filter(pk=job_id, available_at__lte=Now(), cancel_requested_at__isnull=True)
    taken = ready.update(
        state=LeaseState.RUNNING,
        token=token,
        worker=worker,
        attempt=F("attempt") + 1,
        expires_at=Now() + timedelta(seconds=settings.PATCHBAY_LEASE_SECONDS),
        progress={},
    )
    if taken != 1:
        return None
    attempt = Lease.objects.values_list("attempt", flat=True).get(pk=job_id)
    Job.objects.filter(pk=job_id).update(
        status=JobStatus.RUNNING,
        attempt=attempt,
        worker=worker,
        started_at=Coalesce(F("started_at"), Now()),
        next_attempt_at=None,
    )
    Attempt.objects.create(job_id=job_id, number=attempt, token=token, worker=worker, started_at=Now())
    return attempt
