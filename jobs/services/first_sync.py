"""Lets a connection run that was set up, with its first sync at once."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection
from connectors.services.setting_up import finish_setup
from jobs.models import Job
from jobs.services.enqueue import enqueue_sync


@transaction.atomic
def finish_and_sync(*, connection: Connection, actor: User | None, seen: str = "") -> list[Job]:
    """Finish the setup of a connection and make its first syncs, both or neither. Returns the jobs, at least one.

    `seen` is the version that was reviewed. Raises `SetupOverError`, `SetupMissingError`, `ChangedMeanwhileError`,
    `CannotSync`.
    """
    finished = finish_setup(connection=connection, actor=actor, seen=seen)
    return enqueue_sync(connection=finished, actor=actor)
