"""Stops a connection with a reason, and sets it going again."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.models import Connection, Pause
from connectors.services import facts


class AlreadyPausedError(Exception):
    """The connection is paused already; its first pause keeps its reason."""


class NotPausedError(Exception):
    """There is no pause to end."""


@transaction.atomic
def pause(*, connection: Connection, reason: str, actor: User | None, until: datetime | None = None) -> Pause:
    """Stop a connection's schedule; a running job is left to finish. Raises `AlreadyPausedError`."""
    locked = facts.lock(connection.pk)
    try:
        with transaction.atomic():
            made = Pause.objects.create(connection=locked, reason=reason, until=until, created_by=actor)
    except IntegrityError as error:
        message = f"{locked.name} is paused already."
        raise AlreadyPausedError(message) from error
    facts.refresh(locked)
    return made


@transaction.atomic
def resume(*, connection: Connection, actor: User | None) -> None:
    """End the open pause; the schedule goes on at its next slot and nothing is cleared. Raises `NotPausedError`."""
    locked = facts.lock(connection.pk)
    ended = Pause.objects.open().filter(connection=locked).update(ended_at=timezone.now(), ended_by=actor)
    if ended != 1:
        message = f"{locked.name} is not paused."
        raise NotPausedError(message)
    facts.refresh(locked)
