"""The page of one job: what it says in every state, what a poll brings, and who sees which button."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.utils import timezone

from connectors.ids import new_id
from jobs.models import Job, JobStatus, JobType, Lease
from tests.dashboard.job_records import (
    DONE_TABLES,
    add_attempt,
    add_lines,
    add_step,
    payroll_entity,
    running_sync,
    sync_of,
)
from tests.factories import make_connection, make_job

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

HTMX = {"HX-Request": "true"}


def text(response: HttpResponse) -> str:
    """The body with its white space made single."""
    return " ".join(response.content.decode().split())


def page(client: Client, job: Job, **query: str) -> str:
    """The whole page of a job."""
    response = client.get(job.get_absolute_url(), query)
    assert response.status_code == 200
    return text(response)


def poll(client: Client, job: Job, known: str = "", **query: Any) -> HttpResponse:
    """What the page's poll gets when it knows the version `known`."""
    headers = {**HTMX, "If-None-Match": known} if known else HTMX
    return client.get(job.get_absolute_url(), query, headers=headers)


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"status": "pending"}, "Pending: waiting for a free worker"),
        ({"status": "running"}, "In progress: starting"),
        ({"status": "success", "rows_loaded": 51230, "tables": DONE_TABLES}, "Success: 51,230 rows in 2 tables"),
        ({"status": "success", "rows_loaded": 1, "tables": DONE_TABLES[:1]}, "Success: 1 row in 1 table"),
        ({"status": "success", "type": JobType.TEST_CONNECTION}, "Success: Connection test"),
        ({"status": "failed", "error_step": "extract"}, "Failed while extracting"),
        ({"status": "failed", "error_step": "check_access"}, "Failed while checking access"),
        ({"status": "failed", "started_at": None}, "Failed before it started"),
        ({"status": "cancelled", "error_step": "load"}, "Cancelled while loading"),
        ({"status": "cancelled", "started_at": None}, "Cancelled before it started"),
    ],
)
def test_title_says_what_happens(viewer: Client, values: dict[str, Any], title: str) -> None:
    job = sync_of(payroll_entity(), **values)

    assert f'<h1 id="job-title">{title} </h1>' in page(viewer, job)


def test_waiting_job_names_the_next_attempt_and_why_there_is_one(viewer: Client) -> None:
    at = timezone.now() + timedelta(seconds=40)
    job = sync_of(payroll_entity(), "pending", attempt=1, max_attempts=5, next_attempt_at=at)
    add_attempt(job, 1, "failed", error_code="unreachable", error_detail="Connection refused")

    shown = page(viewer, job)

    assert f"Pending: attempt 2 of 5, next at {at:%H:%M:%S}" in shown
    assert "Sandbox Payroll cannot be reached" in shown
    assert "Connection refused" in shown
    assert "Sync again" not in shown


def test_running_job_shows_a_share_only_with_estimates(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    with_estimates = page(viewer, job)
    Job.objects.filter(pk=job.pk).update(tables=[{**table, "estimated": None} for table in job.tables])

    assert "In progress: copying 2 of 2 tables" in with_estimates
    assert "About 45% done" in with_estimates
    assert 'aria-valuenow="45"' in with_estimates
    without = page(viewer, job)
    assert "1,100 rows read so far" in without
    assert "%" not in without.partition('id="job-progress"')[2].partition('id="job-tables"')[0]
    assert 'role="progressbar"' not in without


def test_tables_are_done_when_all_that_was_read_is_written(viewer: Client) -> None:
    job = running_sync(payroll_entity(), step="load")
    Lease.objects.filter(job=job).update(
        progress={"step": "load", "tables": {"employees": [1000, 1000], "pay_runs": [100, 20]}}
    )

    shown = page(viewer, job)

    assert "In progress: copying 1 of 2 tables" in shown
    assert shown.count("Done</span>") == 1
    assert shown.count("Copying</span>") == 1


def test_rates_are_drawn_from_measurements_alone(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    assert "Rows per second" not in page(viewer, job)
    lease = Lease.objects.get(job=job)
    lease.progress["rates"] = [[0, 0], [10, 1000], [20, 3000]]
    lease.save(update_fields=["progress"])

    shown = page(viewer, job)

    assert "Rows read per second over the last 20 s, between 100 and 200" in shown
    assert 'points="0.0,40.0 300.0,40.0 600.0,8.0"' in shown
    assert "<dt>Average</dt><dd>150</dd>" in shown


def test_failed_job_explains_itself_and_keeps_the_words_of_the_source(operator: Client) -> None:
    job = sync_of(
        payroll_entity(), "failed", error_code="invalid_credentials", error_step="extract", error_detail="<b>401</b>"
    )
    add_step(job, 1, "check_access", "success", 3, detail="Signed in")
    add_step(job, 2, "extract", "failed", 4)

    shown = page(operator, job)

    assert "Sandbox Payroll refused the sign-in" in shown
    assert "&lt;b&gt;401&lt;/b&gt;" in shown
    assert "Stopped by invalid_credentials" in shown
    assert shown.count("Not started") == 3
    assert f'action="/connections/{job.connection_id}/entities/{job.entity_id}/sync/"' in shown
    assert 'form="sync-again"' in shown


def test_unknown_code_of_an_older_version_is_still_a_page(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "failed", error_code="dropped_long_ago")

    assert "dropped_long_ago" in page(viewer, job)


def test_step_that_was_running_when_a_person_cancelled_did_not_fail(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "cancelled", error_code="cancelled_by_user")
    add_step(job, 1, "extract", "failed", 4)

    shown = page(viewer, job)

    assert "Cancelled while extracting" in shown
    assert "is-bad" not in shown


def test_facts_name_what_the_job_belongs_to(viewer: Client) -> None:
    entity = payroll_entity()
    entity.recent_runs = [{"id": "1", "status": "success", "ms": ms} for ms in (1000, 88_000, 90_000)]
    entity.save()
    job = sync_of(entity, rows_extracted=500, rows_loaded=400, bytes=1_800_000, missed_slots=3, worker="sync-03")

    shown = page(viewer, job)

    assert "Kestrel Logistics" in shown
    assert "Kestrel Drivers GmbH" in shown
    assert "Schedule, every 6 h" in shown
    assert "makes up 3 missed runs" in shown
    assert "median 1 m 28 s" in shown
    assert "<dt>Rows read</dt> <dd>500</dd>" in shown
    assert "<dt>Bytes read</dt> <dd>1.8 MB</dd>" in shown


def test_single_entity_connection_shows_no_entity(viewer: Client) -> None:
    job = make_job(make_connection())

    assert "<dt>Entity</dt>" not in page(viewer, job)


def test_attempts_stand_there_from_the_second_on(viewer: Client) -> None:
    job = sync_of(payroll_entity(), attempt=2)
    add_attempt(job, 1, "failed", error_code="worker_lost")
    assert 'id="attempts"' not in page(viewer, job)
    add_attempt(job, 2, "success")

    shown = page(viewer, job)

    assert "Attempt 2" in shown
    assert "Worker lost" in shown


def test_neighbours_are_the_jobs_of_the_same_entity(viewer: Client) -> None:
    entity = payroll_entity()
    first, middle, last = (sync_of(entity) for _ in range(3))
    sync_of(payroll_sibling(entity))

    shown = page(viewer, middle)

    assert f'href="{first.get_absolute_url()}">Previous job' in shown
    assert f'href="{last.get_absolute_url()}">Next job' in shown
    assert "Next job" not in page(viewer, last)


def payroll_sibling(entity: Any) -> Any:
    """Another entity of the same connection."""
    return type(entity).objects.create(connection=entity.connection, ref=str(new_id()), name="Other")


def test_log_shows_the_last_lines_and_leads_to_earlier_ones(viewer: Client) -> None:
    job = sync_of(payroll_entity())
    add_lines(job, *(f"line {number}" for number in range(1, 503)))

    tail, earlier = page(viewer, job), page(viewer, job, before="3")

    assert tail.count('<span class="msg">') == 500
    assert 'id="L3"' in tail
    assert 'id="L2"' not in tail
    assert "?before=3#log" in tail
    assert earlier.count('<span class="msg">') == 2
    assert "Back to the newest lines" in earlier


def test_log_search_marks_matches_and_escapes_the_rest(viewer: Client) -> None:
    job = sync_of(payroll_entity())
    add_lines(job, "page 1, <i>200</i>", "other")
    add_lines(job, "PAGE 2 refused", level="warning")

    shown = page(viewer, job, q="page")

    assert "<mark>page</mark> 1, &lt;i&gt;200&lt;/i&gt;" in shown
    assert "<mark>PAGE</mark> 2 refused" in shown
    assert "2 matching lines" in shown
    assert shown.count('<span class="msg">') == 2
    assert page(viewer, job, q="page", level="warning").count('<span class="msg">') == 1


@pytest.mark.parametrize("query", [{"level": "loud"}, {"before": "x"}, {"before": "-1"}, {"q": "a" * 201}])
def test_log_ignores_a_filter_that_cannot_be_read(viewer: Client, query: dict[str, str]) -> None:
    job = sync_of(payroll_entity())
    add_lines(job, "one", "two")

    assert page(viewer, job, **query).count('<span class="msg">') == 2


def test_support_text_holds_ids_and_no_names(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "failed", error_code="unreachable", error_detail="kestrel-drivers at 10.1.2.3")
    add_lines(job, "Kestrel Drivers GmbH of Kestrel Logistics: boss@kestrel.example")

    shown = page(viewer, job)
    support = shown.partition('id="support-text"')[2].partition("</pre>")[0]

    assert str(job.pk) in support
    assert str(job.entity_id) in support
    assert "Source said: &lt;entity&gt; at &lt;address&gt;" in support
    assert "&lt;entity&gt; of &lt;connection&gt;: &lt;e-mail&gt;" in support
    assert "Kestrel" not in support


def test_poll_is_a_fragment_without_the_shell(viewer: Client) -> None:
    job = running_sync(payroll_entity())

    response = poll(viewer, job, after=0)

    assert "<html" not in text(response)
    assert 'id="job-poll"' in text(response)
    assert "HX-Request" in response["Vary"]
    assert "<html" in text(viewer.get(job.get_absolute_url(), headers={**HTMX, "HX-History-Restore-Request": "true"}))


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

    assert '<ol hx-swap-oob="beforeend:#log-lines"><li class="l-info" id="L1">' in shown
    assert "innerHTML:#job-levels" in shown
    assert "innerHTML:#job-title" not in shown
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
    assert 'hx-get="?after=500"' in shown


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
    assert "hx-trigger" not in page(viewer, job)


def test_poll_is_answered_in_a_fixed_number_of_queries(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    entity = payroll_entity()
    job = running_sync(entity)

    with django_assert_num_queries(7):
        poll(viewer, job, after=0)
    for number in range(3, 6):
        add_attempt(job, number, "failed", error_code="worker_lost")
        add_step(job, number, "load", "running")
    add_lines(job, "one", "two", "three")
    with django_assert_num_queries(7):
        poll(viewer, job, after=3)
    with django_assert_num_queries(11):
        page(viewer, job)


def test_viewer_sees_no_button_that_would_refuse(viewer: Client, operator: Client) -> None:
    entity = payroll_entity()
    over, running = sync_of(entity), running_sync(entity)

    assert "sync-again" not in page(viewer, over)
    assert "/cancel/" not in page(viewer, running)
    assert 'form="sync-again"' in page(operator, over)
    assert f'href="/jobs/{running.pk}/cancel/" data-dialog' in page(operator, running)


def test_paused_connection_offers_no_sync(operator: Client) -> None:
    entity = payroll_entity()
    entity.connection.status = "paused"
    entity.connection.save()

    assert 'form="sync-again"' not in page(operator, sync_of(entity))


def test_unknown_job_is_not_found(viewer: Client) -> None:
    assert viewer.get(f"/jobs/{uuid4()}/").status_code == 404


def test_page_changes_nothing_and_takes_no_post(operator: Client) -> None:
    job = sync_of(payroll_entity())

    assert operator.post(job.get_absolute_url()).status_code == 405


def test_stranger_is_sent_to_sign_in(client: Client, db: None) -> None:
    response = client.get(sync_of(payroll_entity()).get_absolute_url())

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
