"""Clocks around the parts of a job in a worker: each part's own milliseconds, one line of JSON per job.

What a part calls that has a clock too is not counted twice. Only the main thread is timed; it waits for the others.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.installation import SPANS

# What dlt does itself: its pipeline's steps, without what they call of ours.
DLT = ("dlt: pipeline", "dlt: restore state", "dlt: extract", "dlt: normalize", "dlt: load")
TOTAL = "total"


class _Clock:
    """The parts that are running now, innermost last, and what each took so far."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self._running: list[list[Any]] = []

    def begin(self, name: str) -> None:
        self._running.append([name, time.perf_counter(), 0.0])

    def end(self) -> float:
        name, began, inner = self._running.pop()
        took = time.perf_counter() - began
        self.own[name] += took - inner
        if self._running:
            self._running[-1][2] += took
        return float(took)


_clock = _Clock()


def install() -> None:
    """Put a clock around each part. Each job's parts go to the file that the environment names."""
    from celery import current_app  # noqa: PLC0415 - Django is set up by then
    from dlt.pipeline.pipeline import Pipeline  # noqa: PLC0415 - heavy

    from connectors import postgres as pg  # noqa: PLC0415 - likewise
    from connectors.destinations import postgres as destination  # noqa: PLC0415 - likewise
    from connectors.engine import context, run  # noqa: PLC0415 - heavy
    from connectors.providers.postgres import access, source  # noqa: PLC0415 - needs settings
    from jobs import reporter, runner, tasks  # noqa: PLC0415 - likewise
    from jobs.handlers import data_sync  # noqa: PLC0415 - likewise
    from jobs.services import finish  # noqa: PLC0415 - likewise

    for owner, name, label in (
        (runner, "start", "claim the job"),
        (runner, "redactor", "open secrets"),
        (reporter.JobReporter, "__enter__", "reporter: begin"),
        (reporter.JobReporter, "finish", "reporter: write the rest"),
        (reporter.JobReporter, "__exit__", "reporter: end"),
        (data_sync, "_fresh_folder", "folder"),
        (data_sync, "make_plan", "plan"),
        (access, "check_schema", "read the source"),
        (pg, "connect", "sign in at both sides"),
        (destination, "count_rows", "count what arrived"),
        (context, "enter", "dlt: settings"),
        (run._Run, "_pipeline", DLT[0]),  # noqa: SLF001 - the parts of a run are private to it
        (run, "standing_tables", "look at the destination's tables"),
        (Pipeline, "sync_destination", DLT[1]),
        (Pipeline, "extract", DLT[2]),
        (Pipeline, "normalize", DLT[3]),
        (Pipeline, "load", DLT[4]),
        (source._Reader, "_highest_cursor", "read the source"),  # noqa: SLF001 - likewise
        (source, "_shapes", "read the source"),
        (finish, "succeed", "record the end"),
        (tasks, "_refill", "publish the next"),
    ):
        setattr(owner, name, _timed(label, getattr(owner, name)))
    whole = current_app.tasks["jobs.run"]
    setattr(whole, "run", _job(whole.run, Path(os.environ[SPANS])))  # noqa: B010 - a method, by design


def _timed(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return function(*args, **kwargs)
        _clock.begin(label)
        try:
            return function(*args, **kwargs)
        finally:
            _clock.end()

    return timed


def _job(function: Callable[..., Any], file: Path) -> Callable[..., Any]:
    def job(*args: Any, **kwargs: Any) -> Any:
        _clock.own.clear()
        _clock.begin("everything else")
        try:
            return function(*args, **kwargs)
        finally:
            total = _clock.end()
            line = json.dumps({TOTAL: total, **_clock.own})
            with file.open("a", encoding="ascii") as lines:
                lines.write(f"{line}\n")

    return job
