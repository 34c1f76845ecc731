"""One action on many connections: what was asked for, and what became of it at each of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from connectors.ids import new_id
from connectors.models import Connection


class BulkAction(models.TextChoices):
    """What is done at each connection."""

    SYNC = "sync", "Sync now"
    TEST = "test", "Test connection"
    PAUSE = "pause", "Pause"
    RESUME = "resume", "Resume"
    TAG = "tag", "Add a tag"
    UNTAG = "untag", "Remove a tag"
    DELETE = "delete", "Delete"
    # What fails with one error code syncs again; the other entities of a connection are left alone.
    RETRY = "retry", "Retry"


class ItemStatus(models.TextChoices):
    """What became of one connection; only what is pending is ever changed."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


class BulkQuerySet(models.QuerySet["Bulk"]):
    """Reads of bulk actions."""

    def open(self) -> BulkQuerySet:
        """Those that are not worked off yet."""
        return self.filter(ended_at__isnull=True)


class Bulk(models.Model):
    """One action on many connections, worked off one by one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    action = models.CharField(max_length=8, choices=BulkAction)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    # The answers that were given once for all: a reason and an end, a tag, or an error code.
    options = models.JSONField(default=dict, blank=True)
    total = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    # When somebody last worked on it, or was asked to; without news it is taken up again.
    moved_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = BulkQuerySet.as_manager()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(action__in=BulkAction.values), name="bulk_action_known"),)
        indexes = (models.Index("moved_at", condition=Q(ended_at__isnull=True), name="bulk_open"),)

    def __str__(self) -> str:
        return f"{self.get_action_display()} of {self.total}"

    def get_absolute_url(self) -> str:
        """The address of its report."""
        return reverse("bulk:detail", args=[self.pk])


class BulkItemQuerySet(models.QuerySet["BulkItem"]):
    """Reads of the connections of a bulk action."""

    def pending(self) -> BulkItemQuerySet:
        """Those whose turn is still to come, in the order of their turns."""
        return self.filter(status=ItemStatus.PENDING).order_by("tries", "number")


class BulkItem(models.Model):
    """One connection of a bulk action. A refusal has a code and a sentence, and names the job in its way, if any."""

    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField()
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=8, choices=ItemStatus, default=ItemStatus.PENDING)
    code = models.CharField(max_length=40, blank=True)
    told = models.TextField(blank=True)
    job_id = models.UUIDField(null=True)
    # How often it had to wait for somebody else who held the connection.
    tries = models.PositiveSmallIntegerField(default=0)

    objects = BulkItemQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint("bulk", "connection", name="bulk_item_once"),
            models.UniqueConstraint("bulk", "number", name="bulk_item_number"),
            models.CheckConstraint(condition=Q(status__in=ItemStatus.values), name="bulk_item_status_known"),
        )
        indexes = (models.Index("bulk", "status", "tries", "number", name="bulk_item_turn"),)

    def __str__(self) -> str:
        return f"{self.number} of {self.bulk_id}: {self.status}"
