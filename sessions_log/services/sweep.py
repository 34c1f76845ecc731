"""Finds what only time tells: links that nobody used, people who fell silent, secrets that nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors.ids import first_id_at
from sessions_log.events import EventName
from sessions_log.models import Session, SessionStatus
from sessions_log.services.links import VISIT
from sessions_log.services.record import NewEvent, record_all
from sessions_log.story import SILENCE

BATCH = 200
_DELETED_AT_ONCE = 1000


def sweep(*, now: datetime | None = None) -> int:
    """Mark the sessions that fell silent or whose link's time is over, and forget what was typed in those.

    Returns how many were marked. Two sweeps at once do no harm: each skips what the other has locked.
    """
    now = now or timezone.now()
    # A front end of somebody's own may tell late: only when it tells nothing any more is the person silent.
    since = now - SILENCE
    silent = Session.objects.filter(status=SessionStatus.OPENED, last_event_at__lte=since, changed_at__lte=since)
    late = Session.objects.filter(status=SessionStatus.CREATED, expires_at__lte=now)
    marked = _mark(silent, EventName.SESSION_ABANDONED, lambda one: (one.last_event_at or now) + SILENCE)
    marked += _mark(late, EventName.SESSION_EXPIRED, lambda one: one.expires_at)
    forget(now=now)
    return marked


def _mark(found: QuerySet[Session], name: EventName, moment: Callable[[Session], datetime]) -> int:
    """Give each of `found` the event `name` at its moment, batch by batch."""
    marked = 0
    while True:
        with transaction.atomic():
            batch = list(found.order_by("pk").select_for_update(skip_locked=True, no_key=True)[:BATCH])
            events = {one.pk: [NewEvent(name, occurred_at=moment(one))] for one in batch}
            changed = record_all(events) if events else {}
        still = sum(one.status in {SessionStatus.OPENED, SessionStatus.CREATED} for one in changed.values())
        marked += len(changed) - still
        if len(batch) < BATCH or still == len(batch):
            return marked


def forget(*, now: datetime) -> int:
    """Remove what is sealed in sessions that are over or silent; who comes back signs in again. Returns how many."""
    is_over = ~Q(status=SessionStatus.OPENED) | Q(redeemed_at__lte=now - VISIT)
    return Session.objects.exclude(sealed=b"").filter(is_over).update(sealed=b"", oauth_state_hash=None)


def drop_old(*, now: datetime | None = None) -> int:
    """Delete the sessions past their retention time, with their events, and return how many."""
    oldest = first_id_at((now or timezone.now()) - timedelta(days=settings.PATCHBAY_SESSION_DAYS))
    dropped = 0
    while batch := list(
        Session.objects.filter(pk__lt=oldest).order_by("pk").values_list("pk", flat=True)[:_DELETED_AT_ONCE]
    ):
        Session.objects.filter(pk__in=batch).delete()
        dropped += len(batch)
    return dropped
