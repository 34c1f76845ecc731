"""The end of a stack and its next start. These tests end the stack of all others, so they run last."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from dashboard.stack.processes import WORKERS
from tests.browser import Chromium
from tests.e2e import records
from tests.e2e.stack import Stack, start
from tests.e2e.visitor import visiting
from tests.stack.up import status
from tests.waiting import wait_until

PARTS = sorted(["beat", "postgres", "redis", "sandbox", "web", *(name for name, *_ in WORKERS)])


@pytest.fixture
def ended(stack: Stack) -> Stack:
    """The stack of all other tests after its end."""
    if stack.process.poll() is None:
        stack.end()
    return stack


@pytest.fixture
def again(ended: Stack) -> Iterator[list[Stack]]:
    """A list for stacks started on the same home folder; what still runs of them at the end is ended."""
    started: list[Stack] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.end()


def test_ctrl_c_ends_every_process(stack: Stack) -> None:
    assert stack.parts() == PARTS
    assert len(stack.commands()) > len(PARTS)
    assert stack.strays() == []

    assert stack.end(signal.SIGINT) == 0

    assert stack.commands() == []
    assert stack.text().rstrip().endswith("| stopped")


def test_next_start_keeps_everything_and_survives_a_kill(ended: Stack, again: list[Stack], browser: Chromium) -> None:
    second = start(ended.home, ended.port)
    again.append(second)
    second.wait_until_ready()
    assert "putting in the demo" not in second.text()
    # The cookies of before still open it, so the keys and the sessions are those of before.
    with visiting(browser, second, "operator") as visitor:
        visitor.open("/")
        expect(visitor.row("Webshop")).to_contain_text("Active")
        with visitor.page.expect_response("**/sync/"):
            visitor.press("Webshop", "Sync now")
    job = records.last_job(second, "Webshop")
    wait_until(lambda: records.job(second, job.id).status == "running", what="the sync runs")

    second.end(signal.SIGKILL)
    third = start(ended.home, ended.port)
    again.append(third)
    third.wait_until_ready()

    assert (third.parts(), third.strays()) == (PARTS, [])
    assert status(third.port) == 200
    assert records.wait_for_end(third, job.id).status == "success"
    orders = "SELECT count(*), count(DISTINCT id) FROM {}.orders"
    assert third.rows(orders.format("webshop"), database="warehouse") == [(50_000, 50_000)]
    assert third.end(signal.SIGINT) == 0
    assert third.commands() == []
