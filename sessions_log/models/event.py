"""What happened in a session."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q

from connectors.ids import new_id
from sessions_log.events import EventName, Source
from sessions_log.models.session import Session
from sessions_log.stages import Stage

MOST_WORDS = 500


class SessionEventQuerySet(models.QuerySet["SessionEvent"]):
    """Reads of events."""

    def of(self, sessions: Collection[UUID]) -> SessionEventQuerySet:
        """Those of some sessions, as they came in."""
        return self.filter(session__in=sessions).order_by("received_at", "pk")

    def shown_after(self, moment: datetime) -> datetime | None:
        """When our server first showed a page after `moment`, or saw somebody come back; None where it did not."""
        shown = self.filter(source=Source.SERVER, name__in=(EventName.PAGE_VIEWED, EventName.SESSION_RESUMED))
        return (
            shown.filter(occurred_at__gt=moment).order_by("occurred_at").values_list("occurred_at", flat=True).first()
        )


class SessionEvent(models.Model):
    """One thing that happened. Insert-only, which the database enforces. Never what was typed.

    The id removes duplicates. `occurred_at` is by the clock of who saw it, `received_at` by the server's; `sequence`
    is the teller's own count. `words` is what the person saw, with `error_code` the code that it stands for.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events", db_index=False)
    name = models.CharField(max_length=24, choices=EventName)
    source = models.CharField(max_length=8, choices=Source, default=Source.SERVER)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(null=True, blank=True)
    stage = models.CharField(max_length=20, choices=Stage, blank=True)
    page = models.CharField(max_length=40, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    words = models.CharField(max_length=MOST_WORDS, blank=True)
    exit_reason = models.CharField(max_length=40, blank=True)
    # Numbers and names of ours that some events have, such as the method of a sign-in or a count of entities.
    detail = models.JSONField(default=dict, blank=True)

    objects = SessionEventQuerySet.as_manager()

    class Meta:
        indexes = (models.Index("session", "received_at", "id", name="event_by_session"),)
        constraints = (
            models.CheckConstraint(condition=Q(name__in=EventName.values), name="event_name_known"),
            models.CheckConstraint(condition=Q(stage="") | Q(stage__in=Stage.values), name="event_stage_known"),
        )

    def __str__(self) -> str:
        return self.name
