"""The order of a start: what waits for what, what is said at the end, and how it all ends."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from dashboard.stack import postgres, processes, redis
from dashboard.stack.environment import Place, child_environment
from dashboard.stack.errors import StackError
from dashboard.stack.files import read_object, write_private
from dashboard.stack.groups import adopt_orphans, end_children
from dashboard.stack.home import held, home_path, load_secrets, prepare_home
from dashboard.stack.output import Output
from dashboard.stack.ports import HOST, kept_port, require_free, web_port
from dashboard.stack.register import ProcessRegister
from dashboard.stack.supervisor import ProcessSpec, Supervisor

SELF = "patchbay"
# Which data the first start put in, and the addresses stored with it.
FIRST_START = "first-start.json"
WEB_SECONDS = 60.0
POLL_SECONDS = 0.05
SAME_REQUEST_SECONDS = 0.5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(root: Path, environ: Mapping[str, str], *, empty: bool, output: Output) -> int:
    """Run the whole stack until it is told to stop; return the exit code (1 when it could not start).

    ``root`` is the checkout, ``empty`` leaves the demo data out on the first start.
    """
    started = time.monotonic()
    # What we and our children write is for this account only.
    os.umask(0o077)
    try:
        port = web_port(environ)
        home = home_path(environ, root)
        prepare_home(home)
        with held(home):
            # What a killed start left may still hold our port.
            left = ProcessRegister(home).end_leftovers()
            if left:
                output.line(SELF, f"ended what an earlier start had left running: {', '.join(left)}")
            require_free(port)
            stack = _Stack(root, home, port, environ, output)
            return asyncio.run(stack.run(empty=empty, started=started))
    except StackError as error:
        output.text(str(error))
        return 1


@dataclass(frozen=True)
class _Servers:
    """The servers of our own; None where the person named one of theirs."""

    postgres: postgres.PostgresServer | None
    redis: redis.RedisServer | None

    def addresses(self) -> dict[str, str]:
        found = {}
        if self.postgres:
            found["DATABASE_URL"] = self.postgres.url()
        if self.redis:
            found["REDIS_URL"] = self.redis.url()
        return found


class _Stack:
    """One start, from the servers to the printed address."""

    def __init__(self, root: Path, home: Path, port: int, environ: Mapping[str, str], output: Output) -> None:
        self._root, self._home, self._port, self._environ, self._output = root, home, port, environ, output
        self._register = ProcessRegister(home)
        self._supervisor = Supervisor(output, self._register)
        self._told_to_stop = asyncio.Event()
        self._told_at = 0.0
        self._redis: redis.RedisServer | None = None

    async def run(self, *, empty: bool, started: float) -> int:
        adopt_orphans()
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        starting = asyncio.create_task(self._start(empty=empty, started=started))
        told = asyncio.create_task(self._told_to_stop.wait())
        try:
            await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await told
        except StackError as error:
            self._output.line(SELF, str(error))
            return 1
        else:
            return 0
        finally:
            await self._end(starting)

    def _on_signal(self, number: signal.Signals) -> None:
        if not self._told_to_stop.is_set():
            self._told_at = time.monotonic()
            self._told_to_stop.set()
            self._output.line(SELF, "stopping; a second Ctrl-C ends everything at once")
        # One request may come twice: make hands a TERM on to us that its whole group, we included, has got already.
        elif number == signal.SIGINT and time.monotonic() - self._told_at > SAME_REQUEST_SECONDS:
            self._supervisor.force()

    async def _end(self, starting: asyncio.Task[None]) -> None:
        starting.cancel()
        # Its failure, if any, was told already.
        with contextlib.suppress(asyncio.CancelledError, StackError):
            await starting
        await self._supervisor.stop()
        end_children()
        if self._redis:
            self._redis.clean()
        self._output.line(SELF, "stopped")

    async def _start(self, *, empty: bool, started: float) -> None:
        first = read_object(self._home / FIRST_START)
        place = Place(
            root=self._root,
            home=self._home,
            web_port=self._port,
            sandbox_port=kept_port(self._home, "sandbox"),
            demo=bool(first.get("demo", not empty)),
        )
        secrets = load_secrets(self._home)
        servers = await self._prepare_servers()
        environment = child_environment(self._environ, place, secrets, servers.addresses())
        await self._start_processes(place, servers, environment)
        is_filled = await self._fill(place, servers, environment, first)
        await self._wait_for_web()
        self._say_ready(place, time.monotonic() - started)
        if is_filled and place.demo:
            # Over HTTP, so the web must be there; nobody waits for them, and nothing ends where they cannot come.
            with contextlib.suppress(StackError):
                await self._supervisor.run(processes.manage("demo", ("demo", "--visits"), place, environment))

    async def _prepare_servers(self) -> _Servers:
        theirs = {name for name in ("DATABASE_URL", "REDIS_URL") if self._environ.get(name)}
        if "REDIS_URL" not in theirs:
            self._redis = redis.prepare(self._home)
        server = None
        if "DATABASE_URL" not in theirs:
            if not (self._home / "postgres").exists():
                self._output.line(SELF, "first start: making the database")
            server = await asyncio.to_thread(postgres.prepare, self._home)
        return _Servers(postgres=server, redis=self._redis)

    async def _start_processes(self, place: Place, servers: _Servers, environment: dict[str, str]) -> None:
        """Start everything; what does not need another thing starts at the same time."""
        self._output.line(SELF, "starting the servers, the web and the workers")
        await self._supervisor.start(processes.sandbox(place, environment))
        async with _group() as group:
            group.create_task(self._collect_and_serve(place, environment))
            group.create_task(self._migrate_and_work(place, servers, environment))

    async def _collect_and_serve(self, place: Place, environment: dict[str, str]) -> None:
        # The web reads the list of static files once, at its start.
        words = ("collectstatic", "--no-input", "--verbosity", "0")
        await self._supervisor.run(processes.manage("static", words, place, environment))
        await self._supervisor.start(processes.web(place, environment))

    async def _migrate_and_work(self, place: Place, servers: _Servers, environment: dict[str, str]) -> None:
        async with _group() as group:
            if servers.redis:
                group.create_task(self._start_redis(servers.redis))
            if servers.postgres:
                group.create_task(self._start_postgres(servers.postgres))
        words = ("migrate", "--no-input", "--verbosity", "0")
        await self._supervisor.run(processes.manage("migrate", words, place, environment))
        for spec in processes.workers(place, environment):
            await self._supervisor.start(spec)

    async def _start_postgres(self, server: postgres.PostgresServer) -> None:
        spec = ProcessSpec(
            name="postgres",
            command=server.command,
            cwd=self._root,
            environment=postgres.environment(),
            stage=processes.SERVERS,
            grace=postgres.STOP_SECONDS,
            stop_signal=signal.SIGINT,
        )
        await self._supervisor.start(spec)
        await asyncio.to_thread(server.wait_until_ready, lambda: self._supervisor.is_running("postgres"))
        try:
            await asyncio.to_thread(server.create_database)
        except psycopg.Error as error:
            message = f"Cannot create the database: {error}"
            raise StackError(message) from error

    async def _start_redis(self, server: redis.RedisServer) -> None:
        spec = ProcessSpec(
            name="redis",
            command=server.command,
            cwd=self._root,
            environment=dict(self._environ),
            stage=processes.SERVERS,
        )
        await self._supervisor.start(spec)
        await asyncio.to_thread(server.wait_until_ready, lambda: self._supervisor.is_running("redis"))

    async def _fill(self, place: Place, servers: _Servers, environment: dict[str, str], first: dict[str, Any]) -> bool:
        """Put in the data of a first start, and again when an address that it stored has changed since.

        Returns whether it did.
        """
        addresses = {"sandbox": place.sandbox_port, "postgres": servers.postgres.port if servers.postgres else None}
        wanted = {"demo": place.demo, **addresses}
        if first == wanted:
            return False
        self._output.line(SELF, "putting in the demo" if place.demo else "making the first user")
        words = ("demo",) if place.demo else ("demo", "--empty")
        await self._supervisor.run(processes.manage("demo", words, place, environment))
        write_private(self._home / FIRST_START, json.dumps(wanted))
        return True

    async def _wait_for_web(self) -> None:
        deadline = time.monotonic() + WEB_SECONDS
        while not await asyncio.to_thread(_answers, self._port):
            if time.monotonic() > deadline:
                message = f"The web server gave no page within {WEB_SECONDS:g} s; its lines above say why."
                raise StackError(message)
            await asyncio.sleep(POLL_SECONDS)

    def _say_ready(self, place: Place, seconds: float) -> None:
        users = read_object(self._home / "demo-credentials.json").get("users", {})
        width = max((len(name) for name in users), default=0)
        people = [f"{name:<{width}}  {password}" for name, password in users.items()]
        rows = [("Sign in as" if number == 0 else "", person) for number, person in enumerate(people)]
        if not self._environ.get("PATCHBAY_EMAIL_HOST"):
            rows.append(("Mails in", self._environ.get("PATCHBAY_EMAIL_DIR") or str(place.mail)))
        rows += [("Data in", str(self._home)), ("Stop with", "Ctrl-C")]
        self._output.text(f"\n  Patchbay is ready after {seconds:.1f} s: {place.web_url}\n")
        for label, text in rows:
            self._output.text(f"  {label:<12}{text}")
        self._output.text("")


@contextlib.asynccontextmanager
async def _group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises its first failure as it is, since one line for a person needs one reason."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def _answers(port: int) -> bool:
    """Say whether the web gives a page that is not a fault of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
