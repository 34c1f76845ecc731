"""Works off bulk actions: one connection after the other, each in a transaction that also records what became of it.

So whatever happens to the worker, a connection was acted on exactly once: its item is pending and nothing was done, or
it is not and everything was. Two workers at the same one do no harm, since each item is locked and passed over by the
other. Work is done in short slices, between which the queue's other tasks come to their turn.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from jobs.models import Bulk, BulkAction, BulkItem, ItemStatus, Queue
from jobs.services.bulk_acts import Outcome, act
from jobs.services.clock import database_now
from jobs.services.publish import send

log = structlog.get_logger(__name__)

# The queue is shared with the tick, which comes every second and must not be late.
SLICE_SECONDS = 0.5
# Milliseconds. Somebody who holds a connection for longer is not waited for; it comes again after the others.
_PATIENCE_MS = 400
_TRIES = 10
# What Postgres says of a lock that does not come: not in time, or not at all.
_HELD_BY_OTHERS = frozenset({"55P03", "40P01"})
# Without news for so long its worker is gone.
SILENT_AFTER = timedelta(seconds=5)
_BATCH = 20


@transaction.atomic
def start_bulk(
    *,
    action: BulkAction,
    connection_ids: Collection[UUID],
    actor: User | None,
    options: Mapping[str, Any],
    pk: UUID | None = None,
) -> Bulk:
    """Store a bulk action on these connections, in their order, and let it be worked off after the commit.

    A question that was asked under an ID of its own, `pk`, is answered once: what was stored then is returned.
    Raises `ValueError` when there is no connection.
    """
    if not connection_ids:
        message = "A bulk action needs at least one connection."
        raise ValueError(message)
    bulk = Bulk(action=action, actor=actor, options=dict(options), total=len(connection_ids))
    bulk.pk = pk or bulk.pk
    try:
        with transaction.atomic():
            bulk.save(force_insert=True)
    except IntegrityError:
        return Bulk.objects.get(pk=bulk.pk)
    items = (BulkItem(bulk=bulk, number=number, connection_id=pk) for number, pk in enumerate(connection_ids, start=1))
    BulkItem.objects.bulk_create(items, batch_size=1000)
    transaction.on_commit(partial(publish_slice, bulk.pk))
    return bulk


def publish_slice(bulk_id: UUID) -> None:
    """Ask the workers for a slice of work; what the broker does not take is taken up again in a moment."""
    send("jobs.work_bulk", str(bulk_id), Queue.SYSTEM)


def work_off(bulk_id: UUID, *, seconds: float = SLICE_SECONDS) -> bool:
    """Act on the next connections of a bulk action for so many seconds. Returns whether this worker has more to do."""
    bulk = Bulk.objects.open().filter(pk=bulk_id).select_related("actor").first()
    if bulk is None:
        return False
    Bulk.objects.open().filter(pk=bulk_id).update(moved_at=Now())
    until = time.monotonic() + seconds
    while _work_one(bulk):
        if time.monotonic() > until:
            return True
    pending = BulkItem.objects.pending().filter(bulk=OuterRef("pk"))
    Bulk.objects.open().filter(~Exists(pending), pk=bulk_id).update(ended_at=Now())
    return False


def _work_one(bulk: Bulk) -> bool:
    """Act on the next connection. Returns False where no item is left that nobody else holds."""
    pk = BulkItem.objects.pending().filter(bulk=bulk).values_list("pk", flat=True).first()
    if pk is None:
        return False
    try:
        with transaction.atomic():
            item = _next(bulk)
            if item is None:
                return False
            outcome = act(bulk, item.connection)
            _record(item, outcome)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") not in _HELD_BY_OTHERS:
            raise
        _put_back(pk)
    except InterfaceError:
        raise
    except Exception as error:  # noqa: BLE001 - one connection must not keep back all that come after it
        # Without the trace: its values may hold secrets.
        log.error("A bulk action failed at one connection", bulk=str(bulk.pk), item=pk, reason=type(error).__name__)  # noqa: TRY400
        _give_up(pk, Outcome(ItemStatus.REFUSED, "unknown_error", "Patchbay failed at this one. Nothing was changed."))
    return True


def _next(bulk: Bulk) -> BulkItem | None:
    """Lock the next item until the transaction ends, in which nobody is waited for long."""
    with database.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
    locked = BulkItem.objects.pending().filter(bulk=bulk).select_for_update(skip_locked=True, of=("self",))
    return locked.select_related("connection").first()


def _record(item: BulkItem, outcome: Outcome) -> None:
    told = {"code": outcome.code, "told": outcome.told, "job_id": outcome.job_id}
    changed = BulkItem.objects.filter(pk=item.pk, status=ItemStatus.PENDING).update(status=outcome.status, **told)
    if changed != 1:
        message = f"Item {item.pk} was worked off already."
        raise ValueError(message)


def _put_back(pk: int) -> None:
    """Let the others go first, and give up after some tries."""
    BulkItem.objects.filter(pk=pk, status=ItemStatus.PENDING).update(tries=F("tries") + 1)
    held = "Somebody else was changing it all the time. Nothing was changed; try it again."
    _give_up(pk, Outcome(ItemStatus.REFUSED, "held", held), after=_TRIES)


def _give_up(pk: int, outcome: Outcome, *, after: int = 0) -> None:
    left = BulkItem.objects.filter(pk=pk, status=ItemStatus.PENDING, tries__gte=after)
    left.update(status=outcome.status, code=outcome.code, told=outcome.told)


def take_up_bulks() -> int:
    """Let those be worked on whose worker is gone, and forget those that are old. Returns how many were taken up."""
    now = database_now()
    taken = 0
    silent = Bulk.objects.open().filter(moved_at__lt=now - SILENT_AFTER).order_by("moved_at")
    for pk in silent.values_list("pk", flat=True)[:_BATCH]:
        still = Bulk.objects.open().filter(pk=pk, moved_at__lt=now - SILENT_AFTER)
        if still.update(moved_at=Now()) == 1:
            publish_slice(pk)
            taken += 1
    Bulk.objects.filter(ended_at__lt=now - timedelta(days=settings.PATCHBAY_RETENTION_DAYS)).delete()
    return taken
