"""The word to stop, from a worker's parent process to the jobs its children run.

One byte of memory that parent and children share, since the children are forked after it was made: it reaches every
job at its next check, without a query, and also while the database is away.
"""

from __future__ import annotations

import mmap
import time

_STOPPING = 1
_shared = mmap.mmap(-1, 1)


def begin() -> None:
    """Tell this process and its children that the worker stops. Safe in a signal handler."""
    _shared[0] = _STOPPING


def has_begun() -> bool:
    """Whether the worker of this process was told to stop."""
    return _shared[0] == _STOPPING


class Drain:
    """When one attempt first saw that its worker stops. `seconds` is the time since then, by this process's clock."""

    def __init__(self) -> None:
        self._since: float | None = None

    def seconds(self) -> float | None:
        """Return how long the worker has been stopping for, None while it is not."""
        if self._since is None and has_begun():
            self._since = time.monotonic()
        return None if self._since is None else time.monotonic() - self._since
