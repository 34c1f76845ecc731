"""How an open page of a job stays up to date: what a poll brings, and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from jobs.models import Job, JobStatus, Lease
from tests.dashboard.job_records import (
    HTMX,
    add_attempt,
    add_lines,
    add_step,
    page,
    payroll_entity,
    poll,
    running_sync,
    sync_of,
    text,
)

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries


def test_poll_is_a_fragment_without_the_shell(viewer: Client) -> None:
    job = running_sync(payroll_entity())

    response = poll(viewer, job, after=0)

    assert "<html" not in text(response)
    assert 'id="job-poll"' in text(response)
    assert "HX-Request" in response["Vary"]
    assert "<html" in text(viewer.get(job.get_absolute_url(), headers={**HTMX, "HX-History-Restore-Request": "true"}))


@pytest.mark.usefixtures("same_minute")
def test_poll_of_an_unchanged_job_has_no_body(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "pending")
    first = poll(viewer, job, after=0)

    again = poll(viewer, job, first["ETag"], after=0)

    assert again.status_code == 304
    assert again.content == b""


def test_poll_brings_only_what_changed(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "pending")
    known = poll(viewer, job, after=0)["ETag"]
    add_lines(job, "A worker took the job")

    shown = text(poll(viewer, job, known, after=0))

    assert '<ol hx-swap-oob="beforeend:#log-lines"> <li class="day">' in shown
    assert '<li class="l-info" id="L1">' in shown
    assert "innerHTML:#job-levels" in shown
    assert "innerHTML:#job-title" not in shown
    assert shown.startswith('<div id="job-poll"')
    assert "<title>Pending: no worker of the queue sync is alive, " in shown
    assert "after=1" in shown


def test_poll_appends_each_line_once_and_keeps_the_filter(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    add_lines(job, "page 1", "page 2")
    add_lines(job, "page 3 slow", level="warning")

    shown = text(poll(viewer, job, after=1, level="warning", q="page"))

    assert shown.count('<span class="msg">') == 1
    assert "<mark>page</mark> 3 slow" in shown
    assert "?level=warning&amp;q=page&amp;after=3" in shown


def test_poll_of_a_long_backlog_goes_on_where_it_stopped(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    add_lines(job, *(f"line {number}" for number in range(700)))

    shown = text(poll(viewer, job, after=0))

    assert shown.count('<span class="msg">') == 500
    assert 'hx-get="?after=500&amp;shown=500&amp;day=' in shown


def test_page_that_took_up_many_lines_leads_to_the_newest_ones(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    add_lines(job, "one", "two")

    shown = text(poll(viewer, job, after=1, shown=5000, level="info"))

    assert '<span class="msg">' not in shown
    assert 'href="?level=info#log">Go on with the newest lines</a>' in shown
    assert 'hx-get="?level=info&amp;after=2&amp;shown=5000"' in shown


def test_page_of_older_lines_takes_up_no_new_ones(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    add_lines(job, *(f"line {number}" for number in range(600)))
    asked = page(viewer, job, before="101").partition('id="job-poll"')[2].partition('hx-get="')[2].partition('"')[0]

    shown = text(viewer.get(job.get_absolute_url() + asked, headers=HTMX))

    assert asked == "?before=101"
    assert '<span class="msg">' not in shown
    assert "600 lines" in shown


def test_poll_ends_with_the_job(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    known = poll(viewer, job, after=0)["ETag"]
    Lease.objects.filter(job=job).delete()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.SUCCESS, ended_at=timezone.now(), rows_loaded=1200)

    response = poll(viewer, job, known, after=0)

    assert response.status_code == 286
    assert "hx-trigger" not in text(response)
    assert "Success: 1,200 rows" in text(response)
    assert 'hx-swap-oob="innerHTML:#support-text"' in text(response)
    assert "hx-trigger" not in page(viewer, job).partition("<main")[2]


def test_poll_is_answered_in_a_fixed_number_of_queries(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    entity = payroll_entity()
    job = running_sync(entity)

    with django_assert_num_queries(6):
        poll(viewer, job, after=0)
    for number in range(3, 6):
        add_attempt(job, number, "failed", error_code="worker_lost")
        add_step(job, number, "load", "running")
    add_lines(job, "one", "two", "three")
    with django_assert_num_queries(6):
        poll(viewer, job, after=3)
    # The lines that came are one query, however many they are.
    for after in (0, 2):
        with django_assert_num_queries(7):
            poll(viewer, job, after=after)
    # As a whole page it also has its neighbours, what support hands on (attempts, steps, log, and the credentials that
    # must not be in it), and the line of Patchbay's own health.
    with django_assert_num_queries(14):
        page(viewer, job)
