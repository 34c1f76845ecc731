"""Processes and process groups: who is still alive. A zombie is not; in a container nobody may ever collect it."""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Iterable

import psutil

POLL_SECONDS = 0.02
FORCED_SECONDS = 5.0
# linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies, so that ``end_children`` finds it.

    Without it such a process goes to the init process and cannot be told from others. Linux only; elsewhere nothing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> list[str]:
    """Kill every descendant of this process and return the names of those that were alive; the last act of a stop."""
    left = [process for process in psutil.Process().children(recursive=True) if is_alive(process)]
    names = []
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            names.append(process.name())
            process.kill()
    wait_gone(left, FORCED_SECONDS)
    return names


def is_alive(process: psutil.Process) -> bool:
    """Say whether the process still runs code."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until no process is alive, for ``seconds`` at most; return those that still are."""
    deadline = time.monotonic() + seconds
    alive = [process for process in processes if is_alive(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        alive = [process for process in alive if is_alive(process)]
    return alive


def group_is_alive(group: int) -> bool:
    """Say whether the process group has a member that still runs code."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return any(_group_of(process) == group and is_alive(process) for process in psutil.process_iter())


def _group_of(process: psutil.Process) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getpgid(process.pid)
    return None
