"""Waiting for a condition, with a deadline: the only way in which a test lets time pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

_PAUSE_SECONDS = 0.02


def wait_until(look: Callable[[], Found], *, seconds: float = 10.0, what: str = "the condition") -> Found:
    """Return the first true value that `look()` gives; fail the test after `seconds`, saying what did not come."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(_PAUSE_SECONDS)
