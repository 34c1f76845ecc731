"""The list of all jobs: its filters, deleted connections, the file, and how long jobs are kept."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db import connection as database
from django.utils import timezone

from connectors.ids import first_id_at, new_id, short_id
from jobs.models import Job, JobStatus, JobType, Trigger
from jobs.partitions import week_of
from tests.conftest import member
from tests.dashboard.test_jobs_list import ids, listed, made_at, page
from tests.factories import make_connection, make_entity, make_job

if TYPE_CHECKING:
    from django.test import Client


def test_each_filter_keeps_its_jobs(viewer: Client) -> None:
    payroll = make_connection(name="Payroll", provider="sandbox_payroll")
    entity, other = make_entity(payroll, name="Bakeries"), make_entity(payroll, name="Drivers")
    by_person = make_job(payroll, entity, trigger=Trigger.USER, actor=member("admin"))
    tested = make_job(make_connection(), type=JobType.TEST_CONNECTION, status=JobStatus.FAILED, error_code="tls_error")
    plain = make_job(payroll, other)

    expected = {
        "type=test_connection": ids(tested),
        "trigger=user": ids(by_person),
        "code=tls_error": ids(tested),
        "provider=sandbox_payroll": ids(plain, by_person),
        f"entity={entity.pk}": ids(by_person),
        "connection=payroll&entity=drivers": ids(plain),
        "provider=sandbox_payroll&trigger=schedule&status=success": ids(plain),
        "period=1h": ids(plain, tested, by_person),
    }
    for query, found in expected.items():
        text = page(viewer, f"?{query}")
        assert listed(text) == found, query
        # The bars count the same jobs.
        assert sum(map(int, re.findall(r'id="total-\w+" href="[^"]*">[^<]*<b>(\d+)', text))) == len(found), query
    text = page(viewer, f"?entity={entity.pk}&code=tls_error")
    assert "<span>Entity: Bakeries</span>" in text
    assert "Error code: tls_error</button>" in text
    assert "Person, admin</td>" in page(viewer)


def test_filters_that_take_too_long_are_told_so(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.patience.PATIENCE_MS", 200)
    other = database.copy("other")
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE")

        text = page(viewer, "?type=purge&trigger=user")

        cursor.execute("ROLLBACK")
    other.close()
    assert "Looking for these jobs took longer than two seconds, so none is shown." in text
    assert "Counting took longer than two seconds, so there are no bars." in text
    assert '<div id="live">' in text


def test_deleted_connection_is_found_by_name_and_id(viewer: Client) -> None:
    gone = make_connection(name="Gone", deleted_at=timezone.now())
    kept, job = make_connection(name="Gone again"), make_job(gone)
    make_job(kept)

    for meant in (str(gone.pk), short_id(gone.pk)):
        text = page(viewer, f"?connection={meant}")
        assert re.findall(r'id="job-([^"]+)"', text) == ids(job)
        assert "Connection: Gone (deleted)</span>" in text
    # A name means what is kept first, unless only a deleted one has it.
    assert "Connection: Gone again</span>" in page(viewer, "?connection=gone")
    make_connection(name="Left", deleted_at=timezone.now())
    assert "Connection: Left (deleted)</span>" in page(viewer, "?connection=left")
    make_connection(name="Left", deleted_at=timezone.now())
    note = page(viewer, "?connection=left")
    assert f"such as “Left” (deleted, {short_id(new_id())[:6]}" in note
    assert "Write the ID of one." in note


def test_page_of_a_job_of_a_deleted_connection_says_so_and_leads_nowhere(admin: Client) -> None:
    gone = make_connection(name="Gone", deleted_at=timezone.now(), deleted_by=member("admin"))
    job = make_job(gone, make_entity(gone), status=JobStatus.FAILED)

    response = admin.get(job.get_absolute_url())
    text = " ".join(response.content.decode().split())

    assert "This connection is deleted" in text
    assert not re.findall(rf'(?:href|action|hx-get|hx-post)="[^"]*/connections/{gone.pk}', text)
    for address in set(re.findall(r'href="(/jobs/[^"#?]*)', text)):
        assert admin.get(address).status_code == 200, address


def test_file_holds_what_is_filtered(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.job_export._BATCH", 2)
    connection = make_connection(name="=Shop")
    failed = [make_job(connection, status=JobStatus.FAILED) for _ in range(3)][::-1]
    make_job(connection)

    response = viewer.get("/jobs/jobs.csv?status=failed")
    rows = list(csv.DictReader(response.getvalue().decode().splitlines()))

    assert [row["id"] for row in rows] == ids(*failed)
    assert (rows[0]["connection"], rows[0]["error_code"], rows[0]["duration_s"]) == ("'=Shop", "unreachable", "10.0")
    assert 'href="/jobs/jobs.csv?status=failed"' in page(viewer, "?status=failed")
    monkeypatch.setattr("dashboard.pages.job_export.MOST_EXPORTED", 2)
    assert viewer.get("/jobs/jobs.csv").getvalue().count(b"\n") == 3
    refused = viewer.get("/jobs/jobs.csv?status=done")
    assert refused.status_code == 400
    assert "No job has the status “done”" in refused.content.decode()


def _began(days_ago: int) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET applied = now() - %s * interval '1 day' WHERE app = 'jobs'", [days_ago]
        )


def test_list_says_how_long_jobs_are_kept(viewer: Client, settings: Any) -> None:
    settings.PATCHBAY_RETENTION_DAYS = 30
    make_job(make_connection())

    young = page(viewer)
    _began(100)
    old = page(viewer)

    edge = week_of(timezone.now() - timedelta(days=30))
    removed = edge + timedelta(days=30)
    assert "Jobs are kept for 30 days. None was removed yet." in young
    assert re.search(rf"Older jobs were removed on <time[^>]*>{removed.day} {removed:%b} {removed.year}</time>", old)
    assert f"those made since Mon {edge.day} {edge:%b} {edge.year}, 00:00:00 UTC." in old


def test_job_that_is_no_longer_kept_is_told_so(viewer: Client) -> None:
    now = timezone.now()
    removed = first_id_at(now - timedelta(days=90))

    gone = viewer.get(f"/jobs/{removed}/")
    never, random = viewer.get(f"/jobs/{first_id_at(now)}/"), viewer.get(f"/jobs/{UUID(int=7)}/")

    assert (gone.status_code, never.status_code, random.status_code) == (404, 404, 404)
    text = " ".join(gone.content.decode().split())
    assert "This job is no longer kept" in text
    assert "Jobs are kept for 60 days" in text
    for other in (never, random):
        assert "There is nothing at this address" in other.content.decode()


def test_old_job_that_is_still_there_is_shown_and_listed(viewer: Client) -> None:
    job = made_at(make_connection(), timezone.now() - timedelta(days=90))

    assert viewer.get(f"/jobs/{job.pk}/").status_code == 200
    assert listed(page(viewer)) == ids(job)
    assert Job.objects.count() == 1
