"""A reporter that remembers, and plans to hand to the engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

from connectors.engine.run import run_sync
from connectors.plan import Endpoint, LogLevel, Mode, StepName, StepStatus, Stopped, SyncPlan, SyncResult, TablePlan

Trigger = Callable[[str, str], bool]


def never(_kind: str, _what: str) -> bool:
    return False


class Recorder:
    """Remembers what it is told. `stop_when` and `die_when` see each event, as (kind, what), and end the run there."""

    def __init__(self, *, stop_when: Trigger = never, die_when: Trigger = never) -> None:
        self.steps: list[tuple[str, str]] = []
        self.details: dict[str, str] = {}
        self.extracted: dict[str, list[int]] = {}
        self.loaded: dict[str, list[int]] = {}
        self.lines: list[str] = []
        self.shapes: dict[str, dict[str, str]] = {}
        self._stop_when = stop_when
        self._die_when = die_when
        self._is_stopped = False

    def step(self, name: StepName, status: StepStatus, detail: str = "") -> None:
        self.steps.append((name, status))
        self.details[name] = detail
        self._see("step", f"{name} {status}")

    def rows(self, table: str, *, extracted: int | None = None, loaded: int | None = None) -> None:
        if extracted is not None:
            self.extracted.setdefault(table, []).append(extracted)
            self._see("extracted", table)
        if loaded is not None:
            self.loaded.setdefault(table, []).append(loaded)
            self._see("loaded", table)

    def columns(self, table: str, found: Mapping[str, str]) -> None:
        self.shapes[table] = dict(found)

    def log(self, level: LogLevel, step: str, message: str) -> None:
        self.lines.append(f"{level} {step} {message}")

    def check(self) -> None:
        if self._is_stopped:
            raise Stopped("cancelled_by_user")

    def _see(self, kind: str, what: str) -> None:
        if self._die_when(kind, what):
            os.kill(os.getpid(), signal.SIGKILL)
        self._is_stopped = self._is_stopped or self._stop_when(kind, what)


def table(name: str, *keys: str, mode: Mode = "replace", cursor: str = "", columns: tuple[str, ...] = ()) -> TablePlan:
    return TablePlan(name=name, keys=keys, mode=mode, cursor=cursor, columns=columns)


class Route:
    """One source and one destination, synced again and again, each time in a folder of its own."""

    def __init__(self, source: Endpoint, destination: Endpoint, folder: Path, *, entity: str = "public") -> None:
        self.id = uuid4()
        self.source = source
        self.destination = destination
        self.dataset = f"d_{self.id.hex[:12]}"
        self._entity = entity
        self._folder = folder

    def plan(self, *tables: TablePlan) -> SyncPlan:
        workdir = self._folder / uuid4().hex
        workdir.mkdir(parents=True)
        return SyncPlan(
            source=self.source,
            destination=self.destination,
            entity_id=self.id,
            entity_ref=self._entity,
            pipeline=f"pb_{self.id.hex}",
            dataset=self.dataset,
            tables=tables,
            workdir=workdir,
        )

    def sync(self, *tables: TablePlan, recorder: Recorder | None = None) -> SyncResult:
        return run_sync(self.plan(*tables), recorder or Recorder())

    def sync_and_die(self, *tables: TablePlan, die_when: Trigger) -> int:
        """Sync in a forked child that kills itself at the trigger; return the signal that ended it."""
        plan = self.plan(*tables)
        child = os.fork()
        if child == 0:
            try:
                run_sync(plan, Recorder(die_when=die_when))
            finally:
                os._exit(99)
        return os.WTERMSIG(os.waitpid(child, 0)[1])
