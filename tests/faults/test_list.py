"""The list of faults is whole, and each names a guard that can be taken out: what `make guards` then proves."""

from __future__ import annotations

import pytest

from tests.faults import test_crowds, test_database, test_messages, test_people, test_processes, test_schedules
from tests.faults import test_source as of_source
from tests.faults.harness import guards

REQUIRED = {
    *(1, 2, 3, 5, 6, *range(10, 19), *range(20, 24), *range(27, 33), 35, 36, 38, 39, 41, 42),
}
MODULES = (test_crowds, test_database, test_messages, test_people, test_processes, test_schedules, of_source)
FAULTS = {
    name: test
    for module in MODULES
    for name, test in vars(module).items()
    if name.startswith("test_f") and name[6:8].isdigit()
}


def _marks(test: object) -> list[pytest.Mark]:
    return [mark for mark in getattr(test, "pytestmark", []) if mark.name == "guard"]


def test_every_fault_that_must_be_tried_is() -> None:
    assert {int(name[6:8]) for name in FAULTS} >= REQUIRED


@pytest.mark.parametrize("name", FAULTS)
def test_fault_names_its_guard_and_says_what_fails_without(name: str) -> None:
    marks = _marks(FAULTS[name])

    assert marks
    assert all(guards.named(mark.args) and mark.kwargs["says"] for mark in marks)
    assert "ithout" in (FAULTS[name].__doc__ or "")


@pytest.mark.parametrize("name", guards.every())
def test_guard_can_be_taken_out_of_the_product_as_it_is_now(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Raises for what was renamed or moved.
    guards.every()[name].take_out(guards.put_back_later(monkeypatch))


def test_every_guard_is_taken_out_by_some_fault() -> None:
    named = {guard for test in FAULTS.values() for mark in _marks(test) for guard in mark.args}

    assert named == set(guards.every())
