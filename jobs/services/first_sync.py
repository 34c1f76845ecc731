"""Lets a connection run that was set up or signed in to, with its first sync at once."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection
from connectors.services.setting_up import finish_setup
from jobs.models import Job, Trigger
from jobs.services.enqueue import CannotSync, enqueue_some, enqueue_sync


@transaction.atomic
def finish_and_sync(*, connection: Connection, actor: User | None, seen: str = "") -> list[Job]:
    """Finish the setup of a connection and make its first syncs, both or neither. Returns the jobs.

    There are none where people deliver files, which are awaited from then on. `seen` is the version that was
    reviewed. Raises `SetupOverError`, `SetupMissingError`, `ChangedMeanwhileError`, `CannotSync`.
    """
    finished = finish_setup(connection=connection, actor=actor, seen=seen)
    if finished.status_reason == "awaiting_upload":
        return []
    return enqueue_sync(connection=finished, actor=actor)


def sync_signed_in(*, connection: Connection, entity_ids: Collection[UUID] = ()) -> list[Job]:
    """Start syncs after an end user signed in: of the entities `entity_ids`, or of all; returns the jobs.

    None where nothing can start now, because the connection is paused or syncs already: then its own plan goes on.
    """
    try:
        with transaction.atomic():
            ids = entity_ids or connection.entities.selected().values_list("pk", flat=True)
            return enqueue_some(connection=connection, entity_ids=set(ids), trigger=Trigger.SESSION)
    except CannotSync:
        return []
