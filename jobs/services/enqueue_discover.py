"""Makes the discovery of a connection: which entities and tables its source offers now."""

from __future__ import annotations

from django.contrib.auth.models import User

from connectors.models import Connection
from jobs.models import Job, JobType, Trigger
from jobs.services.enqueue_test import enqueue_question


def enqueue_discover(*, connection: Connection, actor: User | None, trigger: Trigger = Trigger.USER) -> Job:
    """Make a pending discovery of a connection, paused or not, and publish it on commit.

    Raises `CannotSync` while the settings or the credentials are missing, or while another discovery lives.
    """
    return enqueue_question(connection=connection, actor=actor, trigger=trigger, job_type=JobType.DISCOVER)
