"""A small process manager: starts processes, merges their output, restarts what dies, and ends everything at the end.

The usual managers for a Procfile (honcho and its like) end all processes when one dies. Here a killed worker must come
back while the rest goes on, so this is our own. Each process leads a session of its own, so a Ctrl-C at the terminal
reaches only us, and its whole group can be signalled, children of workers included.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dashboard.stack.errors import StackError
from dashboard.stack.groups import group_is_alive
from dashboard.stack.output import Lines, Output
from dashboard.stack.register import ProcessRegister

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
# A process that ran this long is taken to have worked: the next delay is the first one again.
STEADY_SECONDS = 30.0
GROUP_POLL_SECONDS = 0.05
FORCED_SECONDS = 5.0
DRAIN_SECONDS = 1.0


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started and stopped.

    ``stage`` orders the stop: the highest stage goes first, all of one stage together. ``grace`` is in seconds, from
    the ``stop_signal`` to SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    stage: int = 0
    grace: float = 10.0
    stop_signal: signal.Signals = signal.SIGTERM
    # Processes that end by themselves, such as a migration, are neither restarted nor announced.
    once: bool = False


@dataclass
class _Running:
    """A started process. ``lines`` reads its output, ``group`` is its process group and session."""

    spec: ProcessSpec
    process: asyncio.subprocess.Process
    lines: Lines
    transport: asyncio.ReadTransport
    since: float = field(default_factory=time.monotonic)

    @property
    def group(self) -> int:
        return self.process.pid


class Supervisor:
    """Runs processes until ``stop``. All methods belong to one event loop, in the main thread."""

    def __init__(self, output: Output, register: ProcessRegister) -> None:
        self._output = output
        self._register = register
        self._running: dict[str, _Running] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._forced = asyncio.Event()

    async def start(self, spec: ProcessSpec) -> None:
        """Start a process and keep it running; raise StackError when its program cannot be started at all."""
        running = await self._spawn(spec)
        self._keepers[spec.name] = asyncio.create_task(self._keep(running), name=f"keep {spec.name}")

    async def run(self, spec: ProcessSpec) -> None:
        """Run a process to its end; raise StackError when it fails. Its output is in the log by then."""
        running = await self._spawn(spec)
        try:
            code = await running.process.wait()
            await _drained(running)
        finally:
            await self._end(running)
        if code != 0 and not self._stopping:
            message = f"The step '{spec.name}' failed ({describe_exit(code)}); its lines above say why."
            raise StackError(message)

    def is_running(self, name: str) -> bool:
        """Say whether the process is kept: it runs now, or it will be started again."""
        return not self._stopping and name in self._keepers

    def force(self) -> None:
        """Give up all patience: every process that ``stop`` is still waiting for is killed at once."""
        self._forced.set()

    async def stop(self) -> None:
        """End every process with its descendants, the highest stage first; returns when nothing of ours is left."""
        self._stopping = True
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        for stage in sorted({running.spec.stage for running in self._running.values()}, reverse=True):
            members = [running for running in self._running.values() if running.spec.stage == stage]
            await asyncio.gather(*(self._end(running) for running in members))

    async def _spawn(self, spec: ProcessSpec) -> _Running:
        if self._stopping:
            message = "Stopping."
            raise StackError(message)
        loop = asyncio.get_running_loop()
        reader, writer = os.pipe()
        transport, lines = await loop.connect_read_pipe(lambda: Lines(spec.name, self._output), os.fdopen(reader, "rb"))
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                cwd=spec.cwd,
                env=dict(spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
            )
        except OSError as error:
            transport.close()
            message = f"Cannot start {spec.name}: {error}"
            raise StackError(message) from error
        finally:
            os.close(writer)
        running = _Running(spec=spec, process=process, lines=lines, transport=transport)
        self._running[spec.name] = running
        self._register.add(spec.name, process.pid, spec.stop_signal)
        return running

    async def _keep(self, running: _Running) -> None:
        """Wait for the end of a process and start it again, later each time, until cancelled."""
        delay = FIRST_DELAY
        while True:
            code = await running.process.wait()
            spec = running.spec
            if time.monotonic() - running.since >= STEADY_SECONDS:
                delay = FIRST_DELAY
            # What the dead process left in its group would work on beside its successor.
            _kill_group(running.group)
            await _drained(running)
            self._register.remove(running.group)
            self._output.line(spec.name, f"ended ({describe_exit(code)}); starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)
            running = await self._respawn(spec)

    async def _respawn(self, spec: ProcessSpec) -> _Running:
        while True:
            try:
                return await self._spawn(spec)
            except StackError as error:
                self._output.line(spec.name, str(error))
                await asyncio.sleep(LONGEST_DELAY)

    async def _end(self, running: _Running) -> None:
        """Ask a process to stop, wait for its grace, then kill its group; return when the group is empty."""
        descendants = _descendants(running.group)
        if running.process.returncode is None and not self._forced.is_set():
            with contextlib.suppress(ProcessLookupError):
                running.process.send_signal(running.spec.stop_signal)
            await self._wait(running, running.spec.grace)
        _kill_group(running.group)
        # Servers may give their children sessions of their own, which the group's signal does not reach.
        for process in descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await running.process.wait()
        await _group_is_gone(running.group)
        await _drained(running)
        self._running.pop(running.spec.name, None)
        self._register.remove(running.group)

    async def _wait(self, running: _Running, seconds: float) -> None:
        """Wait for the end of the process, for ``seconds``, or for ``force``, whichever is first."""
        ended = asyncio.create_task(running.process.wait())
        forced = asyncio.create_task(self._forced.wait())
        done, pending = await asyncio.wait({ended, forced}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if not done:
            self._output.line(running.spec.name, f"did not stop within {seconds:g} s; killing it")


def describe_exit(code: int) -> str:
    """Return a return code in words: ``exit code 1``, ``signal SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _descendants(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


async def _group_is_gone(group: int) -> None:
    """Wait until a killed group has no member left; the kernel needs a moment to take each away."""
    deadline = time.monotonic() + FORCED_SECONDS
    while group_is_alive(group) and time.monotonic() < deadline:  # noqa: ASYNC110 - the kernel gives no event for a group
        await asyncio.sleep(GROUP_POLL_SECONDS)


async def _drained(running: _Running) -> None:
    """Wait for the rest of a dead process' output; a process outside its group may hold the pipe open for longer."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(running.lines.closed), timeout=DRAIN_SECONDS)
    running.transport.close()
