"""Writes that must not be lost because the database was away for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
PAUSE_SECONDS = 1.0


@contextmanager
def soon_durable() -> Iterator[None]:
    """A transaction whose commit does not wait for the disk: for what only tells how a job goes on.

    A crash of the database may lose the last fraction of a second of it. The job's end is committed in full, and with
    it everything before it (PostgreSQL manual, “Asynchronous Commit”).
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")
        yield


def persist(write: Callable[[], Result]) -> Result:
    """Call `write` until the database takes it, for half a lease at most, and return what it returns.

    `write` may run again after a commit whose answer was lost, so it must be harmless then: a start names its token,
    an end changes nothing once the token is gone. Raises the database's error when the time is over.
    """
    deadline = time.monotonic() + settings.PATCHBAY_LEASE_SECONDS / 2
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            # A broken connection is not usable again; the next query opens a new one.
            connection.close()
            if time.monotonic() > deadline:
                raise
            log.warning("The database is away; trying again", reason=str(error).partition("\n")[0])
            time.sleep(PAUSE_SECONDS)
