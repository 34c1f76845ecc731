"""Changes what people tell each other of a connection: name, owner, runbook, description, tags, when its key ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection
from connectors.services import activity
from connectors.services.changing import lock_kept, refuse_changed
from connectors.services.setting_up import named
from connectors.services.tags import tags_named

# One act per field, so that a page can say it in words and a person can look for it. What else changed goes with it.
_ACTIONS = {
    "name": "connection.renamed",
    "owner": "connection.owner_changed",
    "runbook": "connection.runbook_changed",
    "description": "connection.described",
    "tags": "connection.tagged",
    "credentials end": "connection.end_noted",
}
SEVERAL = "connection.about_changed"


@dataclass(frozen=True, slots=True)
class About:
    """What people tell each other about a connection; `tags` are words.

    `credentials_end_on` is the last day on which its credentials work, where somebody knows it.
    """

    name: str
    description: str = ""
    runbook_url: str = ""
    owner: User | None = None
    tags: Sequence[str] = ()
    credentials_end_on: date | None = None


def about_facts(connection: Connection) -> dict[str, Any]:
    """Return what a page shows of it, for its version and for what changed."""
    return {
        "name": connection.name,
        "owner": connection.owner.get_username() if connection.owner else "",
        "runbook": connection.runbook_url,
        "description": connection.description,
        "tags": ", ".join(sorted((tag.name for tag in connection.tags.all()), key=str.lower)),
        "credentials end": connection.credentials_end_on.isoformat() if connection.credentials_end_on else "",
    }


@transaction.atomic
def change_about(*, connection: Connection, seen: str, about: About, actor: User | None) -> list[dict[str, Any]]:
    """Store what is told about a connection and return what changed.

    Raises `NameTakenError`, `ChangedMeanwhileError` for a `seen` version that is not the stored one any more,
    `ConnectionDeletedError`; then nothing is changed.
    """
    locked = lock_kept(connection.pk)
    before = about_facts(locked)
    tags = tags_named(about.tags)
    locked.name, locked.owner = about.name, about.owner
    locked.runbook_url, locked.description = about.runbook_url, about.description
    locked.credentials_end_on = about.credentials_end_on
    words = ", ".join(sorted((tag.name for tag in tags), key=str.lower))
    after = {**about_facts(locked), "tags": words}
    changes = activity.differences(before, after)
    if not changes:
        return []
    refuse_changed(locked, stored=before, seen=seen)
    with named(about.name):
        locked.save(update_fields=["name", "owner", "runbook_url", "description", "credentials_end_on"])
    locked.tags.set(tags)
    action = _ACTIONS[changes[0]["field"]] if len(changes) == 1 else SEVERAL
    activity.record(action, actor=actor, connection=locked, changes=changes)
    return changes
