"""What every change of a connection by a person has in common: it is refused where somebody else was faster.

A page remembers the version of what it showed. Where that is not the stored one any more, and what was typed differs
from what is stored, nothing is stored, and the person sees both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from uuid import UUID

from connectors.models import Connection
from connectors.services import facts


class ChangedMeanwhileError(Exception):
    """Somebody else changed the same part after the page was opened. Nothing was stored."""


class ConnectionDeletedError(Exception):
    """The connection was deleted meanwhile. Nothing was stored."""


def version_of(values: Mapping[str, Any]) -> str:
    """Name the state of some values: it is another one as soon as one of them is."""
    return blake2b(json.dumps(values, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def lock_kept(connection_id: UUID) -> Connection:
    """Lock a connection that was not deleted and return it. Raises `ConnectionDeletedError`."""
    locked = facts.lock(connection_id)
    refuse_deleted(locked)
    return locked


def refuse_deleted(connection: Connection) -> None:
    """Raise `ConnectionDeletedError` for a connection that was deleted."""
    if connection.deleted_at is not None:
        message = f"{connection.name} was deleted. Nothing was changed."
        raise ConnectionDeletedError(message)


def refuse_changed(connection: Connection, *, stored: Mapping[str, Any], seen: str) -> None:
    """Raise `ChangedMeanwhileError` when `stored` has another version than the one that was `seen`."""
    if version_of(stored) != seen:
        message = f"{connection.name} was changed by somebody else after this page was opened. Nothing was stored."
        raise ChangedMeanwhileError(message)
