"""What is connected: connections, their entities and tables, destinations and pauses.

The connection and the entity carry the facts that lists show (last success, streak, next run, status and its
reason, the last 30 runs), so that a list never reads history. Only services write them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, ExpressionWrapper, F, Min, OuterRef, Q, Value, When
from django.db.models.functions import Cast, Coalesce, Least, Lower
from django.urls import reverse

from connectors import secrets
from connectors.ids import new_id

# Where something never ran or never will, in a sort: keys of pages must not be null.
LONG_AGO, FAR_AHEAD = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

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


class Destination(models.Model):
    """A place where data lands. `credentials` is sealed; see `connectors.secrets`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    credentials = models.BinaryField(default=b"", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def read_credentials(self) -> dict[str, str]:
        """Open the sealed credentials. For the engine and checks only; nothing may show them."""
        return secrets.unseal(self.credentials, owner=f"destination:{self.pk}")


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Reads of connections."""

    def for_page(self) -> ConnectionQuerySet:
        """All that a connection's own pages show of it, in one query."""
        return self.select_related("destination").defer("credentials")

    def for_list(self) -> ConnectionQuerySet:
        """All that a row of the list shows of the connection itself, in one query."""
        unseen = ("credentials", "config", "destination__credentials", "destination__config")
        return self.select_related("destination").defer(*unseen)

    def matching(
        self, *, status: str = "", provider: str = "", destination: str = "", text: str = ""
    ) -> ConnectionQuerySet:
        """Those that pass every filter that is set; `text` is looked for in the name, upper case or lower."""
        wanted = {
            "status": status,
            "provider": provider,
            "destination_id": destination,
            "name__icontains": text,
        }
        return self.filter(**{field: value for field, value in wanted.items() if value})

    def with_sort_keys(self, now: datetime) -> ConnectionQuerySet:
        """Add what the list sorts by, never null: `attention`, `name_key`, `last_key` and `next_key`.

        `attention` is 0 for what a person must mend and grows from there: broken, incomplete, active with a flag
        (an entity fails, or no success within twice the interval), active, paused.
        """
        failing = Entity.objects.filter(connection=OuterRef("pk"), is_selected=True, status=Status.BROKEN)
        twice = ExpressionWrapper(F("interval_seconds") * Value(timedelta(seconds=2)), models.DurationField())
        stale = Q(schedule_kind=ScheduleKind.INTERVAL, last_success_at__lt=Value(now) - twice)
        return self.annotate(
            attention=Case(
                When(status=Status.BROKEN, then=0),
                When(status=Status.INCOMPLETE, then=1),
                When(Q(status=Status.ACTIVE) & (Exists(failing) | stale), then=2),
                When(status=Status.ACTIVE, then=3),
                default=4,
                output_field=models.IntegerField(),
            ),
            name_key=Lower("name"),
            last_key=Coalesce("last_run_at", Value(LONG_AGO)),
            next_key=Coalesce("next_run_at", Value(FAR_AHEAD)),
        )


class Connection(SyncFacts):
    """One source with its credentials, one destination, one schedule, its entities."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    provider = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    credentials = models.BinaryField(default=b"", blank=True)
    credentials_set_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, related_name="connections", null=True, blank=True
    )
    dataset = models.CharField(max_length=60, blank=True)
    schedule_kind = models.CharField(max_length=10, choices=ScheduleKind, default=ScheduleKind.INTERVAL)
    interval_seconds = models.PositiveIntegerField(default=6 * 60 * 60)
    cron = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    # The slots of an interval are counted from here, so that late and manual runs never move them.
    anchor_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint("name", name="connection_name_unique"),
            models.UniqueConstraint(
                "destination", "dataset", condition=~Q(dataset=""), name="connection_dataset_unique"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="connection_status_known"),
            models.CheckConstraint(condition=Q(interval_seconds__gte=60), name="connection_interval_a_minute"),
        )
        indexes = (models.Index("status", "name", name="connection_by_status"),)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of the connection's overview."""
        return reverse("connections:overview", args=[self.pk])

    def read_credentials(self) -> dict[str, str]:
        """Open the sealed credentials. For the engine and checks only; nothing may show them."""
        return secrets.unseal(self.credentials, owner=f"connection:{self.pk}")


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

    def with_rank(self) -> EntityQuerySet:
        """Each with its `rank`: what needs attention has the lowest. Lists sort by it, then by name."""
        order = {Status.BROKEN: 0, Status.INCOMPLETE: 1, Status.ACTIVE: 2, Status.PAUSED: 3}
        whens = [When(status=status, then=Value(rank)) for status, rank in order.items()]
        return self.annotate(rank=Case(*whens, output_field=models.SmallIntegerField()))

    def totals(self, *, since: datetime, live: Collection[UUID]) -> dict[str, int]:
        """Count: in one query, by status, synced `since` then, and by the last outcome of those not in `live`."""
        ended = ~Q(pk__in=live)
        failing = Q(failure_streak__gt=0)
        return self.aggregate(
            total=Count("pk"),
            **{status.value: Count("pk", filter=Q(status=status)) for status in Status},
            synced=Count("pk", filter=Q(last_success_at__gte=since)),
            failed=Count("pk", filter=ended & failing),
            success=Count("pk", filter=ended & ~failing & Q(last_success_at__isnull=False)),
        )

    def run_facts(self) -> list[tuple[str, int, int, datetime | None]]:
        """Return each last error code and failure streak there is, with how many have it and their earliest next run.

        Streaks are told up to the one from which on a status is broken, so that a crowd gives a few rows.
        """
        streak = Least("failure_streak", Value(BROKEN_AFTER))
        grouped = self.order_by().annotate(streak=streak).values_list("last_error_code", "streak")
        return list(grouped.annotate(Count("pk"), Min("next_run_at")))

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
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of the entity's drawer, which is a page of its own as well."""
        return reverse("connections:entity", args=[self.connection_id, self.pk])


class Mode(models.TextChoices):
    """How a table is written at the destination. There is no bare append: it could double rows."""

    REPLACE = "replace", "Full replace"
    MERGE = "merge", "Merge by key"


class Table(models.Model):
    """One table of a connection: whether and how it is copied."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tables")
    name = models.CharField(max_length=200)
    source_schema = models.CharField(max_length=200, blank=True)
    product = models.CharField(max_length=60, blank=True)
    is_selected = models.BooleanField(default=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.REPLACE)
    keys = models.JSONField(default=list, blank=True)
    cursor = models.CharField(max_length=200, blank=True)
    # Row filters and the chosen columns; empty means everything.
    filter = models.JSONField(default=dict, blank=True)
    columns = models.JSONField(default=list, blank=True)
    estimated_rows = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint("connection", "source_schema", "name", name="table_name_unique"),
            models.CheckConstraint(condition=~Q(mode="merge") | ~Q(keys=[]), name="table_merge_needs_keys"),
        )
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


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
