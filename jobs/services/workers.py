"""Who a worker process is, and whether it is surely gone.

An identity names the boot, the process namespace, the process and its start time, so a process id that was given
again, a restarted machine or another container is never mistaken for the worker.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil


def here() -> str:
    """Return a short name of this machine's boot and process namespace; equal only where process ids compare."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().split("-")[0]
        namespace = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        boot, namespace = str(int(psutil.boot_time())), "0"
    return f"{socket.gethostname()[:60]}/{boot}-{namespace}"


def identity() -> str:
    """Return the identity of this process, as leases and attempts store it."""
    pid = os.getpid()
    return f"{here()}/{pid}-{_started(psutil.Process(pid))}"


def short_name(worker: str) -> str:
    """Return what a page shows of an identity: the machine and the process id."""
    host, _, rest = worker.partition("/")
    process = rest.rpartition("/")[2].partition("-")[0]
    return f"{host} #{process}" if process else host


def is_gone(worker: str) -> bool:
    """Whether that process ended for certain. False whenever this process cannot know, as for another machine."""
    place, _, process = worker.rpartition("/")
    if place != here():
        return False
    pid, _, started = process.partition("-")
    try:
        found = psutil.Process(int(pid))
        return _started(found) != int(started) or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


def _started(process: psutil.Process) -> int:
    """Return when a process started, in ticks of the machine's own count since its boot.

    Not by the wall clock: on Linux that time moves whenever the clock is set, and every live worker would seem gone.
    Raises `psutil.Error` when the process does not exist.
    """
    try:
        # Field 22 of proc(5); the second one is the name in brackets, which may hold anything.
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except FileNotFoundError:
        return int(process.create_time() * 100)
