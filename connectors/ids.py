"""Identifiers: every record people meet has a UUIDv7, so it sorts by the time it was made (RFC 9562, 5.7)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

SHORT_LENGTH = 13
_RANDOM_BITS = 80


def new_id() -> UUID:
    """Return a new UUIDv7."""
    return UUID(int=uuid7().int)


def short_id(value: UUID | str) -> str:
    """Return the first 13 characters: the millisecond, which nearly always names one record."""
    return str(value)[:SHORT_LENGTH]


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of the millisecond of `moment` (an aware time), the bound of a partition."""
    milliseconds = int(moment.astimezone(UTC).timestamp() * 1000)
    return UUID(int=(milliseconds << _RANDOM_BITS) | (0x7 << 76) | (0x8 << 60))
