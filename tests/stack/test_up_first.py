"""First starts of `manage.py up` that end half-way: by a kill, by a signal, by a step that fails."""

import signal
from pathlib import Path

import pytest

from dashboard.stack.ports import HOST
from tests.ports import free_port
from tests.stack.up import SECONDS, start, status


@pytest.fixture
def port() -> int:
    return free_port()


def test_a_first_start_killed_half_way_does_not_stop_the_second(tmp_path: Path, port: int) -> None:
    killed = start(tmp_path / "home", port)
    killed.wait_for("making the first user")
    killed.stop(signal.SIGKILL)

    again = start(tmp_path / "home", port)

    try:
        again.wait_for("ready after")
        assert status(port) == 200
    finally:
        again.stop()
    assert again.left() == []


def test_term_in_the_middle_of_a_first_start_ends_everything(tmp_path: Path, port: int) -> None:
    first = start(tmp_path / "home", port)
    first.wait_for("starting the servers")

    assert first.stop(signal.SIGTERM) == 0

    assert first.left() == []


def test_a_failing_step_is_named_and_ends_everything(tmp_path: Path, port: int) -> None:
    first = start(tmp_path / "home", port, DATABASE_URL=f"postgres://nobody@{HOST}:1/none")

    assert first.process.wait(SECONDS) == 1

    assert "The step 'migrate' failed (exit code 1); its lines above say why." in first.text()
    assert first.left() == []
