"""What stopped a connection."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.ids import new_id
from connectors.models.connection import Connection


class PauseQuerySet(models.QuerySet["Pause"]):
    """Reads of pauses."""

    def open(self) -> PauseQuerySet:
        """Those that still hold."""
        return self.filter(ended_at__isnull=True)


class Pause(models.Model):
    """Who or what stopped a connection, why, and until when. Never rewritten: a resume ends it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="pauses")
    reason = models.TextField()
    until = models.DateTimeField(null=True, blank=True)
    is_by_rule = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = PauseQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint("connection", condition=Q(ended_at__isnull=True), name="pause_one_open"),
        )

    def __str__(self) -> str:
        return f"{self.connection} paused"
