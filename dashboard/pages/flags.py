"""The flags of a connection, beside its status: one rule each, for the list's filter and for the overview."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db.models import Exists, OuterRef, Value

from connectors.models import Connection, ConnectionQuerySet
from jobs.models import Lease, LeaseQuerySet

FLAGS = {
    "syncing": "Syncing",
    "queued": "Queued",
    "partial": "Partial",
    "stale": "Stale",
    "expiring_soon": "Expiring soon",
    "provider_outage": "Provider outage",
}


def _live(leases: LeaseQuerySet) -> Exists:
    return Exists(leases.filter(connection=OuterRef("pk")))


RULES: dict[str, Callable[[ConnectionQuerySet, datetime], ConnectionQuerySet]] = {
    "syncing": lambda found, _: found.filter(_live(Lease.objects.syncs().running())),
    # What runs hides what waits, as in the row.
    "queued": lambda found, _: found.filter(
        _live(Lease.objects.syncs().pending()), ~_live(Lease.objects.syncs().running())
    ),
    "partial": lambda found, _: found.partial(),
    "stale": lambda found, now: found.stale(now),
    "expiring_soon": lambda found, now: found.expiring_soon(now),
    "provider_outage": lambda found, _: found.in_outage(),
}


def flags_set(connection: Connection, now: datetime) -> list[str]:
    """Return the flags that a connection has at `now`, by the rules of the list's filter, in one query."""
    own = Connection.objects.filter(pk=connection.pk)
    each = [rule(own, now).order_by().values_list(Value(name)) for name, rule in RULES.items()]
    found = {name for (name,) in each[0].union(*each[1:])}
    return [name for name in FLAGS if name in found]
