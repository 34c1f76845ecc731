"""Real processes that tests start and kill: plain ones, and workers that take a job out of the test database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psutil
from django.db import connection as database

from jobs.services.workers import _started, here
from tests.servers import POSTGRES

ROOT = Path(__file__).resolve().parents[2]


def identity_of(pid: int) -> str:
    """The identity that a worker with this process id has, as leases store it."""
    return f"{here()}/{pid}-{_started(psutil.Process(pid))}"


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until it is killed, at the end of the block at the latest."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def gone_worker() -> str:
    """The identity of a process of this machine that was killed."""
    with sleeper() as process:
        return identity_of(process.pid)


@contextmanager
def worker(mode: str, job_id: UUID, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A process that takes the job and does what `mode` says, see `tests.jobs.worker_process`."""
    environ = {**os.environ, "DATABASE_URL": POSTGRES.server.url(str(database.settings_dict["NAME"])), **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.worker_process", mode, str(job_id)],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str], line: str) -> None:
    """Read what the process says until it says `line`; a log line before it is skipped."""
    assert process.stdout is not None
    for said in process.stdout:
        if said.strip() == line:
            return
    raise AssertionError(f"The process ended with {process.wait()} and never said {line!r}.")
