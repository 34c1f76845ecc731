"""Keys with which somebody's own front end tells what happened in its connect flow."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from connectors.ids import new_id


class IngestKeyQuerySet(models.QuerySet["IngestKey"]):
    """Reads of keys."""

    def for_list(self) -> IngestKeyQuerySet:
        """All that a row shows, those that work first, then the newest."""
        return (
            self.select_related("created_by", "revoked_by")
            .defer("hash", "created_by__password", "revoked_by__password")
            .order_by(models.F("revoked_at").desc(nulls_first=True), "-pk")
        )


class IngestKey(models.Model):
    """One key. Of its 256 random bits only the SHA-256 is stored, and the first letters, to tell keys apart.

    `calls` are those since `calls_since`, the minute for which they are counted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    hash = models.BinaryField(unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    calls = models.PositiveIntegerField(default=0)
    calls_since = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = IngestKeyQuerySet.as_manager()

    class Meta:
        constraints = (
            # Whoever reads a name in the list, or in Activity, knows which key it is.
            models.UniqueConstraint("name", condition=models.Q(revoked_at=None), name="ingest_key_named_once"),
        )

    def __str__(self) -> str:
        return self.name
