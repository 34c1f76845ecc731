"""`manage.py up` as a person uses it: real processes, real signals, one home folder through its life."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.ports import free_port
from tests.stack.up import SECONDS, Up, start, status


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
    up.wait_for(
        rf"ready after \d+\.\d s: http://127\.0\.0\.1:{port}/\n(?s:.*)Mails in +.+/mail\n(?s:.*)Stop with +Ctrl-C"
    )

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
