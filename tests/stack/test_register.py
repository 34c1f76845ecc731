"""Leftovers of a killed start are ended, strangers are not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dashboard.stack.register import FILE, ProcessRegister

# A parent with a child, both waiting; prints the child's number once both are there.
FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"],
                         stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    environment = {**os.environ, "PATCHBAY_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        yield parent, child
        for pid in (child, parent.pid):
            if psutil.pid_exists(pid):
                psutil.Process(pid).kill()


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_leftovers_are_ended_with_their_children(tmp_path: Path, family: tuple[subprocess.Popen[str], int]) -> None:
    parent, child = family
    ProcessRegister(tmp_path).add("worker", parent.pid)

    ended = ProcessRegister(tmp_path).end_leftovers()

    assert ended == ["worker"]
    assert not runs(parent.pid)
    assert not runs(child)
    assert not (tmp_path / FILE).exists()


def test_a_child_whose_recorded_parent_is_gone_is_ended(
    tmp_path: Path, family: tuple[subprocess.Popen[str], int]
) -> None:
    parent, child = family
    ProcessRegister(tmp_path).add("worker", parent.pid)
    parent.kill()
    parent.wait()

    ended = ProcessRegister(tmp_path).end_leftovers()

    assert ended == ["worker"]
    assert not runs(child)


def test_a_stranger_with_a_recorded_number_is_left_alone(
    tmp_path: Path, family: tuple[subprocess.Popen[str], int]
) -> None:
    parent, child = family
    created = psutil.Process(parent.pid).create_time() - 3600
    entry = {"name": "worker", "pid": parent.pid, "created": created, "signal": 15}
    (tmp_path / FILE).write_text(json.dumps({"processes": [entry]}))

    ended = ProcessRegister(tmp_path).end_leftovers()

    assert ended == []
    assert runs(parent.pid)
    assert runs(child)
