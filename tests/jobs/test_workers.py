"""Who a worker is, and when it is gone for certain."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from jobs.services.workers import here, identity, is_gone, short_name
from tests.jobs.processes import identity_of, sleeper
from tests.waiting import wait_until


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with sleeper() as started:
        yield started


def test_identity_is_the_same_each_time_and_fits_its_column() -> None:
    assert identity() == identity()
    assert identity().startswith(f"{here()}/")
    assert len(identity()) <= 120


def test_this_process_is_not_gone() -> None:
    assert not is_gone(identity())


def test_process_that_lives_is_not_gone(process: subprocess.Popen[bytes]) -> None:
    assert not is_gone(identity_of(process.pid))


def test_stopped_process_is_not_gone(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)

    assert not is_gone(identity_of(process.pid))


def test_process_that_ended_is_gone(process: subprocess.Popen[bytes]) -> None:
    worker = identity_of(process.pid)

    process.kill()
    process.wait()

    assert is_gone(worker)


def test_process_that_ended_and_nobody_has_waited_for_is_gone(process: subprocess.Popen[bytes]) -> None:
    worker = identity_of(process.pid)

    process.kill()

    wait_until(lambda: is_gone(worker), what="the zombie being noticed")


def test_process_id_that_was_given_again_is_gone(process: subprocess.Popen[bytes]) -> None:
    place, _, numbers = identity_of(process.pid).rpartition("/")
    pid, _, started = numbers.partition("-")

    assert is_gone(f"{place}/{pid}-{int(started) - 1}")


@pytest.mark.parametrize(
    "worker",
    ["", "sync-1", "other-host/00000000-4026531836/1-1", f"{here()}/not-a-number", f"{here()}/1", "a/b/c/d"],
)
def test_what_cannot_be_known_is_not_gone(worker: str) -> None:
    assert not is_gone(worker)


@pytest.mark.parametrize(
    ("worker", "shown"),
    [("web-7/3f2a-40265/4711-99", "web-7 #4711"), ("sync-1", "sync-1"), ("", "")],
)
def test_short_name_is_machine_and_process(worker: str, shown: str) -> None:
    assert short_name(worker) == shown
