"""Makes and revokes ingest keys, and lets those in that work."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from connectors.services import activity
from sessions_log.models import IngestKey
from sessions_log.services.links import hash_of

# What every key begins with, so that one which was published by mistake is found by who looks for such.
MARK = "pb_ingest_"
_SHOWN = len(MARK) + 2
_BYTES = 32


class TooManyCallsError(Exception):
    """The key's calls of this minute are used up. Nothing was read."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"This key may call {settings.PATCHBAY_INGEST_CALLS} times a minute. Wait {seconds} seconds.")
        self.seconds = seconds


class KeyNameTakenError(Exception):
    """A key that works has this name already. None was made."""


class KeyRevokedError(Exception):
    """The key was revoked before, by somebody else."""


@transaction.atomic
def make_key(*, name: str, actor: User | None) -> tuple[IngestKey, str]:
    """Store a key and return it with its secret, which nobody can read again. Raises `KeyNameTakenError`."""
    secret = f"{MARK}{secrets.token_urlsafe(_BYTES)}"
    try:
        with transaction.atomic():
            key = IngestKey.objects.create(name=name, prefix=secret[:_SHOWN], hash=hash_of(secret), created_by=actor)
    except IntegrityError as error:
        message = f"A key that works is called {name} already. Choose another name, or revoke that one first."
        raise KeyNameTakenError(message) from error
    activity.record("ingest_key.created", actor=actor, subject=name, note=f"Begins with {key.prefix}")
    return key, secret


@transaction.atomic
def revoke_key(*, key: IngestKey, actor: User | None) -> None:
    """End a key at once. Raises `KeyRevokedError`."""
    working = IngestKey.objects.filter(pk=key.pk, revoked_at=None)
    if working.update(revoked_at=timezone.now(), revoked_by=actor) != 1:
        message = f"The key {key.name} was revoked already."
        raise KeyRevokedError(message)
    activity.record("ingest_key.revoked", actor=actor, subject=key.name, note=f"Begins with {key.prefix}")


def enter(secret: str, *, now: datetime | None = None) -> IngestKey | None:
    """Count a call and return its key; None where there is none that works. Raises `TooManyCallsError`.

    Calls are counted with the key, in one conditional update, so that all web processes count together.
    """
    now = now or timezone.now()
    minute = now.replace(second=0, microsecond=0)
    key = IngestKey.objects.filter(hash=hash_of(secret), revoked_at=None).only("pk", "name").first()
    if key is None:
        return None
    same_minute = Q(calls_since=minute)
    has_room = ~same_minute | Q(calls__lt=settings.PATCHBAY_INGEST_CALLS) | Q(calls_since=None)
    counted = IngestKey.objects.filter(has_room, pk=key.pk, revoked_at=None).update(
        calls=Case(When(same_minute, then=F("calls") + 1), default=Value(1)), calls_since=minute, last_used_at=now
    )
    if counted != 1:
        raise TooManyCallsError(60 - now.second)
    return key
