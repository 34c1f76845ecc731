"""The entities of a connection."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db import models
from django.db.models import Case, Count, Min, Q, Value, When
from django.db.models.functions import Cast, Least
from django.urls import reverse

from connectors.ids import new_id
from connectors.models.base import BROKEN_AFTER, Status, SyncFacts
from connectors.models.connection import Connection


class Outcome(models.TextChoices):
    """What an entity's last or live sync came to, worst first: what lists and bars show of it."""

    FAILED = "failed", "Failed"
    RUNNING = "running", "In progress"
    PENDING = "pending", "Pending"
    NEVER = "never", "No run yet"
    SUCCESS = "success", "Success"
    EXCLUDED = "excluded", "Excluded"


class EntityQuerySet(models.QuerySet["Entity"]):
    """Reads of entities."""

    def selected(self) -> EntityQuerySet:
        """Those that sync."""
        return self.filter(is_selected=True)

    def due(self, now: datetime | models.Func) -> EntityQuerySet:
        """Those whose next run is due at `now`, longest waiting first."""
        return self.filter(next_run_at__lte=now).order_by("next_run_at", "pk")

    def matching(self, text: str) -> EntityQuerySet:
        """Those whose name or source's own id holds `text`, or whose ID starts with it; all for an empty text."""
        if not text:
            return self
        by_id = Q(id_text__startswith=text.lower())
        named = self.annotate(id_text=Cast("pk", models.CharField()))
        return named.filter(Q(name__icontains=text) | Q(ref__icontains=text) | by_id)

    def for_search(self) -> EntityQuerySet:
        """What a hit of the search says of an entity, in one query."""
        return self.select_related("connection").only(
            "name", "ref", "status", "connection__name", "connection__deleted_at"
        )

    def with_rank(self) -> EntityQuerySet:
        """Each with its `rank`: the worst has the lowest, excluded ones the highest. Lists sort by it, then by name.

        Nothing that a run in progress changes is part of it, so that no row moves while somebody reads.
        """
        whens = (
            When(is_selected=False, then=5),
            When(status=Status.BROKEN, then=0),
            When(status=Status.INCOMPLETE, then=1),
            When(failure_streak__gt=0, then=2),
            When(status=Status.PAUSED, then=4),
        )
        return self.annotate(rank=Case(*whens, default=3, output_field=models.SmallIntegerField()))

    def with_outcome(self, *, running: Collection[UUID], waiting: Collection[UUID]) -> EntityQuerySet:
        """Each with its `outcome`, a value of `Outcome`. `running` and `waiting` have a live sync in that state."""
        whens = (
            When(is_selected=False, then=Value(Outcome.EXCLUDED)),
            When(pk__in=running, then=Value(Outcome.RUNNING)),
            When(pk__in=waiting, then=Value(Outcome.PENDING)),
            When(failure_streak__gt=0, then=Value(Outcome.FAILED)),
            When(last_success_at__isnull=False, then=Value(Outcome.SUCCESS)),
        )
        return self.annotate(outcome=Case(*whens, default=Value(Outcome.NEVER), output_field=models.CharField()))

    def totals(self, *, since: datetime, running: Collection[UUID], waiting: Collection[UUID]) -> dict[str, int]:
        """Count in one query: all that sync (`total`), by status, by outcome, planned, and synced `since` then.

        `again` are those of the last that wait or run now.
        """
        # Grouped, and added up here: two dozen conditional counts take longer to be written as SQL than to be counted.
        known = self.order_by().with_outcome(running=running, waiting=waiting)
        known = known.annotate(is_recent=Q(last_success_at__gte=since), is_planned=Q(next_run_at__isnull=False))
        # `with_outcome` adds one of them, which the checker of types would look for among the fields.
        names = ("is_selected", "status", "outcome", "is_recent", "is_planned")
        grouped = known.values_list(*names)
        counts = dict.fromkeys((*Status.values, *Outcome.values, "total", "again", "planned", "synced"), 0)
        for is_selected, status, outcome, is_recent, is_planned, count in grouped.annotate(Count("pk")):
            counts[outcome] += count
            if is_selected:
                counts["total"] += count
                counts[status] += count
                counts["planned"] += count if is_planned else 0
                counts["synced"] += count if is_recent else 0
                counts["again"] += count if is_recent and outcome in (Outcome.RUNNING, Outcome.PENDING) else 0
        return counts

    def run_facts(self) -> list[tuple[str, int, int, datetime | None]]:
        """Return each last error code and failure streak there is, with how many have it and their earliest next run.

        Streaks are told up to the one from which on a status is broken, so that a crowd gives a few rows.
        """
        streak = Least("failure_streak", Value(BROKEN_AFTER))
        grouped = self.order_by().annotate(streak=streak).values_list("last_error_code", "streak")
        return list(grouped.annotate(Count("pk"), Min("next_run_at")))

    def never_good(self, streak: int) -> EntityQuerySet:
        """Those that never synced although at least `streak` runs in a row failed, by name."""
        return self.filter(last_success_at__isnull=True, failure_streak__gte=streak).order_by("name", "pk")

    def broken_codes(self) -> models.QuerySet[Entity, dict[str, Any]]:
        """One dictionary per error code of the broken ones, the most frequent code first.

        `count`, `name` of one of them, `never` (how many never synced) `synced_at` (the earliest last success)
        and `next_at` (the next run, None when all are on hold).
        """
        grouped = self.filter(status=Status.BROKEN).order_by().values("status_reason")
        counted = grouped.annotate(
            count=Count("pk"),
            first_name=Min("name"),
            never=Count("pk", filter=Q(last_success_at__isnull=True)),
            synced_at=Min("last_success_at"),
            next_at=Min("next_run_at"),
        )
        return cast("models.QuerySet[Entity, dict[str, Any]]", counted.order_by("-count", "status_reason"))


class Entity(SyncFacts):
    """A legal entity, tenant, schema, company or folder inside a connection. It syncs on its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="entities")
    ref = models.CharField("the source's own id", max_length=200)
    name = models.CharField(max_length=200)
    # Where its tables land; its own even when two ids look alike as a schema's name.
    dataset = models.CharField(max_length=63)
    is_selected = models.BooleanField(default=True)
    last_duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    last_rows = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EntityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entities"
        constraints = (
            models.UniqueConstraint("connection", "ref", name="entity_ref_unique"),
            models.UniqueConstraint("connection", "dataset", name="entity_dataset_unique"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="entity_status_known"),
        )
        indexes = (
            models.Index("next_run_at", "id", condition=Q(next_run_at__isnull=False), name="entity_due"),
            models.Index("connection", "name", name="entity_by_connection"),
            # What fails now is few of many, and is asked for every few seconds.
            models.Index("last_error_code", condition=Q(failure_streak__gt=0), name="entity_failing"),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of the entity's drawer, which is a page of its own as well."""
        return reverse("connections:entity", args=[self.connection_id, self.pk])
