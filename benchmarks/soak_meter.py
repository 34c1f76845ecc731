"""What may not grow in a long run: memory, database connections, broker keys, folders, the hot table."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil
import redis

from tests.faults.harness.lab import Lab

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment. Megabytes, where a name says nothing else."""

    workers: float
    largest: float
    connections: float
    keys: float
    broker: float
    work: float
    lease_table: float
    live: float

    # What each is called in the report, and how much it may differ by chance alone.
    LABELS: ClassVar[dict[str, tuple[str, float]]] = {
        "workers": ("workers and beat, MB", 60.0),
        "largest": ("largest process, MB", 30.0),
        "connections": ("database connections", 6.0),
        "keys": ("broker keys", 3.0),
        "broker": ("broker memory, MB", 0.5),
        "work": ("work folder, MB", 3.0),
        "lease_table": ("lease table, MB", 1.0),
    }

    def __str__(self) -> str:
        return (
            f"{self.workers:5.0f} MB in workers, largest {self.largest:4.0f}; {self.connections:3.0f} connections; "
            f"{self.keys:3.0f} keys, {self.broker:4.1f} MB in the broker; work folder {self.work:5.2f} MB; "
            f"lease table {self.lease_table:4.2f} MB; {self.live:4.0f} jobs live"
        )


def measure(lab: Lab) -> Sample:
    """Measure everything once, past the proxies."""
    sizes = _sizes(lab)
    lease_bytes = lab.value("SELECT pg_total_relation_size('jobs_lease')")
    sessions = lab.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    with redis.Redis(unix_socket_path=str(lab.redis.server.socket)) as client:
        keys, used = client.dbsize(), client.info("memory")["used_memory"]
    return Sample(
        workers=sum(sizes) / _MEGABYTE,
        largest=max(sizes, default=0) / _MEGABYTE,
        connections=sessions,
        keys=float(keys),
        broker=used / _MEGABYTE,
        work=_folder(lab.home / "work") / _MEGABYTE,
        lease_table=lease_bytes / _MEGABYTE,
        live=lab.value("SELECT count(*) FROM jobs_lease"),
    )


def _sizes(lab: Lab) -> list[int]:
    """Return the memory of each worker process, in which what several share counts once."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "tests.faults.harness.process" in process.cmdline() and str(lab.home) in process.environ().values():
                found.append(process.memory_full_info().pss)
    return found


def _folder(folder: Path) -> int:
    """Return the bytes of all files below; what goes away meanwhile counts for nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += (Path(place) / name).stat().st_size
    return size
