"""One stack for all tests of this folder, which run after all others and end with the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.browser import Chromium
from tests.e2e import records
from tests.e2e.stack import Stack, start
from tests.e2e.visitor import Visitor, visiting
from tests.ports import free_port

LAST = "test_stop.py"

Visit = Callable[..., AbstractContextManager[Visitor]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of this folder last, since they take longest, and those that end the stack after them.

    Where tests are spread, `tests.spread` sorts once more after this.
    """
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path.parent == here) + (item.path == here / LAST))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the demo, as its first start leaves it: first syncs and visits are over, and no schedule is due."""
    running = start(tmp_path_factory.mktemp("e2e") / "home", free_port())
    try:
        running.wait_until_ready()
        running.wait_for_visits()
        records.hold_schedules(running)
        records.wait_for_rest(running, seconds=120)
        # A slot that was being claimed in that moment has planned its successor meanwhile.
        records.hold_schedules(running)
        yield running
    finally:
        if running.process.poll() is None:
            running.end()


@pytest.fixture
def visit(browser: Chromium, stack: Stack) -> Visit:
    """Give a function that opens a window for a role: `with visit("operator") as visitor`."""
    return partial(visiting, browser, stack)
