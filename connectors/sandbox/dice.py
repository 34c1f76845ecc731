"""Chance that repeats itself: every draw is a hash of its key, so the same key gives the same answer everywhere.

Hashes, not `random.Random`: the module promises equal sequences between Python versions for `random()` only, and
a draw of its own name lets a new field be added without changing all the fields after it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def token(*key: object, length: int = 12) -> str:
    """Return `length` lower-case hex digits that belong to `key` (for ids)."""
    return _digest(key, (length + 1) // 2).hex()[:length]


def draw(below: int, *key: object) -> int:
    """Return an int from 0 to `below` - 1 that belongs to `key`."""
    return int.from_bytes(_digest(key, 8), "big") % below


def pick(options: Sequence[T], *key: object) -> T:
    """Return the one of `options` that belongs to `key`."""
    return options[draw(len(options), *key)]


def pick_weighted(options: Sequence[tuple[int, T]], *key: object) -> T:
    """Return one of the `(weight, option)` pairs' options, each as likely as its weight says."""
    rest = draw(sum(weight for weight, _ in options), *key)
    for weight, option in options:
        if rest < weight:
            return option
        rest -= weight
    message = "pick_weighted needs at least one option of positive weight"
    raise ValueError(message)


def _digest(key: tuple[object, ...], size: int) -> bytes:
    # A separator that occurs in no part keeps ("a", "bc") and ("ab", "c") apart.
    return blake2b("\x1f".join(map(str, key)).encode(), digest_size=size).digest()
