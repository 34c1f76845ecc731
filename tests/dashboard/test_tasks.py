"""The tasks of sessions: what beat calls exists, does its work, and is told on the System page when it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from dashboard import tasks
from dashboard.celery import app
from jobs.models import Pulse, Queue
from sessions_log.models import Session, TalliedDay
from tests.dashboard.pages import flat
from tests.dashboard.test_system import ADDRESS, add_workers, beat
from tests.sessions_log.telling import make_link

pytestmark = pytest.mark.django_db


def test_every_entry_of_beat_names_a_task_and_its_queue() -> None:
    app.loader.import_default_modules()

    schedule: dict[str, Any] = dict(settings.CELERY_BEAT_SCHEDULE)
    for name, entry in schedule.items():
        assert entry["task"] == name
        assert name in app.tasks
        assert entry["options"]["queue"] == Queue.SYSTEM
        assert entry["options"]["expires"] > 0


def test_sweep_ends_the_links_whose_time_is_over() -> None:
    late, _ = make_link(hours=-1)
    waiting, _ = make_link()

    tasks.sweep()

    late.refresh_from_db()
    waiting.refresh_from_db()
    assert (late.status, waiting.status) == ("expired", "created")
    assert Pulse.objects.get(name="sessions.sweep").detail == {"marked": 1}


def test_old_sessions_go_and_others_stay() -> None:
    kept, _ = make_link()
    old = Session.objects.create(id="00000000-0000-7000-8000-000000000000", expires_at=timezone.now())

    tasks.drop_old()

    assert list(Session.objects.all()) == [kept]
    assert not Session.objects.filter(pk=old.pk).exists()
    assert Pulse.objects.get(name="sessions.drop_old").detail == {"dropped": 1}


def test_rollup_adds_up_the_days_of_sessions() -> None:
    make_link()

    tasks.rollup()

    assert TalliedDay.objects.count() == 1
    assert Pulse.objects.get(name="sessions.rollup").detail == {"days": 1}


def test_sweep_that_does_not_run_is_told(viewer: Client) -> None:
    add_workers(*Queue.values)
    beat()
    beat("sessions.sweep")
    assert "sessions.sweep did not run" not in flat(viewer.get(ADDRESS))

    beat("sessions.sweep", ago=timedelta(minutes=6))

    page = flat(viewer.get(ADDRESS))
    assert "The task sessions.sweep did not run lately" in page
    assert "meanwhile nobody is found to have left" in page
