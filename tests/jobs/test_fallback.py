"""The stand-in for beat: it ticks while nobody else does, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from jobs.models import Job, Pulse
from jobs.services import pulse
from jobs.services.fallback import Fallback
from tests.jobs.chain import make_due, published, ready_entity
from tests.jobs.processes import ROOT
from tests.servers import POSTGRES
from tests.waiting import wait_until


@pytest.mark.django_db(transaction=True)
def test_it_ticks_while_no_tick_comes_and_stops_when_they_come_again() -> None:
    published()
    loop = Fallback()
    make_due(ready_entity())

    assert loop.step() is True
    assert published() == [[str(Job.objects.get().pk)]]
    assert {"dispatch", "reap"} <= set(Pulse.objects.values_list("name", flat=True))

    pulse.beat("tick", 1)
    make_due(ready_entity())
    assert loop.step() is False
    assert Job.objects.count() == 1

    Pulse.objects.filter(name="tick").update(at=timezone.now() - timedelta(seconds=31))
    assert loop.step() is True
    assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_command_makes_due_jobs_and_ends_when_told_to() -> None:
    make_due(ready_entity())
    environ = {**os.environ, "DATABASE_URL": POSTGRES.server.url(str(database.settings_dict["NAME"]))}
    process = subprocess.Popen([sys.executable, "manage.py", "dispatch"], cwd=ROOT, env=environ)
    try:
        wait_until(Job.objects.exists, seconds=20, what="the due job")
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
    published()
