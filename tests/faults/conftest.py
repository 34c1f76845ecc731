"""One lab for all faults, the settings that let our own services speak to it, and the table at the end.

`make test` runs the short ones; `make faults` (PATCHBAY_FAULTS=all, or `-m fault`) all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection as database
from pytest_django import DjangoDbBlocker

from connectors.models import Connection
from tests.faults.harness import history
from tests.faults.harness.doing import SMALL, connect, sync, wait_for_end, wait_for_rest
from tests.faults.harness.lab import Lab
from tests.faults.harness.report import ROWS, Row, table

_FIRST_SYNC_SECONDS = 60.0


def pytest_configure(config: pytest.Config) -> None:
    """Name our marks."""
    config.addinivalue_line("markers", "fault: breaks something of a running lab (make faults)")
    config.addinivalue_line("markers", "short: a fault that make test runs too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long faults out unless they were asked for."""
    if "fault" in config.option.markexpr or os.environ.get("PATCHBAY_FAULTS") == "all":
        return
    long = [item for item in items if item.get_closest_marker("fault") and not item.get_closest_marker("short")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in set(long)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of what was broken and what held."""
    if ROWS:
        terminalreporter.section("faults")
        for line in table():
            terminalreporter.write_line(line)


@contextmanager
def _pointed_at(lab: Lab) -> Iterator[None]:
    """Let Django and Celery of this process speak to the lab, past its proxies."""
    server = lab.postgres.server
    stored = dict(database.settings_dict)
    database.close()
    database.settings_dict.update(
        NAME="patchbay", HOST="127.0.0.1", PORT=server.port, PASSWORD=server.password, USER="patchbay"
    )
    try:
        yield
    finally:
        database.close()
        database.settings_dict.clear()
        database.settings_dict.update(stored)


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Lab]:
    """Start a lab and wait until its first sync is over, so that every worker is warm."""
    lab = Lab(tmp_path_factory.mktemp("lab") / "home")
    try:
        with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, _pointed_at(lab):
            patch.setenv("CELERY_BROKER_URL", lab.redis.server.url())
            call_command("migrate", verbosity=0, interactive=False)
            lab.start()
            first = sync(connect(lab, SMALL))
            assert wait_for_end(lab, first, seconds=_FIRST_SYNC_SECONDS) == "success"
        yield lab
    finally:
        lab.close()


@pytest.fixture
def lab(_started: Lab, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The lab at rest, and at rest again afterwards."""
    lab = _started
    monkeypatch.setenv("CELERY_BROKER_URL", lab.redis.server.url())
    monkeypatch.setattr(settings, "PATCHBAY_LEASE_SECONDS", 6)
    with django_db_blocker.unblock(), _pointed_at(lab):
        lab.heal()
        lab.clear()
        yield lab
        lab.heal()


class Fault:
    """What a fault's test tells: what it did, and, once all is over, that everything held."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab, self._name = lab, name
        self._began = time.monotonic()

    def strike(self) -> None:
        """Start the clock: the fault happens now."""
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Return how long ago the fault happened."""
        return time.monotonic() - self._began

    def held(self, done: str, kept: str, *connections: Connection, bound: float | None = None) -> None:
        """Check the whole history at rest and add a row to the table. `bound` is the longest recovery in seconds."""
        seconds = self.seconds()
        wait_for_rest(self._lab)
        violations = history.check(self._lab, *connections)
        if bound is not None and seconds > bound:
            violations.append(f"I10: it took {seconds:.1f} s, and {bound:g} s were promised")
        ROWS.append(Row(self._name, done, kept if not violations else "; ".join(violations), seconds))
        assert violations == []


@pytest.fixture
def fault(lab: Lab, request: pytest.FixtureRequest) -> Fault:
    """The fault of this test, named by it: `test_f01_...` is F01."""
    return Fault(lab, request.node.name.split("_")[1].upper() + _variant(request))


def _variant(request: pytest.FixtureRequest) -> str:
    spec = getattr(request.node, "callspec", None)
    return f" {spec.id}" if spec else ""
