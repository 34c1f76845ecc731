"""A worker's process for tests: takes one job and says on its output what it does.

`hold`: takes the job and waits. `report`: reports through a `JobReporter` and checks for a cancel. `hang`: reports
once and then the same over and over. All go on until they are killed, or end themselves when they lose their lease.
`write`: does a write-back and is killed after the source has answered for a line, before that is recorded.
TERM tells them that their worker stops. `PATIENCE` is the time in seconds that work has to stop by itself.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from uuid import UUID

import django

django.setup()

from connectors.plan import SYNC_STEPS, Stopped  # noqa: E402 - Django comes first
from connectors.secrets import Redactor  # noqa: E402
from jobs import reporter as reporters  # noqa: E402
from jobs import runner  # noqa: E402
from jobs.services import action_lines, drain  # noqa: E402
from jobs.services.start import Claim, start  # noqa: E402
from jobs.services.workers import identity  # noqa: E402

reporters.BEAT_SECONDS = 0.05
reporters._FORCE_AFTER_SECONDS = reporters._DRAIN_SECONDS = float(os.environ.get("PATIENCE", "30"))
signal.signal(signal.SIGTERM, lambda *_: drain.begin())


def say(line: str) -> None:
    print(line, flush=True)


def report(claim: Claim) -> None:
    with reporters.JobReporter(claim, Redactor([]), SYNC_STEPS) as reporter:
        reporter.step("extract", "running")
        reporter.rows("orders", extracted=1)
        say("reporting")
        try:
            while True:
                reporter.check()
                reporter.rows("orders", extracted=int(time.monotonic() * 1000))
                time.sleep(0.01)
        except Stopped as stopped:
            say(f"stopped: {stopped.code}")


def hang(claim: Claim) -> None:
    with reporters.JobReporter(claim, Redactor([]), SYNC_STEPS) as reporter:
        reporter.step("extract", "running")
        say("reporting")
        while True:
            reporter.rows("orders", extracted=1)
            time.sleep(0.01)


def write(job_id: UUID) -> None:
    def die(**_: object) -> None:
        say("answered")
        os.kill(os.getpid(), signal.SIGKILL)

    action_lines.record = die  # type: ignore[assignment]
    runner.run_job(job_id)


def main(mode: str, job_id: str) -> None:
    if mode == "write":
        write(UUID(job_id))
        return
    claim = start(job_id=UUID(job_id), worker=identity())
    assert claim is not None
    say("started")
    if mode in {"report", "hang"}:
        (report if mode == "report" else hang)(claim)
    else:
        sys.stdin.read()


main(*sys.argv[1:])
