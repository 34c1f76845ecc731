"""What Celery calls: each task hands over to one function and carries nothing but an id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from celery import Task, shared_task
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from connectors.services.reconcile import reconcile as reconcile_once
from connectors.services.upload_retention import drop_old_uploads
from jobs.models import Queue
from jobs.runner import run_job
from jobs.services import bulk, drain, pulse
from jobs.services.dispatch import refill
from jobs.services.dispatch import tick as tick_once
from jobs.services.pausing import end_pauses as end_pauses_once
from jobs.services.reap import reap as reap_once
from jobs.services.retention import keep_partitions as keep_partitions_once
from jobs.services.self_test import self_test as self_test_once

log = structlog.get_logger(__name__)

# Seconds. A backstop above the longest job; the reporter ends what hangs, or takes too long, by itself.
_LONGEST_JOB = max(settings.PATCHBAY_SYNC_SECONDS, settings.PATCHBAY_BULK_SECONDS) + 300
_LONGEST_SYSTEM_TASK = 60
_LONGEST_RECONCILE = 30 * 60


@shared_task(name="jobs.run", time_limit=_LONGEST_JOB, bind=True)
def run(self: Task[Any, Any], job_id: str) -> None:
    """Run the job with this id, if it still waits; then publish what there is room for now."""
    try:
        known = UUID(job_id)
    except (ValueError, AttributeError, TypeError):
        log.warning("Dropped a message that names no job")
        return
    run_job(known)
    _refill(str((self.request.delivery_info or {}).get("routing_key")))


def _refill(queue: str) -> None:
    """Let the next jobs of this worker's queue follow at once; where that fails, the tick does it in a moment."""
    if drain.has_begun() or queue not in Queue.values:
        return
    try:
        refill(Queue(queue))
    except (DatabaseError, InterfaceError) as error:
        log.warning("The next jobs are left to the tick", reason=str(error).partition("\n")[0])
        connection.close()


@shared_task(name="jobs.tick", time_limit=_LONGEST_SYSTEM_TASK)
def tick() -> None:
    """Make what is due and publish what may start."""
    pulse.measured("tick", tick_once, "published")


@shared_task(name="jobs.reap", time_limit=_LONGEST_SYSTEM_TASK)
def reap() -> None:
    """Take back the jobs of workers that are gone."""
    pulse.measured("reap", reap_once, "taken_back")


@shared_task(name="jobs.work_bulk", time_limit=_LONGEST_SYSTEM_TASK)
def work_bulk(bulk_id: str) -> None:
    """Work on a bulk action for a moment, then let the queue's other tasks come to their turn."""
    try:
        known = UUID(bulk_id)
    except (ValueError, AttributeError, TypeError):
        log.warning("Dropped a message that names no bulk action")
        return
    if bulk.work_off(known):
        bulk.publish_slice(known)


@shared_task(name="jobs.take_up_bulks", time_limit=_LONGEST_SYSTEM_TASK)
def take_up_bulks() -> None:
    """Go on with the bulk actions whose worker is gone."""
    pulse.measured("take_up_bulks", bulk.take_up_bulks, "taken_up")


@shared_task(name="jobs.keep_partitions", time_limit=_LONGEST_SYSTEM_TASK)
def keep_partitions() -> None:
    """Make the partitions of the weeks to come and drop those past the retention time."""
    pulse.measured("keep_partitions", keep_partitions_once)


@shared_task(name="jobs.drop_uploads", time_limit=_LONGEST_SYSTEM_TASK)
def drop_uploads() -> None:
    """Remove the contents of uploaded files that nobody needs any more."""
    pulse.measured("drop_uploads", drop_old_uploads, "removed")


@shared_task(name="jobs.end_pauses", time_limit=_LONGEST_SYSTEM_TASK)
def end_pauses() -> None:
    """Resume the connections whose pause has lasted as long as it was to."""
    pulse.measured("end_pauses", end_pauses_once, "resumed")


@shared_task(name="jobs.self_test", time_limit=_LONGEST_SYSTEM_TASK)
def self_test() -> None:
    """Test the connections that have been silent for long."""
    pulse.measured("self_test", self_test_once, "tests")


@shared_task(name="jobs.reconcile", time_limit=_LONGEST_RECONCILE)
def reconcile() -> None:
    """Mend stored statuses that are not what their facts say, and tell how many there were."""
    pulse.measured("reconcile", lambda: len(reconcile_once()), "mended")
