"""One start of `manage.py up`, and what a test may know about it."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from dashboard.stack.groups import is_alive
from dashboard.stack.ports import HOST
from dashboard.stack.register import FILE

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 90.0


@dataclass
class Up:
    """One start: its process, and its output in a file."""

    process: subprocess.Popen[bytes]
    log: Path
    home: Path
    port: int

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> re.Match[str]:
        """Wait for `words`, a regular expression, in the output."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if found := re.search(words, self.text()):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        pytest.fail(f"no {words!r} in:\n{self.text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def pid(self, name: str) -> int:
        """Return the process number of a part of the stack, 0 while it has none."""
        entries = json.loads((self.home / FILE).read_text())["processes"]
        return next((int(entry["pid"]) for entry in entries if entry["name"] == name), 0)

    def left(self) -> list[str]:
        """Return the command lines of what still runs on this home folder, this start itself aside."""
        return [
            " ".join(process.cmdline())
            for process in psutil.process_iter()
            if process.pid != self.process.pid and is_alive(process) and belongs_to(process, self.home)
        ]


def belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("PATCHBAY_HOME") == str(home) or str(home) in " ".join(process.cmdline())
    except psutil.Error:
        return False


def start(home: Path, port: int, **more: str) -> Up:
    """Run `manage.py up --empty` with an environment that names nothing else."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "PATCHBAY_HOME": str(home), "PORT": str(port)}
    log = home.parent / f"log-{time.monotonic_ns()}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--empty"],
            cwd=ROOT,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return Up(process=process, log=log, home=home, port=port)


def status(port: int) -> int:
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=10)) as connection:
        connection.request("GET", "/accounts/login/")
        return connection.getresponse().status
