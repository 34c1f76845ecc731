"""The beginning of a stack: what it says, what it refuses, and that it heals."""

from __future__ import annotations

import json
import os
import signal

import psutil

from tests.ports import free_port
from tests.stack.up import SECONDS, Up, start, status
from tests.waiting import wait_until


def test_a_first_start_killed_half_way_does_not_stop_the_second(up: Up) -> None:
    up.wait_for("ready after")

    assert status(up.port) == 200


def test_first_start_says_where_and_how_to_sign_in(up: Up) -> None:
    up.wait_for(
        rf"ready after \d+\.\d s: http://127\.0\.0\.1:{up.port}/\n(?s:.*)Mails in +.+/mail\n(?s:.*)Stop with +Ctrl-C"
    )

    credentials = json.loads((up.home / "demo-credentials.json").read_text())
    assert list(credentials["users"]) == ["admin"]
    assert f"admin  {credentials['users']['admin']}" in up.text()
    assert status(up.port) == 200


def test_second_start_on_the_same_home_names_the_first(up: Up) -> None:
    second = start(up.home, free_port())

    assert second.process.wait(SECONDS) == 1
    assert second.text().count("\n") == 1
    assert f"already runs on {up.home} (process {up.process.pid})" in second.text()


def test_busy_port_is_one_line(up: Up) -> None:
    second = start(up.home.parent / "other", up.port)

    assert second.process.wait(SECONDS) == 1
    assert second.text().startswith(
        f"Port {up.port} is taken by another program. Start Patchbay with another one: PORT="
    )
    assert second.text().count("\n") == 1


def test_a_killed_worker_comes_back(up: Up) -> None:
    killed = up.pid("worker-sync")

    os.kill(killed, signal.SIGKILL)

    up.wait_for(r"worker-sync +\| ended \(signal SIGKILL\); starting it again in 1 s")
    wait_until(lambda: up.pid("worker-sync") not in {0, killed}, seconds=SECONDS, what="the worker is back")
    assert psutil.Process(up.pid("worker-sync")).is_running()
    assert status(up.port) == 200
