"""Looks whether a destination can be written to, step by step, while a person waits.

The process of the page asks, within short time limits: what is proposed is stored nowhere before it was checked, and
a job belongs to a connection, which a new destination has none of. So a probe loads nothing heavy: of a DuckDB file it
reads the first bytes, and whether a worker can open it shows with the next load.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from connectors.destinations import registry
from connectors.plan import TEST_STEPS, Endpoint, SyncError
from connectors.secrets import Redactor
from connectors.services.asking import ask_in_time

PATIENCE_SECONDS = 15.0
# A database that does not exist is told to whoever has been let in.
_AFTER_SIGN_IN = {"misconfigured", "insufficient_permissions"}


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """One step: "success", "failed" or "skipped", how long it took, and what was found in a sentence."""

    name: str
    status: str
    milliseconds: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. Without a `code` all is well; `detail` holds the destination's own words, secrets removed."""

    steps: tuple[CheckedStep, ...]
    code: str = ""
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the destination can be written to."""
        return not self.code

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)


def stored_check(stored: Mapping[str, Any]) -> Check | None:
    """Return the check that was stored as `stored`; None where there was none yet."""
    if not stored:
        return None
    return Check(tuple(CheckedStep(**step) for step in stored["steps"]), stored["code"], stored["detail"])


def check(endpoint: Endpoint) -> Check:
    """Probe the destination and return what was found, a failure too."""
    try:
        return ask_in_time(lambda: _probe(endpoint), seconds=PATIENCE_SECONDS)
    except SyncError as error:
        return _failed([], TEST_STEPS[0], error, round(PATIENCE_SECONDS * 1000))


def _probe(endpoint: Endpoint) -> Check:
    redact = Redactor(endpoint.secrets.values())
    passed: list[CheckedStep] = []
    with closing(registry.destination(endpoint.kind).probe(endpoint)) as found:
        for name in TEST_STEPS:
            began = time.monotonic()
            try:
                said = next(found)
            except SyncError as error:
                known = SyncError(error.code, redact(error.detail))
                return _failed(passed, name, known, _milliseconds(began))
            passed.append(CheckedStep(name, "success", _milliseconds(began), redact(said)))
    return Check(tuple(passed))


def _failed(passed: list[CheckedStep], name: str, error: SyncError, milliseconds: int) -> Check:
    """Return the check of which the step `name` failed, and the ones after it were not reached."""
    if name == "authentication" and error.code in _AFTER_SIGN_IN:
        passed.append(CheckedStep(name, "success", milliseconds, "The sign-in is accepted"))
        name, milliseconds = "permissions", 0
    steps = [*passed, CheckedStep(name, "failed", milliseconds, error.detail)]
    skipped = [CheckedStep(one, "skipped") for one in TEST_STEPS[len(steps) :]]
    return Check((*steps, *skipped), error.code, error.detail)


def _milliseconds(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
