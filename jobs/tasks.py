"""What Celery calls: each task hands over to one function and carries nothing but an id."""

from __future__ import annotations

from uuid import UUID

import structlog
from celery import shared_task

from jobs.runner import run_job
from jobs.services.dispatch import tick as tick_once
from jobs.services.reap import reap as reap_once
from jobs.services.retention import keep_partitions as keep_partitions_once

log = structlog.get_logger(__name__)

# Seconds. A backstop five minutes above the longest job; Postgres' lease ends what hangs earlier.
_LONGEST_SYNC = 6 * 60 * 60 + 300
_LONGEST_SYSTEM_TASK = 60


@shared_task(name="jobs.run", time_limit=_LONGEST_SYNC)
def run(job_id: str) -> None:
    """Run the job with this id, if it still waits."""
    try:
        known = UUID(job_id)
    except (ValueError, AttributeError, TypeError):
        log.warning("Dropped a message that names no job")
        return
    run_job(known)


@shared_task(name="jobs.tick", time_limit=_LONGEST_SYSTEM_TASK)
def tick() -> None:
    """Make what is due and publish what may start."""
    tick_once()


@shared_task(name="jobs.reap", time_limit=_LONGEST_SYSTEM_TASK)
def reap() -> None:
    """Take back the jobs of workers that are gone."""
    reap_once()


@shared_task(name="jobs.keep_partitions", time_limit=_LONGEST_SYSTEM_TASK)
def keep_partitions() -> None:
    """Make the partitions of the weeks to come and drop those past the retention time."""
    keep_partitions_once()
