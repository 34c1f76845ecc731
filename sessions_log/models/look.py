"""How the hosted flow looks, and where its links may lead: one row that admins change."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Q

ONLY = 1
# What stands there before an admin chose.
NAME, BRAND, BRAND_DARK, LINK_HOURS = "Patchbay", "#0f5c4d", "#7ad0bb", 24
_ON_THE_WEB = "^https?://"
_COLOUR = "^#[0-9a-f]{6}$"


class ConnectLookQuerySet(models.QuerySet["ConnectLook"]):
    """Reads of the one look."""

    def current(self) -> ConnectLook:
        """Return the look as it is stored, without the logo's bytes; before the first change one that is not stored."""
        return self.defer("logo").select_related("changed_by").filter(pk=ONLY).first() or ConnectLook()


class ConnectLook(models.Model):
    """What end users see of whoever invited them. There is one row at most.

    Colours are `#rrggbb` in small letters; `brand_dark` is that of dark pages, empty for the same one. Addresses are
    empty where there is none.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    name = models.CharField(max_length=80, default=NAME)
    brand = models.CharField(max_length=7, default=BRAND)
    brand_dark = models.CharField(max_length=7, default=BRAND_DARK, blank=True)
    logo = models.BinaryField(default=b"", blank=True)
    # "image/png"; empty without a logo. `logo_digest` names the bytes in addresses that browsers may keep for long.
    logo_type = models.CharField(max_length=20, blank=True)
    logo_name = models.CharField(max_length=100, blank=True)
    logo_bytes = models.PositiveIntegerField(default=0)
    logo_digest = models.CharField(max_length=16, blank=True)
    support_url = models.URLField(max_length=500, blank=True)
    terms_url = models.URLField(max_length=500, blank=True)
    # Stored with each acceptance, so that it is known what was accepted.
    terms_version = models.CharField(max_length=100, blank=True)
    privacy_url = models.URLField(max_length=500, blank=True)
    # How long a link works where its maker does not say.
    link_hours = models.PositiveIntegerField(default=LINK_HOURS)
    # Where a person may be led afterwards, one address per line; see `services.return_addresses`.
    return_addresses = models.TextField(blank=True)
    # Where he is led where the link's maker does not say.
    return_url = models.URLField(max_length=500, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = ConnectLookQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(pk=ONLY), name="look_is_one"),
            models.CheckConstraint(
                condition=Q(brand__regex=_COLOUR) & (Q(brand_dark="") | Q(brand_dark__regex=_COLOUR)),
                name="look_colours_are_colours",
            ),
            # They become links on pages: never ones that a browser would run.
            models.CheckConstraint(
                condition=(Q(support_url="") | Q(support_url__regex=_ON_THE_WEB))
                & (Q(terms_url="") | Q(terms_url__regex=_ON_THE_WEB))
                & (Q(privacy_url="") | Q(privacy_url__regex=_ON_THE_WEB))
                & (Q(return_url="") | Q(return_url__regex=_ON_THE_WEB)),
                name="look_links_on_the_web",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def allowed(self) -> Sequence[str]:
        """The lines of `return_addresses`."""
        return self.return_addresses.split()
