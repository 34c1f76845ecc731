"""The System page: what it says when all is well, when parts are away, and that it never asks more for more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection
from jobs.models import Job, JobStatus, Lease, Pulse, Queue, Worker
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job

HTMX = {"HX-Request": "true"}
ADDRESS = "/system/"
# Session, user, groups; workers, leases, rates, pulses, database; signs of life; the situation (4), overdue (2).
POLL_QUERIES = 15
# Kept for a minute: the day (4) and the migrations that were applied.
KEPT_QUERIES = 6


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def add_workers(*queues: str, **values: Any) -> None:
    """An alive worker with four slots for each queue."""
    now = timezone.now()
    defaults: dict[str, Any] = {"slots": 4, "version": "0.1.0", "started_at": now, "seen_at": now}
    for queue in queues:
        Worker.objects.create(identity=f"host/1-1/{queue}", name=queue, queue=queue, **{**defaults, **values})


def beat(name: str = "tick", ago: timedelta = timedelta()) -> None:
    Pulse.objects.update_or_create(name=name, defaults={"at": timezone.now() - ago, "took_ms": 12})


def overdue_connection(name: str = "Shop", *, minutes: int = 5) -> Connection:
    """A connection whose slot passed without a job."""
    connection = make_connection(name=name)
    make_entity(connection, next_run_at=timezone.now() - timedelta(minutes=minutes))
    return connection


def started_job(connection: Connection, *, seconds: float, ago: timedelta = timedelta(minutes=2)) -> Job:
    """A scheduled job that started so many seconds after its slot."""
    start = timezone.now() - ago
    return make_job(connection, slot_at=start - timedelta(seconds=seconds), started_at=start)


def test_page_says_that_all_is_well(viewer: Client) -> None:
    add_workers(*Queue.values)
    beat()

    page = flat(viewer.get(ADDRESS))

    assert "<title>System · Patchbay</title>" in page
    assert "Works</span>" in page
    assert "finding-1" not in page
    assert "No schedule is overdue." in page
    assert "No scheduled job started in the last 24 hours." in page
    assert "4 workers on 1 machine, each heard from within 30 s" in page
    assert "All workers healthy" in page
    assert 'aria-current="page"' in page
    assert 'hx-trigger="every 5s"' in page


def test_fragment_is_the_living_part_alone(viewer: Client) -> None:
    fragment = viewer.get(ADDRESS, headers=HTMX)

    assert "<html" not in flat(fragment)
    assert flat(fragment).lstrip().startswith('<div id="live"')
    assert fragment.headers["ETag"]


def test_page_works_without_any_worker_or_beat(viewer: Client) -> None:
    page = flat(viewer.get(ADDRESS))

    assert "Not working" in page
    assert '<h2 id="finding-1">No worker is alive</h2>' in page
    assert "manage.py up starts everything" in page
    assert "not heard from yet" in page
    assert "No worker was heard from within 30 s" in page


def test_page_works_without_redis(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    add_workers(*Queue.values)
    beat()
    monkeypatch.setitem(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setitem(current_app.conf, "broker_read_url", "redis://127.0.0.1:1/0")

    page = flat(viewer.get(ADDRESS))

    assert "Redis does not answer" in page
    assert "Not working" in page
    assert "jobs wait in the database" in page


def test_silent_scheduler_is_told_with_what_to_do(viewer: Client) -> None:
    add_workers(*Queue.values)
    beat(ago=timedelta(minutes=3))

    page = flat(viewer.get(ADDRESS))

    assert "The scheduler has been silent for 3 m 00 s" in page
    assert "The scheduler is silent" in flat(viewer.get("/"))


def test_what_follows_from_a_silent_scheduler_is_no_fault_of_its_own(viewer: Client) -> None:
    add_workers(*Queue.values)
    for task in ("tick", "reap"):
        beat(task, ago=timedelta(minutes=3))
    assert "The task reap" not in flat(viewer.get(ADDRESS))

    beat("tick")

    assert "The task reap did not run lately" in flat(viewer.get(ADDRESS))


def test_worker_that_fell_silent_counts_no_more(viewer: Client) -> None:
    add_workers(Queue.INTERACTIVE, Queue.SYSTEM, Queue.BULK)
    add_workers(Queue.SYNC, seen_at=timezone.now() - timedelta(minutes=1))
    beat()

    page = flat(viewer.get(ADDRESS))

    assert "No worker serves sync" in page
    assert "The last one was heard from at " in page
    assert '3 of 4<span class="sub">1 silent</span>' in page
    assert "Silent</span>" not in page
    named = flat(viewer.get(f"{ADDRESS}?workers=all", headers=HTMX))
    assert named.count("Silent</span>") == 1
    assert 'hx-get="/system/?workers=all"' in named
    assert "No worker for sync" in flat(viewer.get("/"))


def test_overdue_schedule_is_told_on_every_page(viewer: Client) -> None:
    add_workers(*Queue.values)
    beat()
    connection = overdue_connection()
    overdue_connection("Second")

    page = flat(viewer.get(ADDRESS))

    assert "2 schedules are overdue" in page
    assert f'href="{connection.get_absolute_url()}"' in page
    assert "Its job is about to be made" in page
    for page in ("/", connection.get_absolute_url()):
        frame = flat(viewer.get(page)).partition("<main")[0]
        # In the top bar, which is there at every width, and at the foot of the navigation.
        assert frame.count("2 schedules overdue</span></a>") == 2


def test_open_page_hears_of_an_alarm_and_of_its_end(viewer: Client) -> None:
    add_workers(*Queue.values)
    beat()
    quiet = viewer.get("/system/alarm/", headers=HTMX)
    assert "All workers healthy" in flat(quiet)
    assert "pill" not in flat(quiet)
    known = {**HTMX, "If-None-Match": quiet.headers["ETag"]}
    assert viewer.get("/system/alarm/", headers=known).status_code == 304

    connection = overdue_connection(minutes=2)
    loud = viewer.get("/system/alarm/", headers=known)

    assert loud.status_code == 200
    assert '<a class="status pill is-warn" id="alarm-link" href="/system/"' in flat(loud)
    assert connection.name not in flat(loud)
    assert "<html" not in flat(loud)


def test_overdue_job_leads_to_its_page_with_the_reason(viewer: Client) -> None:
    add_workers(Queue.INTERACTIVE, Queue.SYSTEM, Queue.BULK)
    beat()
    connection = make_connection(name="Ostrava Steel")
    job = make_job(connection, make_entity(connection), status=JobStatus.PENDING)
    Lease.objects.filter(pk=job.pk).update(slot_at=timezone.now() - timedelta(minutes=2))

    page = flat(viewer.get(ADDRESS))

    assert f'href="{job.get_absolute_url()}">Open job<span class="vh"> of Ostrava Steel' in page
    assert "No worker of the queue sync is alive" in page


def test_chart_shows_how_late_jobs_started(viewer: Client) -> None:
    connection = make_connection()
    for seconds in (1, 2, 40):
        started_job(connection, seconds=seconds)

    page = flat(viewer.get(ADDRESS))

    assert "Time from the planned slot to the start of the job over 24 hours. Median about 2 s" in page
    assert "Over the limit in a quarter of an hour" in page
    assert '<path class="ln ln--2"' in page
    assert "Jobs started late in the last hour: 95% within" in page


def test_queue_row_says_what_is_full(viewer: Client) -> None:
    add_workers(Queue.SYNC, slots=1)
    connection = make_connection()
    make_job(connection, make_entity(connection), status=JobStatus.RUNNING)
    make_job(connection, make_entity(connection), status=JobStatus.PENDING)

    page = flat(viewer.get(ADDRESS))

    assert "Full</span>" in page
    assert '<span class="t">1<span> / 1</span></span>' in page
    assert "1 sync" in page


@pytest.mark.parametrize("count", [1, 4])
def test_page_takes_the_same_queries_whatever_it_shows(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    add_workers(*Queue.values)
    for number in range(count):
        overdue_connection(f"Overdue {number}")
        started_job(make_connection(), seconds=1)

    with django_assert_num_queries(POLL_QUERIES + KEPT_QUERIES):
        viewer.get(ADDRESS, headers=HTMX)
    with django_assert_num_queries(POLL_QUERIES):
        viewer.get(ADDRESS, headers=HTMX)


def test_text_for_support_names_no_connection(viewer: Client) -> None:
    overdue_connection("Ostrava Steel")

    page = flat(viewer.get(ADDRESS))

    text = page.partition('data-copy="')[2].partition('"')[0]
    assert "A schedule is overdue" in text
    assert "PostgreSQL" in text
    assert "Ostrava" not in text
