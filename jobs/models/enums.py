"""The words of jobs: types, statuses, triggers, queues."""

from __future__ import annotations

from django.db import models


class JobType(models.TextChoices):
    """What a job does. One handler each, in `jobs/handlers`."""

    DATA_SYNC = "data_sync", "Data sync"
    HISTORICAL_RESYNC = "historical_resync", "Historical re-sync"
    TEST_CONNECTION = "test_connection", "Connection test"
    DISCOVER = "discover", "Discovery"
    PURGE = "purge", "Purge"
    ENROLL_BENEFITS = "enroll_benefits", "Benefit enrolment"
    TOKEN_REFRESH = "token_refresh", "Token refresh"


SYNC_TYPES = (JobType.DATA_SYNC, JobType.HISTORICAL_RESYNC)
# What changes something at the source: an action of a provider's manifest each, of the same name.
WRITE_TYPES = (JobType.ENROLL_BENEFITS,)


class JobStatus(models.TextChoices):
    """The life of a job. A job waiting for its next attempt is pending."""

    PENDING = "pending", "Pending"
    RUNNING = "running", "In progress"
    SUCCESS = "success", "Success"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ENDED = (JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELLED)


class Trigger(models.TextChoices):
    """What started a job."""

    SCHEDULE = "schedule", "Schedule"
    USER = "user", "Person"
    API = "api", "API"
    SESSION = "session", "Session"
    SYSTEM = "system", "Patchbay"


class Queue(models.TextChoices):
    """The queues, each with workers of its own."""

    INTERACTIVE = "interactive"
    SYNC = "sync"
    BULK = "bulk"
    SYSTEM = "system"


class StepStatus(models.TextChoices):
    """The life of a step."""

    PENDING = "pending", "Pending"
    RUNNING = "running", "In progress"
    SUCCESS = "success", "Success"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


class LineStatus(models.TextChoices):
    """The life of one line of a write-back. A line that waits may have been sent: its answer was not recorded."""

    WAITING = "waiting", "Not sent"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"


class LeaseState(models.TextChoices):
    """A lease waits for a worker, or is held by one."""

    PENDING = "pending"
    RUNNING = "running"
