"""One home folder through its life, which these tests share in the order of their files: it begins, somebody works, it
stops and begins again. Its first start is killed half-way, so all of it stands on what the next start makes of that.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.stack import Stack
from tests.ports import free_port
from tests.stack.up import Up, start

Begin = Callable[[], Up]


def stack_of(up: Up) -> Stack:
    """Return what may be known of a start beyond its output: its databases, its processes."""
    return Stack(home=up.home, port=up.port, log=up.log, process=up.process)


@pytest.fixture(scope="package")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Give a function that starts on the home folder; what still runs at the end is ended."""
    home, port = tmp_path_factory.mktemp("up") / "a home", free_port()
    started: list[Up] = []

    def begin_() -> Up:
        # The databases that the newcomer connects are on this machine, which only the demo allows by itself.
        started.append(start(home, port, PATCHBAY_ALLOWED_NETWORKS="127.0.0.0/8"))
        return started[-1]

    yield begin_
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture(scope="package")
def up(begin: Begin) -> Up:
    """The start after one that was killed."""
    killed = begin()
    killed.wait_for("making the first user")
    killed.stop(signal.SIGKILL)
    return begin()
