"""How the tables of a source differ from what was agreed on, and what people decided about it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Count, Q

from connectors.ids import new_id
from connectors.models.connection import Connection
from connectors.models.table import Table


class ChangeKind(models.TextChoices):
    """What became different at the source. A renamed column is one that was dropped and one that was added."""

    TABLE_ADDED = "table_added", "Table added"
    TABLE_DROPPED = "table_dropped", "Table removed"
    COLUMN_ADDED = "column_added", "Column added"
    COLUMN_DROPPED = "column_dropped", "Column removed"
    COLUMN_RETYPED = "column_retyped", "Type changed"
    KEY_CHANGED = "key_changed", "Key changed"


class ChangeStatus(models.TextChoices):
    """What was decided about a difference."""

    PENDING = "pending", "Pending"
    ACCEPTED = "accepted", "Accepted"
    IGNORED = "ignored", "Ignored"


class SchemaChangeQuerySet(models.QuerySet["SchemaChange"]):
    """Reads of changes."""

    def pending(self) -> SchemaChangeQuerySet:
        """Those that wait for a decision."""
        return self.filter(status=ChangeStatus.PENDING)

    def in_force(self) -> SchemaChangeQuerySet:
        """Those that keep something from being copied: not decided, or ignored."""
        return self.filter(status__in=(ChangeStatus.PENDING, ChangeStatus.IGNORED))

    def for_page(self) -> SchemaChangeQuerySet:
        """All that a line of the page shows, in one query, the newest first."""
        return (
            self.select_related("table", "decided_by")
            .defer(*(f"table__{name}" for name in ("found", "agreed", "columns", "filters", "protected")))
            .order_by("-pk")
        )

    def per_table(self) -> dict[UUID, int]:
        """Return how many there are of each table that has any."""
        grouped = self.order_by().values_list("table_id").annotate(Count("pk"))
        return dict(cast("Any", grouped))


class SchemaChange(models.Model):
    """One difference between a source and what was agreed on. What was decided stays as a record."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="schema_changes")
    table = models.ForeignKey(Table, on_delete=models.CASCADE, related_name="schema_changes")
    kind = models.CharField(max_length=20, choices=ChangeKind)
    # Empty for what is true of the whole table.
    column = models.CharField(max_length=400, blank=True)
    # Types, or key columns with commas between them; empty where there was or is none.
    before = models.CharField(max_length=400, blank=True)
    after = models.CharField(max_length=400, blank=True)
    status = models.CharField(max_length=10, choices=ChangeStatus, default=ChangeStatus.PENDING)
    found_at = models.DateTimeField()
    # What it led to, in words, once it was decided.
    effect = models.CharField(max_length=300, blank=True)
    # Nobody, where the policy decided.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = SchemaChangeQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "table",
                "kind",
                "column",
                condition=Q(status__in=("pending", "ignored")),
                name="schema_change_once",
            ),
            models.CheckConstraint(condition=Q(status__in=ChangeStatus.values), name="schema_change_status_known"),
        )
        indexes = (models.Index("connection", "status", "id", name="schema_change_by_connection"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.table_id} {self.column}".strip()
