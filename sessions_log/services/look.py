"""Changes how the hosted flow looks and where its links may lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.services import activity
from connectors.services.changing import ChangedMeanwhileError, version_of
from sessions_log.models import ConnectLook

SUBJECT = "the connect flow"
# What an admin sets besides the logo.
FACTS = (
    "name", "brand", "brand_dark", "support_url", "terms_url", "terms_version", "privacy_url", "link_hours",
    "return_addresses", "return_url",
)  # fmt: skip
_NO_LOGO = {"logo": b"", "logo_type": "", "logo_name": "", "logo_bytes": 0, "logo_digest": ""}


@dataclass(frozen=True, slots=True)
class Logo:
    """A new logo: its cleaned bytes, their type, and the name of the file; no bytes take the logo away."""

    data: bytes = field(repr=False, default=b"")
    type: str = ""
    name: str = ""


def facts_of(look: ConnectLook) -> dict[str, Any]:
    """Return what a page shows of the look, for its version."""
    return {**{name: getattr(look, name) for name in FACTS}, "logo": look.logo_digest}


@transaction.atomic
def change_look(*, seen: str, values: Mapping[str, Any], logo: Logo | None, actor: User | None) -> list[dict[str, Any]]:
    """Store the look and return what changed. `values` holds all of `FACTS`; without a `logo` the stored one stays.

    Raises `ChangedMeanwhileError` for a `seen` version that is not the stored one; then nothing is changed.
    """
    ConnectLook.objects.get_or_create()
    stored = ConnectLook.objects.select_for_update(no_key=True).defer("logo").get()
    before = facts_of(stored)
    wanted = {**values} if logo is None else {**values, **_columns(logo)}
    after = {**before, **values, "logo": wanted.get("logo_digest", stored.logo_digest)}
    changes = activity.differences(before, after)
    if not changes:
        return []
    if version_of(before) != seen:
        message = "Somebody else changed the connect flow after this page was opened. Nothing was stored."
        raise ChangedMeanwhileError(message)
    for name, value in {**wanted, "changed_at": timezone.now(), "changed_by": actor}.items():
        setattr(stored, name, value)
    stored.save(update_fields=[*wanted, "changed_at", "changed_by"])
    activity.record("look.changed", actor=actor, subject=SUBJECT, changes=[_told(one) for one in changes])
    return changes


def _columns(logo: Logo) -> dict[str, Any]:
    if not logo.data:
        return _NO_LOGO
    digest = blake2b(logo.data, digest_size=8).hexdigest()
    return {
        "logo": logo.data,
        "logo_type": logo.type,
        "logo_name": logo.name,
        "logo_bytes": len(logo.data),
        "logo_digest": digest,
    }


def _told(change: Mapping[str, Any]) -> dict[str, Any]:
    """Tell a change as it is; of a picture only that there is another one."""
    if change["field"] != "logo":
        return dict(change)
    return {"field": "logo", "before": None, "after": "replaced" if change["after"] else "removed"}
