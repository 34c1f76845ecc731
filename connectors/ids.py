"""Identifiers: every record people meet has a UUIDv7, so it sorts by the time it was made (RFC 9562, 5.7).

People see and search its first 13 characters, which are its millisecond. Records that one process makes in the same
millisecond therefore get the next free ones, as the RFC's method of a counter in the time bits allows (6.2), up to a
bound; beyond it they share a millisecond and differ in their random part only.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

SHORT_LENGTH = 13
# A shorter beginning names too many records to be meant as one, and is often a word such as "cafe".
SHORTEST_BEGINNING = 8
_HEX_DIGITS = 32
_RANDOM_BITS = 74
# Milliseconds that an id may run ahead of the clock when many records are made at once.
_FURTHEST_AHEAD = 2000

_lock = threading.Lock()
_last = 0


def new_id() -> UUID:
    """Return a new UUIDv7, later than those that this process made before."""
    global _last  # noqa: PLW0603 - the last millisecond given is the state of the generator
    with _lock:
        now = time.time_ns() // 1_000_000
        _last = now if now > _last or _last - now >= _FURTHEST_AHEAD else _last + 1
        return _at(_last, secrets.randbits(_RANDOM_BITS))


def short_id(value: UUID | str) -> str:
    """Return the first 13 characters: the millisecond, which nearly always names one record."""
    return str(value)[:SHORT_LENGTH]


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of the millisecond of `moment` (an aware time), the bound of a partition."""
    return _at(int(moment.astimezone(UTC).timestamp() * 1000), 0)


def ids_beginning(text: str) -> tuple[UUID, UUID] | None:
    """Return the lowest and the highest ID that begin with `text`; None where it is too short, or no ID at all."""
    digits = text.strip().lower().replace("-", "")
    if not SHORTEST_BEGINNING <= len(digits) <= _HEX_DIGITS or not re.fullmatch("[0-9a-f]+", digits):
        return None
    return UUID(digits.ljust(_HEX_DIGITS, "0")), UUID(digits.ljust(_HEX_DIGITS, "f"))


def _at(milliseconds: int, random: int) -> UUID:
    """Put time, version 7, 12 random bits, variant and 62 random bits together."""
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)
