"""One lab for all faults, and the settings that let our own services speak to it.

`make test` runs the short ones; `make faults` (PATCHBAY_FAULTS=all, or `-m fault`) all of them; `make guards`
(PATCHBAY_FAULTS=guards) each without its guard, see `harness.proof`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection as database
from pytest_django import DjangoDbBlocker

from connectors.models import Connection
from tests.faults.harness import guards, history, mode, proof
from tests.faults.harness.doing import SMALL, connect, sync, wait_for_end, wait_for_rest
from tests.faults.harness.guards import Guard
from tests.faults.harness.lab import Lab
from tests.faults.harness.report import ROWS, Row

_FIRST_SYNC_SECONDS = 60.0


def pytest_configure(config: pytest.Config) -> None:
    """Name our marks."""
    config.addinivalue_line("markers", "fault: breaks something of a running lab (make faults)")
    config.addinivalue_line("markers", "short: a fault that make test runs too")
    config.addinivalue_line("markers", "guard(*names, says, **case): what holds the fault off (make guards)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make the runs without guards."""
    if mode.IS_OF_GUARDS:
        proof.generate(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long faults out unless they were asked for."""
    if mode.IS_OF_GUARDS:
        wanted = proof.chosen(items)
    elif mode.IS_WHOLE or "fault" in config.option.markexpr:
        return
    else:
        wanted = [item for item in items if not item.get_closest_marker("fault") or item.get_closest_marker("short")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
    items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Turn the outcome of a run without guards round."""
    if not proof.is_without(pyfuncitem):
        return (yield)
    with proof.proven(pyfuncitem):
        yield
    return True


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


# By package: it is ended with the last of its tests, and does not work on beside all later ones.
@pytest.fixture(scope="package")
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


@pytest.fixture(autouse=True)
def guards_out(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Guard, ...]:
    """The guards that this run is made without; none but in `make guards`. Those of this process are out now."""
    mark: pytest.Mark | None = getattr(request, "param", None)
    out = guards.named(mark.args) if mark and not mode.ARE_GUARDS_IN else ()
    for one in out:
        if guards.TEST in one.places:
            one.take_out(guards.put_back_later(monkeypatch))
    return out


@pytest.fixture
def lab(
    _started: Lab, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch, guards_out: tuple[Guard, ...]
) -> Iterator[Lab]:
    """The lab at rest, and at rest again afterwards."""
    lab = _started
    mode.PATIENCE.begin()
    monkeypatch.setenv("CELERY_BROKER_URL", lab.redis.server.url())
    monkeypatch.setattr(settings, "PATCHBAY_LEASE_SECONDS", 6)
    with django_db_blocker.unblock(), _pointed_at(lab):
        lab.take_out(guards_out)
        lab.heal()
        lab.clear()
        with _without_rules(lab, guards_out):
            if mode.IS_OF_GUARDS:
                lab.wait_until_ready()
            yield lab
            if guards_out:
                lab.forget_jobs()
        if not guards_out:
            lab.heal()


@contextmanager
def _without_rules(lab: Lab, out: tuple[Guard, ...]) -> Iterator[None]:
    statements = [one.statements for one in out if any(one.statements)]
    for take_out, _ in statements:
        lab.rows(take_out)
    yield
    for _, put_back in statements:
        lab.rows(put_back)


class Fault:
    """What a fault's test tells: what it did, and, once all is over, that everything held."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab, self._name = lab, name
        self._began = time.monotonic()
        self.has_struck = False

    def strike(self) -> None:
        """Start the clock: the fault happens now."""
        self._began = time.monotonic()
        self.has_struck = True
        mode.PATIENCE.shorten()

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
        assert violations == [], violations[0]


@pytest.fixture
def fault(lab: Lab, request: pytest.FixtureRequest) -> Fault:
    """The fault of this test, named by it: `test_f01_...` is F01."""
    return Fault(lab, proof.name_of(request.node))


@pytest.fixture
def noted(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Adds a row to the table, for a fault that needs no lab."""
    began = time.monotonic()

    def note(done: str, kept: str) -> None:
        ROWS.append(Row(proof.name_of(request.node), done, kept, time.monotonic() - began))

    return note
