"""Makes the test of a connection: for a person's click, and for a connection that has not synced for long."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection
from connectors.services import facts
from connectors.services.review import sign_in_codes
from jobs.models import Job, JobStatus, JobType, Lease, Queue, Trigger
from jobs.services.enqueue import CannotSync, new_lease, refuse_deleted
from jobs.services.publish import publish_on_commit

# What a test says, by the code that it failed with (PRODUCT, “Test outcome”).
_OUTCOMES = {
    "connection_timeout": "connection_timeout",
    "job_timed_out": "connection_timeout",
    "insufficient_permissions": "permission_denied",
    "insufficient_scope": "permission_denied",
    "entity_access_lost": "permission_denied",
    "source_object_missing": "permission_denied",
    "tls_error": "tls_error",
    "misconfigured": "misconfigured",
    "address_not_allowed": "misconfigured",
}


def outcome_of(job: Job) -> str:
    """Return what a test that has ended says, in the words of PRODUCT; empty while it runs or when it was stopped."""
    if job.status == JobStatus.SUCCESS:
        return "success"
    if job.status != JobStatus.FAILED:
        return ""
    refused = "authentication_failed" if job.error_code in sign_in_codes() else "unreachable"
    return _OUTCOMES.get(job.error_code, refused)


def enqueue_test(*, connection: Connection, actor: User | None, trigger: Trigger = Trigger.USER) -> Job:
    """Make a pending test of a connection, paused or not, and publish it on commit.

    Raises `CannotSync` while the settings or the credentials are missing, or while another test lives.
    """
    return enqueue_question(connection=connection, actor=actor, trigger=trigger, job_type=JobType.TEST_CONNECTION)


@transaction.atomic
def enqueue_question(*, connection: Connection, actor: User | None, trigger: Trigger, job_type: JobType) -> Job:
    """Make a pending job that asks the source and loads nothing. Raises `CannotSync` as `enqueue_test` does."""
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    if not locked.config or not locked.credentials:
        missing = "settings" if not locked.config else "credentials"
        message = f"{locked.name} cannot be asked yet: its {missing} are missing. Fill them in first."
        raise CannotSync("incomplete", message)
    live = Lease.objects.filter(connection=locked, type=job_type).first()
    if live is not None:
        word = JobType(job_type).label.lower()
        message = f"A {word} of {locked.name} is on its way already. Nothing new was started."
        raise CannotSync("already_testing", message, live.job_id)
    job = Job(type=job_type, trigger=trigger, actor=actor, connection=locked, max_attempts=1)
    lease = new_lease(job, locked)
    lease.queue = Queue.INTERACTIVE
    # Nothing is written at the destination, so a sync that writes there is no hindrance.
    lease.exclusive_key = None
    lease.save(force_insert=True)
    job.save(force_insert=True)
    publish_on_commit([lease])
    return job
