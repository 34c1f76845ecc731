"""`manage.py up` as a person uses it: real processes, real signals, one home folder through its life."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from dashboard.stack.groups import is_alive
from dashboard.stack.ports import HOST
from dashboard.stack.register import FILE
from tests.ports import free_port

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


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "a home"


@pytest.fixture(scope="module")
def up(home: Path, port: int) -> Iterator[Up]:
    first = start(home, port)
    yield first
    if first.process.poll() is None:
        first.stop()


def test_first_start_says_where_and_how_to_sign_in(up: Up, port: int) -> None:
    up.wait_for(rf"ready after \d+\.\d s: http://127\.0\.0\.1:{port}/\n(?s:.*)Stop with +Ctrl-C")

    credentials = json.loads((up.home / "demo-credentials.json").read_text())
    assert list(credentials["users"]) == ["admin"]
    assert f"admin  {credentials['users']['admin']}" in up.text()
    assert status(port) == 200


def test_second_start_on_the_same_home_names_the_first(up: Up, port: int) -> None:
    second = start(up.home, free_port())

    assert second.process.wait(SECONDS) == 1
    assert second.text().count("\n") == 1
    assert f"already runs on {up.home} (process {up.process.pid})" in second.text()


def test_busy_port_is_one_line(up: Up, port: int) -> None:
    second = start(up.home.parent / "other", port)

    assert second.process.wait(SECONDS) == 1
    assert second.text().startswith(f"Port {port} is taken by another program. Start Patchbay with another one: PORT=")
    assert second.text().count("\n") == 1


def test_a_killed_worker_comes_back(up: Up) -> None:
    killed = up.pid("worker-sync")

    os.kill(killed, signal.SIGKILL)

    up.wait_for(r"worker-sync +\| ended \(signal SIGKILL\); starting it again in 1 s")
    deadline = time.monotonic() + SECONDS
    while up.pid("worker-sync") in {0, killed} and time.monotonic() < deadline:
        time.sleep(0.02)
    assert psutil.Process(up.pid("worker-sync")).is_running()
    assert status(up.port) == 200


def test_term_ends_every_process(up: Up) -> None:
    assert len(up.left()) > 5

    assert up.stop(signal.SIGTERM) == 0

    assert up.left() == []
    assert up.text().rstrip().endswith("| stopped")


def test_no_password_is_in_the_log_but_those_to_sign_in(up: Up) -> None:
    secrets = json.loads((up.home / "secrets.json").read_text())

    assert [name for name, secret in secrets.items() if secret in up.text()] == []


def test_a_start_after_a_kill_is_as_good_as_any(home: Path, port: int, up: Up) -> None:
    assert up.process.poll() is not None
    killed = start(home, port)
    killed.wait_for("ready after")
    killed.stop(signal.SIGKILL)

    again = start(home, port)

    try:
        again.wait_for("ready after")
        assert status(port) == 200
    finally:
        assert again.stop(signal.SIGINT) == 0
    assert again.left() == []


@pytest.mark.parametrize("words", ["making the database", "making the first user"])
def test_a_first_start_killed_half_way_does_not_stop_the_second(tmp_path: Path, port: int, words: str) -> None:
    killed = start(tmp_path / "home", port)
    killed.wait_for(words)
    killed.stop(signal.SIGKILL)

    again = start(tmp_path / "home", port)

    try:
        again.wait_for("ready after")
        assert status(port) == 200
    finally:
        again.stop()
    assert again.left() == []


@pytest.mark.parametrize("words", ["starting the servers", "making the first user"])
def test_term_in_the_middle_of_a_first_start_ends_everything(tmp_path: Path, port: int, words: str) -> None:
    first = start(tmp_path / "home", port)
    first.wait_for(words)

    assert first.stop(signal.SIGTERM) == 0

    assert first.left() == []


def test_a_failing_step_is_named_and_ends_everything(tmp_path: Path, port: int) -> None:
    first = start(tmp_path / "home", port, DATABASE_URL=f"postgres://nobody@{HOST}:1/none")

    assert first.process.wait(SECONDS) == 1

    assert "The step 'migrate' failed (exit code 1); its lines above say why." in first.text()
    assert first.left() == []
