"""One home folder through its life, which these tests share in the order of their files: it begins, somebody works, it
stops. Its first start is killed half-way, so all of it stands on what the next start makes of that.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.ports import free_port
from tests.stack.up import Up, start


@pytest.fixture(scope="package")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The start after one that was killed."""
    home, port = tmp_path_factory.mktemp("up") / "a home", free_port()
    killed = start(home, port)
    killed.wait_for("making the first user")
    killed.stop(signal.SIGKILL)
    # The databases that the newcomer connects are on this machine, which only the demo allows by itself.
    again = start(home, port, PATCHBAY_ALLOWED_NETWORKS="127.0.0.0/8")
    yield again
    if again.process.poll() is None:
        again.stop()
