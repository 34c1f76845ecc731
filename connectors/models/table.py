"""The tables of a connection: what the source has of each, what was agreed on, and how it is copied."""

from __future__ import annotations

from django.db import models
from django.db.models import Count, Q

from connectors.ids import new_id
from connectors.models.connection import Connection


class Mode(models.TextChoices):
    """How a table is written at the destination. There is no append without a cursor: it would double rows."""

    REPLACE = "replace", "Full replace"
    APPEND = "append", "Append by cursor"
    MERGE = "merge", "Merge by key"


# What a list of thousands does not show: the largest fields.
_LONG = ("found", "agreed", "columns", "filters", "protected", "source_keys")


class TableQuerySet(models.QuerySet["Table"]):
    """Reads of tables."""

    def for_list(self) -> TableQuerySet:
        """All that a row of a list shows, in one query, however many columns each has."""
        return self.defer(*_LONG)

    def matching(self, text: str) -> TableQuerySet:
        """Those whose name or schema holds `text`; all for an empty text."""
        return self.filter(Q(name__icontains=text) | Q(source_schema__icontains=text)) if text else self

    def per_schema(self) -> list[tuple[str, int, int]]:
        """Return each schema there is with how many tables are copied of it, and how many it has."""
        grouped = self.order_by("source_schema").values_list("source_schema")
        return list(grouped.annotate(chosen=Count("pk", filter=Q(is_selected=True)), total=Count("pk")))


class Table(models.Model):
    """One table of a connection: whether and how it is copied.

    `found` is what the source has, `agreed` what may flow: both are pairs of a column and its type, in the source's
    words. Where they differ there is a `SchemaChange`, until somebody or the policy has decided.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tables")
    name = models.CharField(max_length=200)
    source_schema = models.CharField(max_length=200, blank=True)
    product = models.CharField(max_length=60, blank=True)
    is_selected = models.BooleanField(default=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.REPLACE)
    keys = models.JSONField(default=list, blank=True)
    cursor = models.CharField(max_length=200, blank=True)
    # The chosen columns; empty means everything that was agreed on.
    columns = models.JSONField(default=list, blank=True)
    # Conditions that a row must meet to be copied: {"column", "operator", "value"} (plan.RowFilter).
    filters = models.JSONField(default=list, blank=True)
    # What is done to values, by column: "hash" or "mask".
    protected = models.JSONField(default=dict, blank=True)
    estimated_rows = models.PositiveBigIntegerField(null=True, blank=True)
    found = models.JSONField(default=list, blank=True)
    # The source's own key, as it was agreed on.
    source_keys = models.JSONField(default=list, blank=True)
    found_count = models.PositiveIntegerField(null=True, blank=True)
    found_at = models.DateTimeField(null=True, blank=True)
    agreed = models.JSONField(default=list, blank=True)
    # Since when the source has it no more.
    gone_at = models.DateTimeField(null=True, blank=True)
    # Goes up with each change after which all rows must be read again; the engine keeps beside the rows which it read.
    generation = models.PositiveIntegerField(default=0)
    reload_at = models.DateTimeField(null=True, blank=True)

    objects = TableQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint("connection", "source_schema", "name", name="table_name_unique"),
            models.CheckConstraint(condition=~Q(mode="merge") | ~Q(keys=[]), name="table_merge_needs_keys"),
            models.CheckConstraint(condition=~Q(mode="append") | ~Q(cursor=""), name="table_append_needs_cursor"),
        )
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """The name with its schema, where it has one."""
        return f"{self.source_schema}.{self.name}" if self.source_schema else self.name
