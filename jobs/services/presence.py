"""Which workers are there: each parent process has one row per queue it serves, renewed by itself.

The parent forks children for as long as it lives, so it never keeps a database connection open: each call here ends
with none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import QuerySet, Sum
from django.db.models.functions import Now

from jobs.models import Worker
from jobs.services.workers import identity

log = structlog.get_logger(__name__)

SEEN_EVERY_SECONDS = 10.0
# A worker that was not seen for three of its beats is taken for gone.
ALIVE = timedelta(seconds=30)
FORGOTTEN = timedelta(days=1)


def alive() -> QuerySet[Worker]:
    """Return the rows of the workers that are there and take new jobs."""
    return Worker.objects.filter(seen_at__gte=Now() - ALIVE, draining_at__isnull=True)


def slots_by_queue() -> dict[str, int]:
    """Return how many jobs at once the workers of each queue can run; a queue without a worker is missing."""
    return dict(alive().values_list("queue").annotate(Sum("slots")).order_by())


def be_seen(name: str, queues: Iterable[str], slots: int) -> None:
    """Store that this worker process lives: made on the first call, renewed by each further one. Never raises."""
    rows = [
        Worker(
            identity=_key(queue),
            name=name,
            queue=queue,
            slots=slots,
            version=settings.VERSION,
            started_at=Now(),
            seen_at=Now(),
        )
        for queue in sorted(queues)
    ]
    _quietly(
        lambda: Worker.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["identity"], update_fields=["slots", "seen_at"]
        )
    )


def be_drained() -> None:
    """Store that this worker process was told to stop and takes nothing new. Never raises."""
    _quietly(lambda: _own().filter(draining_at__isnull=True).update(draining_at=Now()))


def leave() -> None:
    """Remove this worker process from the list; the last act of an orderly stop. Never raises."""
    _quietly(lambda: _own().delete())


def forget_the_dead() -> int:
    """Remove workers that were not seen for a day. Returns how many."""
    gone, _ = Worker.objects.filter(seen_at__lt=Now() - FORGOTTEN).delete()
    return gone


def _key(queue: str) -> str:
    return f"{identity()}:{queue}"


def _own() -> QuerySet[Worker]:
    return Worker.objects.filter(identity__startswith=_key(""))


def _quietly(write: Callable[[], object]) -> None:
    """Call `write`; a database that is away is told in the log only, and no connection is left open."""
    try:
        write()
    except (DatabaseError, InterfaceError) as error:
        log.warning("The list of workers could not be written", reason=str(error).partition("\n")[0])
    finally:
        connection.close()
