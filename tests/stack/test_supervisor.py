"""The supervisor: restarts what dies, ends everything, and tells of both."""

import asyncio
import io
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from dashboard.stack.errors import StackError
from dashboard.stack.groups import is_alive
from dashboard.stack.output import Output
from dashboard.stack.register import FILE, ProcessRegister
from dashboard.stack.supervisor import ProcessSpec, Supervisor

SECONDS = 10.0
# Says its number, then that of a child in its group and of one in a session of its own, as a database's are.
FAMILY = """
import os, signal, subprocess, sys
wait = [sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"]
print("pids", os.getpid(), subprocess.Popen(wait).pid, subprocess.Popen(wait, start_new_session=True).pid, flush=True)
signal.pause()
"""
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pids", os.getpid(), flush=True)
while True:
    signal.pause()
"""


class Stage:
    """A supervisor with its log, and the means to wait for a line of it."""

    def __init__(self, folder: Path) -> None:
        self.log = io.StringIO()
        self.folder = folder
        self.supervisor = Supervisor(Output(self.log), ProcessRegister(folder))

    def spec(self, code: str, *, name: str = "one", grace: float = 5.0, stage: int = 0) -> ProcessSpec:
        command = (sys.executable, "-u", "-c", code)
        return ProcessSpec(
            name=name, command=command, cwd=self.folder, environment=dict(os.environ), grace=grace, stage=stage
        )

    async def lines(self, word: str, count: int = 1) -> list[str]:
        """Wait for `count` lines with `word` and return them."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = [line for line in self.log.getvalue().splitlines() if word in line]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)
        pytest.fail(f"no {count} lines with {word!r} in:\n{self.log.getvalue()}")

    async def pids(self, count: int = 1) -> list[psutil.Process]:
        """Wait for the last line of process numbers and return those processes."""
        words = (await self.lines("| pids", count))[-1].rpartition("pids ")[2].split()
        return [psutil.Process(int(word)) for word in words]


def play(folder: Path, scene: Callable[[Stage], Awaitable[None]]) -> str:
    """Play a scene, stop whatever it started, and return the log."""

    async def whole() -> str:
        stage = Stage(folder)
        try:
            await scene(stage)
        finally:
            stage.supervisor.force()
            await stage.supervisor.stop()
        return stage.log.getvalue()

    return asyncio.run(whole())


def test_a_killed_process_is_started_again_and_its_children_are_not_left(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.supervisor.start(stage.spec(FAMILY))
        leader, child, other = await stage.pids()

        leader.kill()

        assert await stage.lines("ended (signal SIGKILL); starting it again in 1 s")
        again, *_ = await stage.pids(count=2)
        assert again.pid != leader.pid
        assert not is_alive(child)
        other.kill()

    play(tmp_path, scene)


def test_stop_leaves_no_descendant_of_any_session(tmp_path: Path) -> None:
    family: list[psutil.Process] = []

    async def scene(stage: Stage) -> None:
        await stage.supervisor.start(stage.spec(FAMILY))
        family.extend(await stage.pids())
        assert len(family) == 3

        await stage.supervisor.stop()

        assert [process.pid for process in family if is_alive(process)] == []
        assert '"processes": []' in (stage.folder / FILE).read_text()

    play(tmp_path, scene)


def test_a_process_that_ignores_term_is_killed_after_its_grace(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.supervisor.start(stage.spec(STUBBORN, grace=0.2))
        (process,) = await stage.pids()

        await stage.supervisor.stop()

        assert not is_alive(process)

    assert "did not stop within 0.2 s; killing it" in play(tmp_path, scene)


def test_force_ends_the_wait_for_a_grace(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.supervisor.start(stage.spec(STUBBORN, grace=600.0))
        (process,) = await stage.pids()
        stopping = asyncio.create_task(stage.supervisor.stop())

        stage.supervisor.force()

        await asyncio.wait_for(stopping, SECONDS)
        assert not is_alive(process)

    play(tmp_path, scene)


def test_stop_goes_from_the_highest_stage_down(tmp_path: Path) -> None:
    code = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("bye"), sys.exit()))
print("ready")
signal.pause()
"""

    async def scene(stage: Stage) -> None:
        for name, number in (("server", 0), ("source", 1), ("work", 2)):
            await stage.supervisor.start(stage.spec(code, name=name, stage=number))
        await stage.lines("| ready", count=3)

        await stage.supervisor.stop()

    log = play(tmp_path, scene)
    assert [line.split()[1] for line in log.splitlines() if "| bye" in line] == ["work", "source", "server"]


def test_a_failing_step_is_one_line_after_its_output(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(StackError, match=r"The step 'migrate' failed \(exit code 3\)"):
            await stage.supervisor.run(stage.spec("print('no table'); raise SystemExit(3)", name="migrate"))

        assert await stage.lines("| no table")

    play(tmp_path, scene)


def test_a_program_that_is_missing_is_one_line(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        spec = ProcessSpec(name="web", command=("/nowhere/web",), cwd=tmp_path, environment={})

        with pytest.raises(StackError, match="Cannot start web"):
            await stage.supervisor.start(spec)

    play(tmp_path, scene)


def test_output_is_cut_into_named_lines_without_colour(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        code = "import os; os.write(1, b'one\\ntw'); os.write(1, b'o\\n'); os.write(2, b'end')"
        await stage.supervisor.run(stage.spec(code, name="talker"))

    texts = [line.partition("| ")[2] for line in play(tmp_path, scene).splitlines()]
    assert texts == ["one", "two", "end"]


def test_a_reader_that_goes_away_does_not_stop_the_output() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        output = Output(stream)

        output.line("web", "one")
        output.line("web", "two")
