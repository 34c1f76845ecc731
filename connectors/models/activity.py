"""Who did what."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.ids import first_id_at, new_id
from connectors.models.connection import Connection
from connectors.models.destination import Destination

# What stands for the actor where Patchbay did something by itself.
BY_ITSELF = "patchbay"


class ActivityQuerySet(models.QuerySet["Activity"]):
    """Reads of acts. An id begins with its time, so a day is a range of ids."""

    def for_list(self) -> ActivityQuerySet:
        """All that a row of a list shows, newest first, in one query."""
        sides = ("connection", "destination")
        unseen = [f"{side}__{field}" for side in sides for field in ("credentials", "config")]
        return self.select_related(*sides).defer(*unseen, "connection__recent_runs").order_by("-pk")

    def on_route(self, connection: Connection, *, since: datetime, until: datetime | None) -> ActivityQuerySet:
        """Those on a connection or on its destination from `since` on, and before `until` where that is set."""
        on = Q(connection=connection)
        if connection.destination_id:
            on |= Q(destination=connection.destination_id)
        found = self.filter(on, pk__gte=first_id_at(since))
        return found.filter(pk__lt=first_id_at(until)) if until else found

    def matching(
        self,
        *,
        connection: Connection | None = None,
        actor: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> ActivityQuerySet:
        """Those that pass every filter that is set. `actor` is the id of a member, or "patchbay" for what had none."""
        found = self if connection is None else self.filter(connection=connection)
        if actor:
            found = found.filter(actor=None) if actor == BY_ITSELF else found.filter(actor=int(actor))
        if action:
            found = found.filter(action=action)
        if since:
            found = found.filter(pk__gte=first_id_at(since))
        return found.filter(pk__lt=first_id_at(until)) if until else found


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

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activities"
        indexes = (
            models.Index("connection", "id", name="activity_by_connection"),
            models.Index("destination", "id", name="activity_by_destination"),
            models.Index("actor", "id", name="activity_by_actor"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
