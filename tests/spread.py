"""How the tests of a run are spread over processes (`-n 3`): in units that share what is dear to start.

Loaded as a pytest plugin (`-p tests.spread`). Each process has its own servers, so units need not know of each other.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.harness import mode

FAULTS = "tests/faults/"
# Folders whose tests share a running stack: one process does all of them.
LABS = ("tests/e2e/", "tests/stack/life/", FAULTS)
# The longest units. They begin first, so that the short ones fill the end. A file of a lab that stands here has a stack
# of its own.
LONGEST = (
    "tests/e2e/",
    "tests/stack/life/",
    "tests/dashboard/test_connect_browser.py",
    "tests/dashboard/test_actions_matrix_browser.py",
    "tests/dashboard/test_connect_reach.py",
    "tests/dashboard/test_sessions_browser.py",
    "tests/stack/test_up_first.py",
    FAULTS,
)


def unit(nodeid: str) -> str:
    """Return the unit of a test: its file, or the folder of its lab.

    Where the faults are all there is, each process has a lab, and a unit is a file, or what is without the same guards.
    """
    file, _, test = nodeid.partition("::")
    if file.startswith(FAULTS) and mode.IS_OF_GUARDS:
        return test.partition("[")[2].partition("-")[0].rstrip("]")
    if file.startswith(FAULTS) and mode.IS_WHOLE:
        return file
    return file if file in LONGEST else next((lab for lab in LABS if file.startswith(lab)), file)


def _rank(item: pytest.Item) -> int:
    found = unit(item.nodeid)
    return LONGEST.index(found) if found in LONGEST else len(LONGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole units, in the order in which the processes found them."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - without -n, xdist need not be there

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit
    return scheduler


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest units first where tests are spread. A run in one process begins with the quick ones."""
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)
