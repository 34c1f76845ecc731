"""Where data lands."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Count, ExpressionWrapper, Q
from django.urls import reverse

from connectors import secrets
from connectors.ids import new_id


class DestinationQuerySet(models.QuerySet["Destination"]):
    """Reads of destinations."""

    def for_page(self) -> DestinationQuerySet:
        """All that pages show of destinations, in one query.

        With `used`, how many connections load into each, and `is_sealed`, whether credentials are stored.
        """
        kept = Q(connections__deleted_at__isnull=True)
        shown = self.defer("credentials").select_related("created_by", "credentials_set_by")
        return shown.annotate(
            used=Count("connections", filter=kept),
            is_sealed=ExpressionWrapper(~Q(credentials=b""), models.BooleanField()),
        )


class Destination(models.Model):
    """A place where data lands. `credentials` is sealed; see `connectors.secrets`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    credentials = models.BinaryField(default=b"", blank=True)
    credentials_set_at = models.DateTimeField(null=True, blank=True)
    credentials_set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    # What the last check found, as `connectors.services.destination_check` writes it; empty before the first.
    last_check = models.JSONField(default=dict, blank=True)

    objects = DestinationQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of the destination's page."""
        return reverse("destinations:detail", args=[self.pk])

    def read_credentials(self) -> dict[str, str]:
        """Open the sealed credentials. For the engine and checks only; nothing may show them."""
        return secrets.unseal(self.credentials, owner=f"destination:{self.pk}")
