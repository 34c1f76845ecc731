"""Who did what."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from connectors.ids import new_id
from connectors.models.connection import Connection
from connectors.models.destination import Destination


class Activity(models.Model):
    """Who did what, and what it changed: before and after, never a secret. Insert-only, which the database enforces.

    It names people and records as they were then, and refers to none of them by a rule: it outlives them all.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    actor_name = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=40)
    connection = models.ForeignKey(
        Connection, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="activities"
    )
    destination = models.ForeignKey(
        Destination, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="activities"
    )
    # The name of what it was done to.
    subject = models.CharField(max_length=200)
    # One entry per field: {"field", "before", "after"}; of a secret only that it was replaced.
    changes = models.JSONField(default=list)
    # A reason that was given, or what was started.
    note = models.TextField(blank=True)
    job_id = models.UUIDField(null=True)

    class Meta:
        verbose_name_plural = "activities"
        indexes = (
            models.Index("connection", "id", name="activity_by_connection"),
            models.Index("destination", "id", name="activity_by_destination"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
