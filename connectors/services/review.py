"""What a job found out or did beside a sync: a sign-in that works or is refused, data that was removed.

A test speaks of the credentials that it used. Where a person stored others meanwhile, it says nothing about those.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.models import Connection, Entity
from connectors.services import facts

# Codes that stop a schedule for another reason than the sign-in: a test that works says nothing about them.
_NOT_ABOUT_SIGN_IN = frozenset({"worker_lost"})


@transaction.atomic
def record_accepted(*, connection: Connection) -> bool:
    """Store that the source accepted the sign-in of `connection` as it was loaded; a schedule held for it goes on.

    Returns False, and changes nothing, when other credentials or settings were stored meanwhile.
    """
    locked = facts.lock(connection.pk)
    if not is_same_sign_in(connection, locked):
        return False
    now = timezone.now()
    accept(locked, now)
    facts.refresh(locked, now=now)
    return True


@transaction.atomic
def record_refused(*, connection: Connection, code: str) -> bool:
    """Store that the source refused the sign-in: every entity is broken with `code`, and its schedule is held.

    Returns False, and changes nothing, for a code that holds nothing back, or when other credentials or settings were
    stored meanwhile.
    """
    locked = facts.lock(connection.pk)
    if code not in sign_in_codes() or not is_same_sign_in(connection, locked):
        return False
    entities = facts.lock_entities(locked)
    ours = Entity.objects.filter(pk__in=[entity.pk for entity in entities]).exclude(last_error_code=code)
    ours.update(last_error_code=code, failure_streak=F("failure_streak") + 1)
    facts.refresh(locked)
    return True


def accept(locked: Connection, now: datetime) -> None:
    """Set a locked connection tested, and end what a refused sign-in held back. The caller refreshes the facts."""
    locked.tested_at = now
    locked.save(update_fields=["tested_at"])
    facts.lock_entities(locked)
    held = locked.entities.filter(last_error_code__in=sign_in_codes())
    held.update(last_error_code="", failure_streak=0)


def is_same_sign_in(used: Connection, stored: Connection) -> bool:
    """Whether the credentials and settings that a test used are those that are stored now."""
    return used.credentials_set_at == stored.credentials_set_at and used.config == stored.config


def sign_in_codes() -> list[str]:
    """Return the codes of a refused sign-in, each of which holds the schedule until it works again."""
    return [code for code, known in REGISTRY.items() if known.holds and code not in _NOT_ABOUT_SIGN_IN]


def record_purged(*, entity: Entity) -> None:
    """Store that nothing of an entity is at the destination any more."""
    Entity.objects.filter(pk=entity.pk).update(last_rows=None)
