"""The lease of each live job: the small hot table with the unique rules that a partitioned one cannot carry."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models import Connection, Entity
from jobs.models.enums import SYNC_TYPES, JobType, LeaseState, Queue
from jobs.models.job import Job


class LeaseQuerySet(models.QuerySet["Lease"]):
    """Reads of leases, which are the live jobs."""

    def syncs(self) -> LeaseQuerySet:
        """Those of data syncs and re-syncs."""
        return self.filter(type__in=SYNC_TYPES)

    def for_start(self) -> LeaseQuerySet:
        """Each with what an attempt records of its connection and destination when it begins."""
        both = self.select_related("connection__destination")
        large = ("credentials", "config", "description", "recent_runs")
        of_destination = ("credentials", "config", "last_check")
        return both.defer(
            *(f"connection__{name}" for name in large),
            *(f"connection__destination__{name}" for name in of_destination),
        )

    def running(self) -> LeaseQuerySet:
        """Those held by a worker."""
        return self.filter(state=LeaseState.RUNNING)

    def pending(self) -> LeaseQuerySet:
        """Those that wait."""
        return self.filter(state=LeaseState.PENDING)


class Lease(models.Model):
    """One narrow row per job that has not ended, gone when it ends. No index on what heartbeats write."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    type = models.CharField(max_length=24, choices=JobType)
    queue = models.CharField(max_length=12, choices=Queue)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="leases")
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="leases", null=True, blank=True)
    state = models.CharField(max_length=8, choices=LeaseState, default=LeaseState.PENDING)
    slot_at = models.DateTimeField(null=True, blank=True)
    # A destination that takes one writer at a time (a DuckDB file): at most one running lease carries its id.
    exclusive_key = models.UUIDField(null=True, blank=True)
    available_at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True, blank=True)
    dispatch_count = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    lost_count = models.PositiveSmallIntegerField(default=0)
    # Failed attempts that count against the limit, and those in a row that moved nothing.
    charged = models.PositiveSmallIntegerField(default=0)
    no_progress = models.PositiveSmallIntegerField(default=0)
    # What caps count: the destination, and the account at the provider (a hash, never the credential).
    destination_id = models.UUIDField(null=True, blank=True)
    account_key = models.CharField(max_length=64, blank=True)
    is_bulk = models.BooleanField(default=False)
    token = models.UUIDField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # {"tables": {name: [extracted, loaded]}, "step": name}; written at most once a second.
    progress = models.JSONField(default=dict, blank=True)

    objects = LeaseQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "entity",
                condition=Q(state=LeaseState.RUNNING, type__in=SYNC_TYPES),
                name="lease_one_running_sync",
            ),
            models.UniqueConstraint(
                "entity",
                condition=Q(state=LeaseState.PENDING, type__in=SYNC_TYPES),
                name="lease_one_pending_sync",
            ),
            models.UniqueConstraint("entity", "slot_at", condition=Q(slot_at__isnull=False), name="lease_one_per_slot"),
            models.UniqueConstraint(
                "exclusive_key", condition=Q(state=LeaseState.RUNNING), name="lease_one_exclusive_writer"
            ),
            models.CheckConstraint(
                condition=Q(state=LeaseState.PENDING, token__isnull=True, expires_at__isnull=True)
                | Q(state=LeaseState.RUNNING, token__isnull=False, expires_at__isnull=False),
                name="lease_running_has_token",
            ),
        )

    def __str__(self) -> str:
        return f"Lease of {self.job_id}"
