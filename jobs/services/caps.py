"""How many jobs may be with the workers at once: of a queue, a connection, a destination, a provider account.

Limits are applied when jobs are chosen, never after: a job that was given to a worker and has to wait there would keep
everybody else's waiting as well.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from connectors.models import Connection
from connectors.secrets import UnreadableSecretError
from jobs.models import Lease, Queue
from jobs.services.presence import slots_by_queue

# Settings of a connection that say where its account is, and those that say whose it is.
_PLACES = ("base_url", "url", "host", "port", "account")
_NAMES = ("user", "username", "client_id")
# Of the credentials, what tells one account from another where the settings name none; never a password.
_KEYS = ("api_key", "token", "access_token", "client_id")


class Room:
    """What there is room for, counted down as jobs are taken. What a person waits for is never capped."""

    def __init__(self, in_flight: Iterable[Lease]) -> None:
        """Count what is with the workers: `in_flight` leases, running or about to be. Reads the workers' slots."""
        self._slots = slots_by_queue()
        self._by_queue: Counter[str] = Counter()
        self._counts: Counter[tuple[str, UUID | str]] = Counter()
        self._busy: set[tuple[str, UUID]] = set()
        for lease in in_flight:
            self._add(lease)

    def in_queue(self, queue: str) -> int:
        """Return how many more jobs of a queue its workers have room for, one spare for each slot included."""
        slots = self._slots.get(queue)
        whole = settings.PATCHBAY_IN_FLIGHT if slots is None else 2 * slots
        return int(whole) - self._by_queue[queue]

    def of_connection(self, connection_id: UUID) -> int:
        """Return how many jobs of a connection are with the workers, those that a person waits for aside."""
        return self._counts["connection_id", connection_id]

    def take(self, lease: Lease) -> bool:
        """Count one more job in, if every limit allows it. Returns whether it does."""
        if self.in_queue(lease.queue) <= 0 or self._busy & set(_alone(lease)):
            return False
        caps = _caps()
        if lease.queue != Queue.INTERACTIVE and any(self._counts[key] >= caps[key[0]] for key in _counted(lease)):
            return False
        self._add(lease)
        return True

    def _add(self, lease: Lease) -> None:
        self._by_queue[lease.queue] += 1
        self._busy.update(_alone(lease))
        if lease.queue != Queue.INTERACTIVE:
            self._counts.update(_counted(lease))

    def full(self) -> Q:
        """Return the condition of leases that cannot be taken now, so that they do not fill a batch."""
        busy: dict[str, list[UUID]] = {"entity_id": [], "exclusive_key": []}
        for name, value in self._busy:
            busy[name].append(value)
        condition = Q(entity_id__in=busy["entity_id"]) | Q(exclusive_key__in=busy["exclusive_key"])
        for name, cap in _caps().items():
            values = [value for (kind, value), count in self._counts.items() if kind == name and count >= cap]
            # Historical jobs have a cap of their own beside that of their connection.
            kind = Q(connection_id__in=values, is_bulk=True) if name == "bulk" else Q(**{f"{name}__in": values})
            condition |= ~Q(queue=Queue.INTERACTIVE) & kind
        return condition


def _caps() -> dict[str, int]:
    of_connection: int = settings.PATCHBAY_CONNECTION_JOBS
    return {
        "connection_id": of_connection,
        "bulk": max(1, of_connection // 2),
        "destination_id": settings.PATCHBAY_DESTINATION_JOBS,
        "account_key": settings.PATCHBAY_ACCOUNT_JOBS,
    }


def _alone(lease: Lease) -> list[tuple[str, UUID]]:
    """Return what a job needs for itself: its entity, and a destination that takes one writer."""
    needed = (("entity_id", lease.entity_id), ("exclusive_key", lease.exclusive_key))
    return [(name, value) for name, value in needed if value is not None]


def _counted(lease: Lease) -> list[tuple[str, UUID | str]]:
    """Return what a job counts towards. Historical ones count twice: as one of their connection, and as historical."""
    found: list[tuple[str, UUID | str]] = [("connection_id", lease.connection_id)]
    if lease.is_bulk:
        found.append(("bulk", lease.connection_id))
    if lease.destination_id is not None:
        found.append(("destination_id", lease.destination_id))
    if lease.account_key:
        found.append(("account_key", lease.account_key))
    return found


def account_key(connection: Connection) -> str:
    """Return what two connections share that use the same account at the same provider: a keyed hash, no secret.

    The account is named by the settings, or by a key out of the credentials; where neither does, or the credentials
    cannot be read, each connection counts as an account of its own.
    """
    place = [str(connection.config.get(name, "")) for name in _PLACES]
    name = next((str(connection.config[name]) for name in _NAMES if connection.config.get(name)), "")
    name = name or _name_in_credentials(bytes(connection.credentials), connection.pk) or str(connection.pk)
    return _hashed("\n".join([connection.provider, *place, name]))


# Opening credentials costs more than all the rest of making a job; the sealed bytes change with their content.
@lru_cache(maxsize=4096)
def _name_in_credentials(sealed: bytes, connection_id: UUID) -> str:
    if not sealed:
        return ""
    try:
        found = Connection(pk=connection_id, credentials=sealed).read_credentials()
    except (UnreadableSecretError, ImproperlyConfigured):
        return ""
    return next((_hashed(found[name]) for name in _KEYS if found.get(name)), "")


def _hashed(text: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
