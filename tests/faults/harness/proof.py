"""`make guards`: each fault without its guard. Its own checks must fail then, after the fault and as expected.

A test names its guards by a mark, `@pytest.mark.guard("reaper", says="attempt 2")`: those that are taken out together,
and a pattern of what the check says then. Further words choose the case of a test that has several.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from tests.faults.harness import guards, mode
from tests.faults.harness.report import PROOFS, Proof

# The parameter that says which mark a run is made for.
PARAMETER = "guards_out"
_LONGEST = 110


def generate(metafunc: pytest.Metafunc) -> None:
    """Make a run per mark of each test that has some."""
    marks = list(metafunc.definition.iter_markers("guard"))
    if marks:
        metafunc.parametrize(PARAMETER, marks, ids=["+".join(mark.args) for mark in marks], indirect=True)


def chosen(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the runs to make, those without the same guards one after the other: processes need not start anew."""
    ours = [item for item in items if isinstance(item, pytest.Function) and _is_chosen(item)]
    ours.sort(key=lambda item: mark_of(item).args)
    return [*ours]


def _is_chosen(item: pytest.Function) -> bool:
    if not is_without(item):
        return False
    case = {name: value for name, value in mark_of(item).kwargs.items() if name != "says"}
    return case.items() <= item.callspec.params.items()


def is_without(item: pytest.Function) -> bool:
    """Whether a run is made for a mark."""
    return PARAMETER in getattr(getattr(item, "callspec", None), "params", {})


def mark_of(item: pytest.Function) -> pytest.Mark:
    """Return the mark that a run is made for."""
    return cast("pytest.Mark", item.callspec.params[PARAMETER])


@contextmanager
def proven(item: pytest.Function) -> Iterator[None]:
    """Run a test without its guards. Fails unless one of its checks does, after the fault and as the mark says.

    Anything else that the test raises is raised: a harness that breaks proves nothing.
    """
    if mode.ARE_GUARDS_IN:
        yield
        return
    began, mark = time.monotonic(), mark_of(item)
    try:
        yield
    except AssertionError as error:
        said = str(error)
        fault = item.funcargs.get("fault")
        assert getattr(fault, "has_struck", True), f"it failed before the fault happened: {said}"
        assert re.search(mark.kwargs["says"], said), f"it failed, and not as its mark says: {said}"
        without = " and ".join(one.about for one in guards.named(mark.args))
        PROOFS.append(Proof(name_of(item), without, _first_line(said), time.monotonic() - began))
        return
    pytest.fail(f"Nothing failed without {' and '.join(mark.args)}: the checks are too weak, or another guard holds.")


def name_of(item: pytest.Function) -> str:
    """Return the name of a fault, `F01` for `test_f01_...`, with its case."""
    name = item.originalname.split("_")[1].upper()
    spec = getattr(item, "callspec", None)
    case = spec.id if spec else ""
    if is_without(item):
        # Ours is the first part, and holds no hyphen.
        case = case.partition("-")[2]
    return f"{name} {case}".strip()


def _first_line(said: str) -> str:
    line = said.partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
