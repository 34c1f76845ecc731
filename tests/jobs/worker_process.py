"""A worker's process for tests: takes one job and says on its output what it does.

`hold`: takes the job and waits. `report`: reports through a `JobReporter` and checks for a cancel. Both go on until
they are killed, or end themselves when they lose their lease.
"""

from __future__ import annotations

import sys
import time
from uuid import UUID

import django

django.setup()

from connectors.plan import Stopped  # noqa: E402 - Django comes first
from connectors.secrets import Redactor  # noqa: E402
from jobs import reporter as reporters  # noqa: E402
from jobs.services.start import Claim, start  # noqa: E402
from jobs.services.workers import identity  # noqa: E402

reporters.BEAT_SECONDS = 0.05


def say(line: str) -> None:
    print(line, flush=True)


def report(claim: Claim) -> None:
    with reporters.JobReporter(claim, Redactor([])) as reporter:
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


def main(mode: str, job_id: str) -> None:
    claim = start(job_id=UUID(job_id), worker=identity())
    assert claim is not None
    say("started")
    if mode == "report":
        report(claim)
    else:
        sys.stdin.read()


main(*sys.argv[1:])
