"""The list of workers and the pulses of system tasks: what the System page and the dispatch read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from jobs.models import Pulse, Worker
from jobs.services import presence, pulse
from tests.jobs.processes import ROOT, identity_of
from tests.servers import POSTGRES
from tests.waiting import wait_until


@pytest.mark.django_db(transaction=True)
def test_worker_is_listed_while_it_lives_and_gone_after_an_orderly_stop() -> None:
    environ = {**os.environ, "DATABASE_URL": POSTGRES.server.url(str(database.settings_dict["NAME"]))}
    words = ("--quiet", "-A", "dashboard", "worker", "-Q", "interactive", "-c", "2", "-n", "interactive@%h")
    process = subprocess.Popen([sys.executable, "-m", "celery", *words], cwd=ROOT, env=environ)
    try:
        wait_until(Worker.objects.exists, seconds=30, what="the worker's row")
        worker = Worker.objects.get()
        assert worker.identity == f"{identity_of(process.pid)}:interactive"
        assert (worker.queue, worker.slots, worker.draining_at) == ("interactive", 2, None)
        assert presence.slots_by_queue() == {"interactive": 2}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
    assert not Worker.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_worker_that_drains_or_is_not_seen_has_no_slots() -> None:
    presence.be_seen("sync@here", ["sync", "bulk"], 2)
    assert presence.slots_by_queue() == {"sync": 2, "bulk": 2}

    Worker.objects.filter(queue="bulk").update(seen_at=timezone.now() - timedelta(seconds=31))
    assert presence.slots_by_queue() == {"sync": 2}
    presence.be_seen("sync@here", ["sync", "bulk"], 3)
    assert presence.slots_by_queue() == {"sync": 3, "bulk": 3}
    presence.be_drained()
    assert presence.slots_by_queue() == {}

    Worker.objects.create(
        identity="dead", queue="sync", slots=1, started_at=timezone.now(), seen_at=timezone.now() - timedelta(days=2)
    )
    assert presence.forget_the_dead() == 1
    presence.leave()
    assert not Worker.objects.exists()


@pytest.mark.django_db
def test_pulse_is_one_row_that_each_run_renews() -> None:
    assert pulse.measured("reap", lambda: 3, "taken_back") == 3
    first = Pulse.objects.get()
    assert (first.name, first.detail) == ("reap", {"taken_back": 3})

    pulse.beat("reap", 12)
    again = Pulse.objects.get()
    assert (again.took_ms, again.detail) == (12, {})
    assert again.at >= first.at


@pytest.mark.django_db
def test_task_that_fails_leaves_no_pulse() -> None:
    def fails() -> int:
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        pulse.measured("tick", fails)
    assert not Pulse.objects.exists()
