"""Ten thousand entities are due in the same second, and meanwhile a person presses *Test connection*."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.installation import WORK, Installation, say, wait_until
from benchmarks.payroll import fill, make_connections

if TYPE_CHECKING:
    from connectors.models import Connection

SHAPES = ((200, 50), (1, 10_000))
_MADE_SECONDS = 120.0
_TEST_SECONDS = 60.0
_WATCHED_SECONDS = 10.0


def measure(here: Installation) -> None:
    """Print how long it takes until each slot has its job, and how long tests wait meanwhile."""
    here.start_workers(**{WORK: "none"})
    asked = make_connections(here, 1, prefix="Asked")[0]
    _test(asked)
    for connections, entities in SHAPES:
        _crowd(here, asked, connections, entities)


def _crowd(here: Installation, asked: Connection, connections: int, entities: int) -> None:
    from django.utils import timezone  # noqa: PLC0415 - Django is set up late

    from connectors.models import Entity  # noqa: PLC0415 - likewise
    from jobs.models import Job  # noqa: PLC0415 - likewise

    made = make_connections(here, connections, prefix=f"Crowd of {entities}")
    fill(made, entities)
    crowd = Entity.objects.filter(connection__in=made)
    jobs = Job.objects.filter(connection__in=made)
    wanted = crowd.count()
    with _tests_pressed(asked) as waits:
        crowd.update(next_run_at=timezone.now() - timedelta(seconds=1))
        began = time.monotonic()
        wait_until(lambda: jobs.count() >= wanted, seconds=_MADE_SECONDS, what="each slot has its job")
        seconds = time.monotonic() - began
    crowd.update(next_run_at=None)
    slots = list(jobs.values_list("entity", "slot_at"))
    say(f"{connections:,} connections with {entities:,} entities each, all due in one second:")
    say(f"  each of the {wanted:,} slots had its job after {seconds:.1f} s; {len(slots) - len(set(slots))} had two")
    say(f"  {len(waits)} connection tests pressed meanwhile started after {min(waits):.2f} to {max(waits):.2f} s")
    _tell_rate(jobs)
    _forget(jobs)


def _tell_rate(jobs: Any) -> None:
    done = jobs.filter(status="success")
    began, before = time.monotonic(), done.count()
    time.sleep(_WATCHED_SECONDS)
    rate = (done.count() - before) / (time.monotonic() - began) * 60
    say(f"  then {rate:,.0f} syncs without work a minute, two at a time")


def _forget(jobs: Any) -> None:
    """Take the rest of the crowd away, so that the next measurement begins from rest."""
    from django.utils import timezone  # noqa: PLC0415 - Django is set up late

    from jobs.models import Lease  # noqa: PLC0415 - likewise

    Lease.objects.filter(job__in=jobs, state="pending").delete()
    jobs.filter(status="pending").update(status="cancelled", ended_at=timezone.now(), error_code="cancelled_by_user")
    wait_until(lambda: not Lease.objects.exists(), seconds=_TEST_SECONDS, what="nothing runs")


def _test(connection: Connection) -> float:
    """Press *Test connection*, wait for its end, and return after how many seconds it started."""
    from jobs.services.enqueue_test import enqueue_test  # noqa: PLC0415 - Django is set up late

    job = enqueue_test(connection=connection, actor=None)

    def is_over() -> bool:
        job.refresh_from_db()
        return job.is_over

    wait_until(is_over, seconds=_TEST_SECONDS, what="the test is over")
    if job.status != "success" or job.started_at is None:
        message = f"The test failed: {job.error_code} {job.error_detail}"
        raise RuntimeError(message)
    return (job.started_at - job.created_at).total_seconds()


@contextmanager
def _tests_pressed(connection: Connection) -> Iterator[list[float]]:
    """Press *Test connection* again and again in the meantime; the list holds how long each waited."""
    from django.db import connection as database  # noqa: PLC0415 - Django is set up late

    waits: list[float] = []
    is_over = threading.Event()

    def press() -> None:
        while not is_over.is_set():
            waits.append(_test(connection))
        database.close()

    person = threading.Thread(target=press)
    person.start()
    try:
        yield waits
    finally:
        is_over.set()
        person.join()
