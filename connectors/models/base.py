"""What a connection and an entity have in common: their four statuses, and the facts of what ran and runs."""

from __future__ import annotations

from django.db import models

# Failures in a row after which a person should look even if a retry might help.
BROKEN_AFTER = 3


class Status(models.TextChoices):
    """The four statuses of a connection and of an entity; `connectors.status` derives them."""

    ACTIVE = "active", "Active"
    BROKEN = "broken", "Broken"
    INCOMPLETE = "incomplete", "Incomplete"
    PAUSED = "paused", "Paused"


class ScheduleKind(models.TextChoices):
    """How the times of a connection's runs are given."""

    INTERVAL = "interval", "Fixed interval"
    CRON = "cron", "Cron expression"
    MANUAL = "manual", "Only when asked"


class SyncFacts(models.Model):
    """The facts of what ran last and runs next; a connection and an entity each have their own."""

    status = models.CharField(max_length=12, choices=Status, default=Status.INCOMPLETE)
    status_reason = models.CharField(max_length=40, default="missing_config")
    status_since = models.DateTimeField(auto_now_add=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_job_id = models.UUIDField(null=True, blank=True)
    last_error_code = models.CharField(max_length=40, blank=True)
    failure_streak = models.PositiveIntegerField(default=0)
    # The last 30 runs, oldest first: {"id", "status", "ms"}. Written when a job ends.
    recent_runs = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True
