"""The guards that the faults lean on, and how a run goes without one: the proof that a fault's checks can fail.

A guard is taken out by replacing one function or constant of the product at run time, in the processes that it works
in: `lab` names it to them in PATCHBAY_FAULT_WITHOUT. The product has no switch for it. A guard that is a rule of the
database is taken out there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

WITHOUT = "PATCHBAY_FAULT_WITHOUT"
# Where a guard works: a process of the lab by its name, or the test's own process, which calls services as pages do.
TEST = "test"
INTERACTIVE, SYNC, SYSTEM, DISPATCH = "worker-interactive", "worker-sync", "worker-system", "dispatch"

# Puts a value in the place of an attribute, or of an item of a dictionary.
Put = Callable[[Any, Any, Any], None]


@dataclass(frozen=True, slots=True)
class Guard:
    """What holds a fault off: its name, what it is in words, where it works, and how it is taken out there.

    `statements` take it out of the database, and put it back.
    """

    name: str
    about: str
    places: frozenset[str]
    take_out: Callable[[Put], None]
    statements: tuple[str, str] = ("", "")


GUARDS: dict[str, Guard] = {}


def guard(about: str, *places: str) -> Callable[[Callable[[Put], None]], Callable[[Put], None]]:
    """Register a guard under the name of the function that takes it out."""

    def register(take_out: Callable[[Put], None]) -> Callable[[Put], None]:
        name = take_out.__name__
        assert name not in GUARDS
        GUARDS[name] = Guard(name, about, frozenset(places), take_out)
        return take_out

    return register


def rule(name: str, about: str, out: str, back: str) -> None:
    """Register a guard that is a rule of the database, with the statements that take it out and put it back."""
    GUARDS[name] = Guard(name, about, frozenset(), lambda _: None, (out, back))


def named(names: Iterable[str]) -> tuple[Guard, ...]:
    """Return the guards of these names. Raises `KeyError`."""
    _load()
    return tuple(GUARDS[name] for name in names)


def every() -> dict[str, Guard]:
    """Return all guards by name."""
    _load()
    return GUARDS


def take_out_here() -> None:
    """Take out of this process, for good, what PATCHBAY_FAULT_WITHOUT names."""
    for one in named(filter(None, os.environ.get(WITHOUT, "").split(","))):
        one.take_out(put)


def put(owner: Any, name: Any, value: Any) -> None:
    """Put a value in the place of an attribute or item that is there; a guard that was renamed must not stay unseen."""
    if isinstance(owner, dict):
        assert name in owner
        owner[name] = value
    else:
        getattr(owner, name)
        setattr(owner, name, value)


def put_back_later(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Return what puts values in places as `put` does, until the end of a test."""

    def replace(owner: Any, name: Any, value: Any) -> None:
        (monkeypatch.setitem if isinstance(owner, dict) else monkeypatch.setattr)(owner, name, value)

    return replace


def _load() -> None:
    """Register all guards; they need Django's models."""
    from tests.faults.harness import without_data, without_jobs  # noqa: F401, PLC0415 - as it says
