"""Which processes this installation started, on disk, so that those of a killed start can be found and ended.

A process number alone proves nothing, since numbers come round again. A process counts as ours when its start time is
the recorded one; a member of a recorded session whose leader is gone counts when its environment names our home folder.
"""

import contextlib
import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from dashboard.stack.files import read_object, write_private
from dashboard.stack.groups import wait_gone

FILE = "processes.json"
# psutil works the start time out from the boot time, which a clock correction moves a little.
CLOCK_SLACK = 2.0
GRACE = 5.0


@dataclass(frozen=True)
class Entry:
    """One started process. ``signal`` is the one that asks it to stop."""

    name: str
    pid: int
    created: float
    signal: int


class ProcessRegister:
    """The list of running processes of one home folder, kept in ``processes.json``."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file = home / FILE
        self._entries: dict[int, Entry] = {}

    def add(self, name: str, pid: int, stop_signal: int = signal.SIGTERM) -> None:
        """Record a process that was just started as the leader of its own session."""
        with contextlib.suppress(psutil.NoSuchProcess):
            created = psutil.Process(pid).create_time()
            self._entries[pid] = Entry(name=name, pid=pid, created=created, signal=int(stop_signal))
            self._save()

    def remove(self, pid: int) -> None:
        """Forget a process of which nothing is left."""
        if self._entries.pop(pid, None):
            self._save()

    def end_leftovers(self) -> list[str]:
        """End what an earlier start left running, first by asking, after five seconds by force; return the names."""
        found: dict[psutil.Process, str] = {}
        for entry in _entries(read_object(self._file)):
            members = _members(entry, self._home)
            found.update(dict.fromkeys(members, entry.name))
            for process in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(entry.signal if process.pid == entry.pid else signal.SIGTERM)
        alive = wait_gone(found, GRACE)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_gone(alive, GRACE)
        self._file.unlink(missing_ok=True)
        return sorted(set(found.values()))

    def _save(self) -> None:
        stored = {"processes": [asdict(entry) for entry in self._entries.values()]}
        write_private(self._file, json.dumps(stored, indent=2))


def _entries(stored: dict[str, Any]) -> list[Entry]:
    return [Entry(**entry) for entry in stored.get("processes", [])]


def _members(entry: Entry, home: Path) -> list[psutil.Process]:
    """Return the recorded process with its descendants, or, when it is gone, what is left of its session."""
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(entry.pid)
        if abs(leader.create_time() - entry.created) > CLOCK_SLACK:
            return []
        return [leader, *leader.children(recursive=True)]
    return [process for process in psutil.process_iter() if _is_orphan(process, entry, home)]


def _is_orphan(process: psutil.Process, entry: Entry, home: Path) -> bool:
    try:
        return os.getsid(process.pid) == entry.pid and process.environ().get("PATCHBAY_HOME") == str(home)
    except (ProcessLookupError, PermissionError, psutil.Error):
        return False
