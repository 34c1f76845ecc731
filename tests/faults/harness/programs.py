"""The programs of the lab: those of `manage.py up`, told to wait for seconds where the product waits for minutes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from dashboard.stack import processes
from dashboard.stack.environment import Place
from dashboard.stack.supervisor import ProcessSpec
from tests.faults.harness import guards, points
from tests.sandbox.running import ROOT

LEASE_SECONDS = 6
NO_PROGRESS_SECONDS = 8
REPUBLISH_SECONDS = 4
SILENT_SECONDS = 10
FORCE_SECONDS = 5
_SHORT = {
    "PATCHBAY_LEASE_SECONDS": str(LEASE_SECONDS),
    "PATCHBAY_HEARTBEAT_SECONDS": "1",
    "PATCHBAY_NO_PROGRESS_SECONDS": str(NO_PROGRESS_SECONDS),
    "PATCHBAY_IN_FLIGHT": "6",
    points.REPUBLISH_SECONDS: str(REPUBLISH_SECONDS),
    points.SILENT_SECONDS: str(SILENT_SECONDS),
    points.FORCE_SECONDS: str(FORCE_SECONDS),
}
# What our module takes the place of.
_REPLACED = (["-m", "celery"], ["manage.py"])


def workers_and_beat(
    home: Path, folder: Path, *, database_url: str, redis_url: str, source_port: int
) -> list[ProcessSpec]:
    """Return the workers and beat, with `folder` for the points, and last the dispatcher, which stands in for beat."""
    place = Place(root=ROOT, home=home, web_port=0, sandbox_port=source_port, demo=False)
    environment = {
        **os.environ,
        **_SHORT,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PATCHBAY_HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        points.FOLDER: str(folder),
    }
    dispatcher = processes.manage(guards.DISPATCH, ("dispatch",), place, environment)
    return [
        replace(spec, command=_with_points(spec.command))
        for spec in (*processes.workers(place, environment), dispatcher)
    ]


def _with_points(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the product's own command, with our module in the place of Celery's or Django's."""
    words = list(command)
    for place in range(len(words)):
        for replaced in _REPLACED:
            if words[place : place + len(replaced)] == replaced:
                rest = words[place + len(replaced) :]
                return (*words[:place], "-m", "tests.faults.harness.process", *rest)
    message = f"{command} is no program that the faults know."
    raise AssertionError(message)
