"""Stops a job because a person asked: a waiting one at once, a running one as soon as its worker hears of it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from connectors.services import activity, facts
from jobs.models import Job, Lease, LeaseState
from jobs.services.finish import end_cancelled, lock_entity


class CannotCancel(Exception):  # noqa: N818 - a refusal that is told to the person, not a fault
    """The job has ended. The text is a sentence for people."""


@transaction.atomic
def request_cancel(*, job: Job, actor: User) -> None:
    """Cancel a pending job, or ask a running one to stop. Raises `CannotCancel` when it has ended."""
    facts.lock(job.connection_id)
    lock_entity(job)
    lease = Lease.objects.select_for_update(of=("self",)).filter(pk=job.pk).first()
    if lease is None:
        message = "This job has ended already, so there is nothing to cancel. Start a new sync if you need one."
        raise CannotCancel(message)
    asked = Lease.objects.filter(pk=job.pk, cancel_requested_at__isnull=True)
    if asked.update(cancel_requested_at=Now(), cancel_requested_by=actor):
        activity.record("job.cancelled", actor=actor, connection=job.connection, job_id=job.pk)
    if lease.state == LeaseState.PENDING:
        end_cancelled(Job.objects.get(pk=job.pk))
