"""One sync by Patchbay's engine, for `benchmarks.throughput`: reads what to do as JSON, tells what it took."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

from django.conf import settings

from connectors.engine.run import run_sync, warm_up
from connectors.plan import Endpoint, LogLevel, StepName, StepStatus, SyncPlan, TablePlan


class Silent:
    """Hears what the engine tells, as cheaply as can be."""

    def step(self, name: StepName, status: StepStatus, detail: str = "") -> None:
        """Hear of a step."""

    def rows(self, table: str, *, extracted: int | None = None, loaded: int | None = None) -> None:
        """Hear of rows."""

    def columns(self, table: str, found: Mapping[str, str]) -> None:
        """Hear of columns."""

    def log(self, level: LogLevel, step: str, message: str) -> None:
        """Hear a line."""

    def check(self) -> None:
        """Go on."""


def peak_megabytes() -> float:
    """Return the most memory that this process has had, of itself alone: a parent's is not in it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Do it and print seconds and megabytes."""
    asked = json.load(sys.stdin)
    warm_up()
    # Reads them, as a worker did long ago.
    _ = settings.PATCHBAY_HOME
    plan = SyncPlan(
        source=Endpoint(**asked["source"]),
        destination=Endpoint(**asked["destination"]),
        entity_id=uuid4(),
        entity_ref=asked.get("entity", ""),
        pipeline=f"pb_{asked['name']}",
        dataset=asked["name"],
        tables=tuple(TablePlan(**{**table, "keys": tuple(table.get("keys", ()))}) for table in asked["tables"]),
        workdir=Path(mkdtemp(dir=asked["folder"])),
    )
    began = time.monotonic()
    run_sync(plan, Silent())
    print(json.dumps({"seconds": time.monotonic() - began, "megabytes": peak_megabytes()}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
