"""Named points inside a worker at which a test lets the process die, and the ledger of what each attempt wrote when.

A test arms a point by a file `<point>.<number>` in the folder PATCHBAY_FAULT_POINTS; each file kills one process. Right
before it records how its attempt ended, a process can also be held. The functions that are wrapped here do their own
work unchanged before or after.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

FOLDER = "PATCHBAY_FAULT_POINTS"
# Variables with seconds, for what the product waits for longer than a test need: until it sends a message again, takes
# beat for gone, ends work that does not stop after a cancel.
REPUBLISH_SECONDS = "PATCHBAY_FAULT_REPUBLISH_SECONDS"
SILENT_SECONDS = "PATCHBAY_FAULT_SILENT_SECONDS"
FORCE_SECONDS = "PATCHBAY_FAULT_FORCE_SECONDS"
LEDGER = "ledger"
POINTS = ("publish", "begin", "extracted", "load", "loaded", "recorded")
_HOLD, _HELD = "end.hold", "end.held"
_LOOK_SECONDS = 0.02


def arm(folder: Path, point: str, *, times: int = 1) -> None:
    """Let the next processes that come by a point die there."""
    assert point in POINTS
    for number in range(times):
        (folder / f"{point}.{number}").touch()


def disarm(folder: Path) -> None:
    """Take back every point that nobody came by."""
    for left in folder.glob("*.*"):
        left.unlink(missing_ok=True)


def armed(folder: Path, point: str) -> int:
    """Return how many processes may still die at a point."""
    return len(list(folder.glob(f"{point}.*")))


def hold(folder: Path) -> None:
    """Let each process wait that is about to record how its attempt ended."""
    (folder / _HOLD).touch()


def is_held(folder: Path) -> bool:
    """Whether a process came by and waits."""
    return (folder / _HELD).exists()


def release(folder: Path) -> None:
    """Let those that wait go on."""
    (folder / _HOLD).unlink()


def _wait_at_end(folder: Path) -> None:
    while (folder / _HOLD).exists():
        (folder / _HELD).touch()
        time.sleep(_LOOK_SECONDS)


def _die_at(folder: Path, point: str) -> None:
    for flag in folder.glob(f"{point}.*"):
        try:
            flag.unlink()
        except FileNotFoundError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str, act: Callable[..., None]) -> None:
    """Call `act` with the positional arguments of each call of a function, before it."""
    inner = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        act(*args)
        return inner(*args, **kwargs)

    setattr(owner, name, wrapped)


def _after(owner: Any, name: str, act: Callable[[], None]) -> None:
    inner = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = inner(*args, **kwargs)
        act()
        return result

    setattr(owner, name, wrapped)


def install() -> None:
    """Wrap the points of this process; those of the engine only where the engine is loaded anyway."""
    from jobs import reporter, runner  # noqa: PLC0415 - Django is set up by then
    from jobs.services import dispatch, fallback, finish  # noqa: PLC0415 - likewise

    folder = Path(os.environ[FOLDER])
    dispatch.REPUBLISH_AFTER = timedelta(seconds=float(os.environ[REPUBLISH_SECONDS]))
    fallback.SILENT = timedelta(seconds=float(os.environ[SILENT_SECONDS]))
    reporter._FORCE_AFTER_SECONDS = float(os.environ[FORCE_SECONDS])
    _before(dispatch, "publish", lambda leases: _die_at(folder, "publish") if leases else None)
    _before(runner, "handler", lambda _: _die_at(folder, "begin"))
    _before(runner, "_record", lambda *_: _wait_at_end(folder))
    _after(finish, "succeed", lambda: _die_at(folder, "recorded"))
    if any(word in {"sync", "bulk"} for word in sys.argv):
        _install_in_engine(folder)


def _install_in_engine(folder: Path) -> None:
    from dlt.pipeline.pipeline import Pipeline  # noqa: PLC0415 - heavy, and only where it is needed

    from connectors.engine.destinations.postgres import Copy  # noqa: PLC0415 - imports dlt

    _before(Pipeline, "normalize", lambda *_: _die_at(folder, "extracted"))
    _after(Copy, "run", lambda: _die_at(folder, "load"))
    inner = Pipeline.load

    def load(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        _note(folder, "begin", pipeline.pipeline_name)
        result = inner(pipeline, *args, **kwargs)
        _note(folder, "end", pipeline.pipeline_name)
        _die_at(folder, "loaded")
        return result

    Pipeline.load = load  # type: ignore[method-assign,assignment]


def _note(folder: Path, what: str, pipeline: str) -> None:
    """Add a line to the ledger. One write below the size of a pipe's buffer is not torn by another process."""
    line = f"{time.monotonic():.6f} {os.getpid()} {what} {pipeline}\n"
    with (folder / LEDGER).open("a", encoding="ascii") as ledger:
        ledger.write(line)
