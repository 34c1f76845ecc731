"""A real MariaDB for tests: the server of Debian's package, in a folder of its own, on a free port of this machine.

`MARIADBD` names the program where it is not among the usual ones. The server does not wait for the disk, and its system
tables are made by a bootstrap of the two files that it needs, so that it answers within two seconds.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql

from tests.ports import free_port

READY_SECONDS = 30.0
ADMIN = "patchbay_admin"
_SCRIPTS = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
_OPTIONS = (
    "--no-defaults",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-innodb-doublewrite",
    "--innodb-buffer-pool-size=48M",
    "--innodb-log-file-size=16M",
    "--innodb-use-native-aio=0",
    "--aria-pagecache-buffer-size=8M",
    "--key-buffer-size=8M",
    "--performance-schema=OFF",
    "--max-connections=40",
    "--character-set-server=utf8mb4",
)


@dataclass(frozen=True)
class MariaDb:
    """A running server; `password` is that of its one user `ADMIN`, who may do everything."""

    port: int
    password: str
    socket: Path

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """Open a connection as the administrator, in autocommit."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=ADMIN, password=self.password, database=database,
            autocommit=True, charset="utf8mb4",
        )  # fmt: skip


def program() -> str:
    """Return the path of the server's program. Raises `RuntimeError` with what to install."""
    places = (os.environ.get("MARIADBD"), shutil.which("mariadbd"), "/usr/sbin/mariadbd", "/usr/sbin/mysqld")
    for place in places:
        if place and Path(place).exists():
            return place
    message = "The tests need MariaDB: install it (apt install mariadb-server-core) or name mariadbd with MARIADBD."
    raise RuntimeError(message)


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[MariaDb]:
    """Make a server in the empty `folder`, give it once it answers, and stop it at the end."""
    mariadbd, data = program(), folder / "data"
    data.mkdir(parents=True)
    account = ("--user=root",) if os.geteuid() == 0 else ()
    common = (mariadbd, *_OPTIONS, *account, f"--datadir={data}", f"--tmpdir={folder}")
    _bootstrap(common)
    port, password, socket = free_port(), secrets.token_urlsafe(12), _socket(folder)
    first = folder / "first.sql"
    first.write_text(
        f"CREATE USER '{ADMIN}'@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;\n"
    )
    words = (*common, f"--init-file={first}", "--bind-address=127.0.0.1", f"--port={port}", f"--socket={socket}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen((*words, *options), stdout=log, stderr=log)
    server = MariaDb(port, password, socket)
    try:
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(30)
        socket.unlink(missing_ok=True)


def _bootstrap(common: tuple[str, ...]) -> None:
    share = next(
        path for path in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")) if (path / _SCRIPTS[0]).exists()
    )
    statements = "CREATE DATABASE mysql;\nUSE mysql;\n" + "".join((share / name).read_text() for name in _SCRIPTS)
    ran = subprocess.run(
        (*common, "--bootstrap", "--enforce-storage-engine="),
        input=statements,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])


def _socket(folder: Path) -> Path:
    """A socket's path ends at 107 bytes, so it does not lie in the folder of a test."""
    return Path(os.environ.get("TMPDIR", "/tmp"), f"patchbay-mariadb-{os.getpid()}-{abs(hash(folder)) % 10**8}.sock")


def _wait(server: MariaDb, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.connect().close()
        except pymysql.err.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"MariaDB did not get ready:\n{log.read_text()[-3000:]}")
