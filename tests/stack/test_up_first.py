"""First starts of `manage.py up` that end half-way: by a signal, by a step that fails. `life` begins with a kill."""

import signal
from pathlib import Path

import pytest

from dashboard.stack.ports import HOST
from tests.ports import free_port
from tests.stack.up import SECONDS, start


@pytest.fixture
def port() -> int:
    return free_port()


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
