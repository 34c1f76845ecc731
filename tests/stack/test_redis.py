"""The embedded Redis: real, reachable through Celery's transport wherever the home folder lies."""

import os
import stat
from pathlib import Path

import kombu
import pytest

from dashboard.stack import redis
from dashboard.stack.errors import StackError


def round_trip(url: str) -> object:
    """Send one message through the broker as Celery does, and return what arrives."""
    with kombu.Connection(url) as connection, connection.SimpleQueue("trip") as queue:
        queue.put({"job": 1})
        message = queue.get(timeout=5)
        message.ack()
        return message.payload


@pytest.mark.parametrize("name", ["home", "a home", "x" * 120 + " y"])
def test_a_message_passes_wherever_the_home_lies(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    running = redis.start(home)

    try:
        assert round_trip(running.server.url()) == {"job": 1}
        assert len(os.fsencode(running.server.socket)) <= redis.LONGEST_PATH
        assert stat.S_IMODE(running.server.socket.stat().st_mode) == 0o700
    finally:
        running.stop()
    assert not running.server.socket.exists()
    assert running.server.socket.parent == home or not running.server.socket.parent.exists()


def test_a_short_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    folder = redis.socket_path(home).parent
    folder.chmod(0o755)

    try:
        with pytest.raises(StackError, match="not a private folder of this account"):
            redis.socket_path(home)
    finally:
        folder.rmdir()
