"""Real sandbox servers: each a process of its own, or one inside the test's process whose clock the test holds."""

from collections.abc import Callable, Iterator

import pytest

from tests.sandbox.running import Running, start_sandbox_process
from tests.sandbox.serving import Clock, Visitor, serving

Start = Callable[..., Running]


@pytest.fixture(scope="module")
def start_sandbox() -> Iterator[Start]:
    """Start sandboxes on free ports; keyword arguments become PATCHBAY_SANDBOX_ variables."""
    started: list[Running] = []

    def start(*arguments: str, **settings: str) -> Running:
        started.append(start_sandbox_process(*arguments, **settings))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.session.close()
        sandbox.process.kill()
        sandbox.process.communicate()


@pytest.fixture(scope="module")
def sandbox(start_sandbox: Start) -> Running:
    """Start a sandbox that all tests of a module share; whoever turns a knob uses `knobs`."""
    return start_sandbox()


@pytest.fixture
def knobs(sandbox: Running) -> Iterator[Callable[[object], None]]:
    """Turn the shared sandbox's knobs for one test."""

    def turn(document: object) -> None:
        assert sandbox.turn_knobs(document).status_code == 200

    yield turn
    turn({})


@pytest.fixture
def clock() -> Clock:
    """The time of the sandbox inside the test's process."""
    return Clock()


@pytest.fixture
def url(clock: Clock) -> Iterator[str]:
    """The address of a sandbox inside the test's process."""
    with serving(clock) as address:
        yield address


@pytest.fixture
def visitor(url: str) -> Visitor:
    """Somebody who goes through its pages."""
    return Visitor(url)
