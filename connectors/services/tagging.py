"""Adds one tag to a connection, or takes one away. One word is one tag, upper case or lower."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection
from connectors.services import activity, facts
from connectors.services.tags import tags_named


@transaction.atomic
def add_tag(*, connection: Connection, name: str, actor: User | None) -> bool:
    """Add the tag `name`, which is made if there is none, to a connection. Returns False where it has it already."""
    locked = facts.lock(connection.pk)
    if locked.tags.filter(name__iexact=name).exists():
        return False
    before = _words(locked)
    locked.tags.add(*tags_named([name]))
    _record(locked, before, actor)
    return True


@transaction.atomic
def remove_tag(*, connection: Connection, name: str, actor: User | None) -> bool:
    """Take the tag `name` away from a connection. Returns False where it has no such tag."""
    locked = facts.lock(connection.pk)
    before = _words(locked)
    tag = locked.tags.filter(name__iexact=name).first()
    if tag is None:
        return False
    locked.tags.remove(tag)
    _record(locked, before, actor)
    return True


def _record(locked: Connection, before: str, actor: User | None) -> None:
    changes = activity.differences({"tags": before}, {"tags": _words(locked)})
    activity.record("connection.tagged", actor=actor, connection=locked, changes=changes)


def _words(connection: Connection) -> str:
    return ", ".join(connection.tags.values_list("name", flat=True))
