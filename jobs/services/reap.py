"""Takes back the jobs of workers that are gone: the lease ran out, or their process has ended for certain.

Never by a job's age. After an outage of the database, or of the reaper itself, nobody could renew: leases then get one
whole lease time before any is taken back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection as database
from django.db import transaction

from connectors.services import facts
from jobs.models import Job, Lease
from jobs.services.clock import database_now
from jobs.services.finish import Failure, after_attempt_failed, end_cancelled, stopped_by
from jobs.services.presence import forget_the_dead
from jobs.services.retry import forget_old_blocks
from jobs.services.workers import is_gone, short_name

log = structlog.get_logger(__name__)

BATCH = 200


def reap() -> int:
    """Put the jobs of lost workers back to pending; one that lost three workers ends as failed. Returns how many."""
    now = database_now()
    grace_over = _started_at() + timedelta(seconds=settings.PATCHBAY_LEASE_SECONDS) < now
    reaped = 0
    running = Lease.objects.running().order_by("pk").values_list("pk", "token", "worker", "expires_at")
    for job_id, token, worker, expires_at in running.iterator(chunk_size=BATCH):
        has_expired = expires_at is not None and expires_at < now and grace_over
        if (has_expired or is_gone(worker)) and _take_back(job_id, token, worker, expires_at):
            reaped += 1
    forget_the_dead()
    forget_old_blocks(now)
    return reaped


@transaction.atomic
def _take_back(job_id: UUID, token: UUID | None, worker: str, expires_at: datetime | None) -> bool:
    """Take one job back if the same attempt still holds it and has not renewed its lease since we looked."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return False
    facts.lock(job.connection_id)
    same = Lease.objects.running().filter(pk=job_id, token=token, expires_at=expires_at)
    lease = same.select_for_update(of=("self",)).first()
    if lease is None:
        return False
    job.refresh_from_db()
    if lease.cancel_requested_at is not None:
        log.info("A cancelled job's worker is gone; the job has ended", job=str(job_id), worker=short_name(worker))
        end_cancelled(job, stopped_by(job, lease), lease)
        return True
    log.warning("A worker is gone; its job is taken back", job=str(job_id), worker=short_name(worker))
    lost = f"The process {short_name(worker)} ended without finishing attempt {job.attempt}."
    after_attempt_failed(job, lease, Failure("worker_lost", detail=lost))
    return True


def _started_at() -> datetime:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()")
        started: datetime = cursor.fetchone()[0]
    return started
