"""Where data lands."""

from __future__ import annotations

from django.db import models

from connectors import secrets
from connectors.ids import new_id


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
