"""Tells workers that a job waits. The message is only a hint: lost, late or repeated, it changes no outcome."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from jobs.models import AccountBlock, Lease, LeaseState
from jobs.services.caps import Room

log = structlog.get_logger(__name__)

# A person waits for the page, and the tick comes again in a moment: a broker that is away is not waited for, and one
# that hangs not for long.
_ONE_TRY = {"max_retries": 0, "socket_timeout": 1, "socket_connect_timeout": 1}


def publish_on_commit(leases: Sequence[Lease]) -> None:
    """Publish after the running transaction commits. A broker that is away is left to the tick."""
    transaction.on_commit(partial(_publish_now, [lease.job_id for lease in leases]))


def _publish_now(job_ids: Sequence[UUID]) -> None:
    blocked = AccountBlock.objects.filter(account_key=OuterRef("account_key"), until__gt=Now())
    waiting = Lease.objects.pending().filter(~Exists(blocked), dispatched_at__isnull=True)
    room = Room(Lease.objects.filter(Q(state=LeaseState.RUNNING) | Q(dispatched_at__isnull=False)))
    # The first of many only: the tick lets the others follow as workers become free.
    for lease in waiting.filter(pk__in=job_ids).order_by("pk")[:1]:
        if not room.take(lease):
            return
        stamped = Lease.objects.pending().filter(pk=lease.pk, dispatched_at__isnull=True)
        if stamped.update(dispatched_at=Now(), dispatch_count=F("dispatch_count") + 1) == 1:
            publish([lease])


def send(name: str, argument: str, queue: str) -> None:
    """Send one message to a task that carries an id. Never raises: the tasks of beat take up again what is not sent."""
    try:
        with (
            current_app.connection_for_write(transport_options=_ONE_TRY) as broker,
            current_app.amqp.Producer(broker) as producer,
        ):
            current_app.send_task(name, args=[argument], queue=queue, producer=producer)
    except (OperationalError, OSError) as error:
        log.warning("The broker is away; a task waits in the database", task=name, reason=str(error))


def publish(leases: Sequence[Lease]) -> None:
    """Send one message per lease to its queue. Never raises: what is not sent is free for the next tick again."""
    if not leases:
        return
    sent = 0
    try:
        with (
            current_app.connection_for_write(transport_options=_ONE_TRY) as broker,
            current_app.amqp.Producer(broker) as producer,
        ):
            for lease in leases:
                current_app.send_task("jobs.run", args=[str(lease.pk)], queue=lease.queue, producer=producer)
                sent += 1
    except (OperationalError, OSError) as error:
        unsent = leases[sent:]
        log.warning("The broker is away; jobs wait in the database", waiting=len(unsent), reason=str(error))
        waiting = Lease.objects.pending().filter(pk__in=[lease.pk for lease in unsent])
        waiting.update(dispatched_at=None, dispatch_count=0)
