"""What the tests of pages share: a payroll provider to connect to, and a minute that does not end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.sandbox.running import Running, start_sandbox_process
from tests.waiting import wait_until

_SECONDS_LEFT = 6


@pytest.fixture
def same_minute() -> None:
    """Begin with some seconds of the minute left: pages tell times to the minute, so an answer is new with each."""
    wait_until(lambda: timezone.now().second < 60 - _SECONDS_LEFT, what="the next minute", seconds=2 * _SECONDS_LEFT)


@pytest.fixture(scope="session")
def _sandbox_process() -> Iterator[Running]:
    running = start_sandbox_process()
    yield running
    running.process.terminate()
    running.stderr_after()
    running.session.close()


@pytest.fixture
def sandbox(_sandbox_process: Running, settings: Settings) -> Iterator[Running]:
    """The sandbox provider, known to this installation and allowed to be reached; nobody typed a wrong password yet."""
    settings.PATCHBAY_SANDBOX_URL = _sandbox_process.url
    settings.PATCHBAY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    yield _sandbox_process
    for user in ("nora", "wanda"):
        assert _sandbox_process.sign_in(user).status_code == 200  # which ends the count of wrong tries
