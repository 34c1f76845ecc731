"""What support does with a job beside reading it."""

from __future__ import annotations

from django.contrib.auth.models import User

from connectors.models import Activity
from connectors.services import activity
from jobs.models import Job


def record_bundle(*, job: Job, actor: User) -> Activity:
    """Record that a person took the support bundle of a job, and return the act."""
    return activity.record("job.bundle_downloaded", actor=actor, connection=job.connection, job_id=job.pk)
