"""The page of one job: what it says in every state, what a poll brings, and who sees which button."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.utils import timezone

from connectors.ids import new_id
from connectors.models import Connection, Entity
from jobs.models import Job, JobType, Lease, Worker
from tests.dashboard.job_records import (
    DONE_TABLES,
    add_attempt,
    add_step,
    page,
    payroll_entity,
    running_sync,
    sync_of,
)
from tests.factories import make_connection, make_job

if TYPE_CHECKING:
    from django.test import Client


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"status": "pending"}, "Pending: no worker of the queue sync is alive"),
        ({"status": "running"}, "In progress: starting"),
        ({"status": "success", "rows_loaded": 51230, "tables": DONE_TABLES}, "Success: 51,230 rows in 2 tables"),
        ({"status": "success", "rows_loaded": 1, "tables": DONE_TABLES[:1]}, "Success: 1 row in 1 table"),
        ({"status": "success", "type": JobType.TEST_CONNECTION}, "Success: connection test"),
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
    job = sync_of(payroll_entity(), "pending", attempt=1, max_attempts=5, next_attempt_at=at, error_code="unreachable")
    Lease.objects.filter(pk=job.pk).update(available_at=at)
    add_attempt(job, 1, "failed", error_code="unreachable", error_detail="Connection refused")

    shown = page(viewer, job)

    assert f"Pending: attempt 2 of 5 after “Not reachable”, next at {at:%H:%M:%S}" in shown
    assert "Sandbox Payroll cannot be reached" in shown
    assert "Connection refused" in shown
    assert "Sync again" not in shown
    assert "Attempt 1</span>" in shown.partition('id="job-attempts"')[2]
    assert "Try now" not in shown


def test_next_attempt_can_be_made_at_once(operator: Client) -> None:
    at = timezone.now() + timedelta(seconds=40)
    job = sync_of(payroll_entity(), "pending", attempt=1, max_attempts=5, next_attempt_at=at, error_code="unreachable")
    Lease.objects.filter(pk=job.pk).update(available_at=at, attempt=1)
    button = f'formaction="/connections/{job.connection_id}/entities/{job.entity_id}/sync/"'
    assert button in page(operator, job)
    assert "Try now</button>" in page(operator, job)

    Job.objects.filter(pk=job.pk).update(error_code="rate_limited")

    assert "Try now" not in page(operator, job)


def test_waiting_job_says_what_sets_it_going_and_where_to_look(viewer: Client) -> None:
    entity = payroll_entity()
    job = sync_of(entity, "pending")
    shown = page(viewer, job)
    assert "It starts by itself as soon as a worker of this queue runs again" in shown
    assert 'id="wait-link" href="/system/">Open System</a>' in shown

    now = timezone.now()
    Worker.objects.create(identity="1", name="sync", queue="sync", slots=2, version="1", started_at=now, seen_at=now)
    running = sync_of(entity, "running")
    shown = page(viewer, job)

    assert "it waits for its own data sync that runs now" in shown
    assert f'id="wait-link" href="{running.get_absolute_url()}">Open that job</a>' in shown


@pytest.mark.parametrize(
    ("values", "detail", "title"),
    [
        ({"type": JobType.TEST_CONNECTION}, ("permissions", "4 tables can be read"), "Success: 4 tables can be read"),
        ({"type": JobType.DISCOVER}, ("discover", "1 schema found"), "Success: 1 schema found"),
        ({"type": JobType.PURGE}, ("purge", "Nothing was there"), "Success: nothing was there"),
    ],
)
def test_job_that_copies_nothing_tells_its_result_and_no_rows(
    admin: Client, values: dict[str, Any], detail: tuple[str, str], title: str
) -> None:
    entity = payroll_entity()
    type(entity).objects.filter(pk=entity.pk).update(recent_runs=[{"status": "success", "ms": 3000}])
    job = sync_of(entity, **values)
    add_step(job, 1, detail[0], "success", 1, detail=detail[1])

    shown = page(admin, job)

    assert f'<h1 id="job-title">{title} </h1>' in shown
    assert "Rows read" not in shown
    assert "median" not in shown
    # A purge asks for a paused connection, and this one is active.
    assert ("again</button>" in shown) == (job.type != JobType.PURGE)


def test_running_test_tells_its_step_and_no_rows(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "running", type=JobType.TEST_CONNECTION)
    add_step(job, 1, "connectivity", "success", 1)
    add_step(job, 2, "authentication", "running")

    shown = page(viewer, job)

    assert "In progress: signing in" in shown
    assert "Step 2 of 3</h2>" in shown
    assert "rows read" not in shown


def test_resync_says_what_it_reads_again(operator: Client) -> None:
    options = {"tables": ["1"], "table_names": ["orders"], "since": "2026-03-04"}
    job = sync_of(payroll_entity(), type=JobType.HISTORICAL_RESYNC, options=options)

    shown = page(operator, job)

    assert "<dt>Reads again</dt> <dd>orders<span" in shown
    assert "changed since 4 Mar 2026" in shown
    assert f'href="/connections/{job.connection_id}/resync/" data-dialog' in shown


def test_running_job_shows_a_share_only_with_estimates(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    with_estimates = page(viewer, job)
    Job.objects.filter(pk=job.pk).update(tables=[{**table, "estimated": None} for table in job.tables])

    assert "In progress: copying 2 of 2 tables" in with_estimates
    assert "About 45% done" in with_estimates
    assert 'aria-valuenow="45"' in with_estimates
    without = page(viewer, job)
    assert "1,100 rows read so far" in without
    assert "No earlier run tells how long it takes." in without
    assert "%" not in without.partition('id="job-progress"')[2].partition('id="job-tables"')[0]
    assert 'role="progressbar"' not in without


def test_rest_comes_from_what_the_last_runs_took(viewer: Client) -> None:
    job = running_sync(payroll_entity())
    started = timezone.now() - timedelta(seconds=31)
    Job.objects.filter(pk=job.pk).update(started_at=started)
    assert "By its pace so far: there is no earlier run to compare with." in page(viewer, job)

    runs = [{"id": "1", "status": status, "ms": ms} for status, ms in [("failed", 1), ("success", 80_000)]]
    Entity.objects.update(recent_runs=runs)
    assert re.search(r"About 45% done, about (4\d) s left", page(viewer, job))
    assert "Its last good run took 1 m 20 s." in page(viewer, job)

    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(seconds=90))
    assert "About 45% done</h2>" in page(viewer, job)
    assert "It takes longer than usual. Its last good run took 1 m 20 s." in page(viewer, job)


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
    assert "<dt>Average</dt> <dd> 150 </dd>" in shown


def test_rates_leave_out_the_time_after_the_last_row(viewer: Client) -> None:
    job = running_sync(payroll_entity(), step="load")
    samples = [[0, 0], [10, 1000], [20, 3000], [30, 3000], [40, 3000]]
    Lease.objects.filter(job=job).update(progress={"step": "load", "tables": {}, "rates": samples})

    shown = page(viewer, job)

    assert "read within 20 s" in shown
    assert "<dt>Now</dt>" not in shown


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


@pytest.mark.parametrize(
    ("code", "labels"),
    [
        ("unreachable", ["Edit setup", "Test connection", "Sync again"]),
        ("destination_full", ["Open destination", "Sync again"]),
        ("worker_lost", ["Sync again", "Open System"]),
        ("address_not_allowed", []),
        ("superseded", ["Open job history"]),
    ],
)
def test_recommended_actions_have_the_button_that_does_them(operator: Client, code: str, labels: list[str]) -> None:
    job = sync_of(payroll_entity(), "failed", error_code=code)

    shown = page(operator, job).partition('class="do-list"')[2].partition("</ul>")[0]

    assert re.findall(r'id="do-\d+"[^>]*><svg.*?</svg>([^<]+)<', shown) == labels
    assert shown.count("btn--primary") == bool(labels)


def test_recommended_actions_of_a_test_and_of_a_paused_connection(operator: Client, viewer: Client) -> None:
    entity = payroll_entity()
    test = sync_of(entity, "failed", type=JobType.TEST_CONNECTION, error_code="unreachable")
    shown = page(operator, test).partition('class="do-list"')[2].partition("</ul>")[0]
    assert "Sync again" not in shown
    assert f'formaction="/connections/{entity.connection_id}/test/"' in shown
    assert 'id="do-' not in page(viewer, test)

    Connection.objects.filter(pk=entity.connection_id).update(status="paused")
    paused = page(operator, sync_of(entity, "cancelled", error_code="paused"))

    assert f'href="/connections/{entity.connection_id}/resume/" data-dialog' in paused


def test_unknown_code_of_an_older_version_is_still_a_page(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "failed", error_code="dropped_long_ago")

    assert "dropped_long_ago" in page(viewer, job)


@pytest.mark.parametrize("how", ["failed", "skipped", "running"])
def test_step_that_was_running_when_a_person_cancelled_did_not_fail(viewer: Client, how: str) -> None:
    job = sync_of(payroll_entity(), "cancelled", error_code="cancelled_by_user")
    add_step(job, 1, "check_access", "success", 1)
    add_step(job, 2, "extract", how, 4)

    shown = page(viewer, job)

    assert "Cancelled while extracting" in shown
    assert "Stopped here" in shown
    # However it is written down, it has taken its time.
    assert shown.count('<span class="n">4 s</span>') == 1
    assert "is-bad" not in shown.partition('id="main"')[2]


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


def test_neighbours_are_the_jobs_of_the_same_entity_and_what_is_planned(viewer: Client) -> None:
    entity = payroll_entity()
    now = timezone.now()
    Entity.objects.filter(pk=entity.pk).update(next_run_at=now + timedelta(minutes=36.5), last_success_at=now)
    entity.refresh_from_db()
    good, failed, middle = (sync_of(entity, status) for status in ("success", "failed", "failed"))
    after = sync_of(entity, "cancelled")
    sync_of(payroll_sibling(entity))

    assert beside(viewer, middle) == [
        ("Last success", good.get_absolute_url(), ""),
        ("Previous job", failed.get_absolute_url(), "Failed"),
        ("Next job", after.get_absolute_url(), "Cancelled"),
        ("Next planned", "", "in 36 min"),
    ]
    assert beside(viewer, good)[:2] == [("Last success", "", "None kept"), ("Previous job", "", "None kept")]
    assert beside(viewer, after)[2] == ("Next job", "", "None yet")
    Connection.objects.filter(pk=entity.connection_id).update(status="paused")
    assert beside(viewer, after)[3] == ("Next planned", "", "None while paused")


def beside(client: Client, job: Job) -> list[tuple[str, str, str]]:
    """The lines of the card of other runs: what each is, its address, and its status or what stands in its place."""
    card = page(client, job).partition('aria-labelledby="neighbours"')[2].partition("</dl>")[0]
    found = re.findall(r"<dt>([^<]+)</dt> <dd>(.*?)</dd>", card)

    def words(html: str) -> str:
        return re.sub(r"<[^>]*>", "", html).partition("Open the")[0].strip()

    links = r'<a [^>]*href="([^"]+)"'
    return [(label, "".join(re.findall(links, html)), words(html)) for label, html in found]


def payroll_sibling(entity: Any) -> Any:
    """Another entity of the same connection."""
    return type(entity).objects.create(connection=entity.connection, ref=str(new_id()), name="Other")


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
