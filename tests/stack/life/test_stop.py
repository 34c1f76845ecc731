"""The end of a stack and its next start, of which one is killed in the middle of a sync."""

from __future__ import annotations

import json
import signal

from playwright.sync_api import expect

from dashboard.stack.processes import WORKERS
from tests.browser import Chromium
from tests.e2e import records
from tests.e2e.visitor import visiting
from tests.stack.life.conftest import Begin, stack_of
from tests.stack.life.test_newcomer import ROWS
from tests.stack.up import Up, status
from tests.waiting import wait_until

PARTS = sorted(["beat", "postgres", "redis", "sandbox", "web", *(name for name, *_ in WORKERS)])
MORE_ROWS = 200_000


def test_term_ends_every_process(up: Up, browser: Chromium) -> None:
    with visiting(browser, stack_of(up), "admin") as visitor:
        visitor.open("/")
        expect(visitor.row("Harbour")).to_contain_text("Active")
    assert len(up.left()) > 5

    assert up.stop(signal.SIGTERM) == 0

    assert up.left() == []
    assert up.text().rstrip().endswith("| stopped")


def test_no_password_is_in_the_log_but_those_to_sign_in(up: Up) -> None:
    secrets = json.loads((up.home / "secrets.json").read_text())

    assert [name for name, secret in secrets.items() if secret in up.text()] == []


def test_next_start_keeps_everything_and_survives_a_kill(up: Up, begin: Begin, browser: Chromium) -> None:
    assert up.process.poll() is not None
    again = begin()
    again.wait_for("ready after")
    assert "making the first user" not in again.text()
    second = stack_of(again)
    more = f"INSERT INTO berths SELECT n FROM generate_series({ROWS['berths'] + 1}, {MORE_ROWS}) n"
    second.run(more, database="harbour")
    # The cookies of before still open it, so the keys and the sessions are those of before.
    with visiting(browser, second, "admin") as visitor:
        visitor.open("/")
        expect(visitor.row("Harbour")).to_contain_text("Active")
        with visitor.page.expect_response("**/sync/"):
            visitor.press("Harbour", "Sync now")
    job = records.last_job(second, "Harbour")
    wait_until(
        lambda: records.job(second, job.id).status == "running", seconds=records.JOB_SECONDS, what="the sync runs"
    )

    again.stop(signal.SIGKILL)
    last = begin()
    last.wait_for("ready after")
    third = stack_of(last)

    assert (third.parts(), third.strays()) == (PARTS, [])
    assert status(third.port) == 200
    assert records.wait_for_end(third, job.id).status == "success"
    landed = third.rows("SELECT count(*), count(DISTINCT id) FROM harbour.berths", database="lake")
    assert landed == [(MORE_ROWS, MORE_ROWS)]
    assert last.stop(signal.SIGINT) == 0
    assert last.left() == third.commands() == []
