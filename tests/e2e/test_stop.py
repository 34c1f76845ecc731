"""The end of a stack. This ends the stack of all others, so it runs last."""

from __future__ import annotations

import signal

from dashboard.stack.processes import WORKERS
from tests.e2e.stack import Stack

PARTS = sorted(["beat", "postgres", "redis", "sandbox", "web", *(name for name, *_ in WORKERS)])


def test_ctrl_c_ends_every_process(stack: Stack) -> None:
    assert stack.parts() == PARTS
    assert len(stack.commands()) > len(PARTS)
    assert stack.strays() == []

    assert stack.end(signal.SIGINT) == 0

    assert stack.commands() == []
    assert stack.text().rstrip().endswith("| stopped")
