"""The job history of one connection: its entities with their last runs, and all its jobs by key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.ids import first_id_at, new_id
from connectors.models import Connection, Entity
from jobs.models import Job, JobStatus, Trigger
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job

HTMX = {"HX-Request": "true"}
POLL = {**HTMX, "HX-Trigger": "poll"}
# Session, user, groups, connection; leases, totals; entities of the page and their number, blocks; jobs; health.
QUERIES = 11


def _run(status: str = "success", ms: int = 1000) -> dict[str, object]:
    return {"id": str(new_id()), "status": status, "ms": ms}


def _payroll(count: int = 3) -> Connection:
    connection = make_connection(provider="sandbox_payroll", name="Payroll")
    for number in range(count):
        make_entity(
            connection,
            name=f"Company {number}",
            last_success_at=timezone.now(),
            recent_runs=[_run()],
            last_duration_ms=88_000,
        )
    return connection


def _address(connection: Connection) -> str:
    return reverse("connections:jobs", args=[connection.pk])


def test_jobs_is_a_whole_page_and_its_fragment_is_not(viewer: Client) -> None:
    connection = _payroll()

    page = flat(viewer.get(_address(connection)))
    fragment = flat(viewer.get(_address(connection), headers=POLL))

    assert "<title>Payroll, job history · Patchbay</title>" in page
    assert '<aside class="drawer" id="drawer" aria-label="Entity" hidden>' in page
    assert "<html" not in fragment
    assert fragment.lstrip().startswith('<div id="live"')
    assert 'id="head" class="stack" hx-swap-oob="true"' in fragment


@pytest.mark.usefixtures("same_minute")
def test_jobs_unchanged_is_an_empty_304_to_a_poll(viewer: Client) -> None:
    connection = _payroll()
    first = viewer.get(_address(connection), headers=POLL)
    known = {**POLL, "If-None-Match": first.headers["ETag"]}

    again = viewer.get(_address(connection), headers=known)
    make_job(connection, connection.entities.first())
    changed = viewer.get(_address(connection), headers=known)

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


def test_jobs_carries_the_version_that_its_next_poll_names(viewer: Client) -> None:
    connection = _payroll()

    page = flat(viewer.get(_address(connection)))
    tag = viewer.get(_address(connection), headers=POLL).headers["ETag"].strip('"')

    assert f'hx-headers=\'{{"If-None-Match": "\\"{tag}\\""}}\'' in page


def test_jobs_takes_a_click_and_a_poll_for_different_answers(viewer: Client) -> None:
    connection = _payroll()
    polled = viewer.get(_address(connection), headers=POLL).headers["ETag"]

    clicked = viewer.get(_address(connection), headers={**HTMX, "If-None-Match": polled})

    assert clicked.status_code == 200
    assert 'id="drawer" aria-label="Entity" hidden hx-swap-oob="true"' in flat(clicked)


@pytest.mark.parametrize("count", [2, 5])
def test_jobs_takes_the_same_queries_whatever_it_shows(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    connection = _payroll(count)
    for entity in connection.entities.all():
        make_job(connection, entity, actor=member("operator"), trigger=Trigger.USER)

    with django_assert_num_queries(QUERIES):
        viewer.get(_address(connection))


@pytest.mark.parametrize("count", [1, 30])
def test_jobs_of_one_entity_take_the_same_queries_however_many(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    for _ in range(count):
        make_job(connection, entity, actor=member("operator"), trigger=Trigger.USER)

    # As above without the three for a list of entities.
    with django_assert_num_queries(QUERIES - 3):
        viewer.get(_address(connection), {"status": "success"})


def test_jobs_counts_the_entities_by_how_their_last_job_went(viewer: Client) -> None:
    connection = _payroll(2)
    make_entity(connection, name="Failing", failure_streak=1, recent_runs=[_run("failed")])
    for name, status in (("Busy", JobStatus.RUNNING), ("Waiting", JobStatus.PENDING)):
        make_job(connection, make_entity(connection, name=name, last_success_at=timezone.now()), status=status)
    make_entity(connection, name="New")

    page = flat(viewer.get(_address(connection)))

    assert "4 of 6 entities synced in the last 24 h" in page
    assert "Overall completion 67%. 2 of those in progress or pending synced before." in page
    for name, outcome in (
        ("Failing", "Failed"),
        ("Busy", "In progress"),
        ("Waiting", "Pending"),
        ("New", "No run yet"),
    ):
        assert f'aria-label="{name}: {outcome}"' in page
    for word in (
        "Success <b>2</b>",
        "In progress <b>1</b>",
        "Failed <b>1</b>",
        "Pending <b>1</b>",
        "No run yet <b>1</b>",
    ):
        assert word in page


def test_jobs_draws_a_bar_above_sixty_entities(viewer: Client) -> None:
    page = flat(viewer.get(_address(_payroll(61))))

    assert 'class="cells"' not in page
    assert 'class="bar bar--8"' in page
    assert "1 to 60 of 61" in page


def test_jobs_strip_says_how_the_runs_went(viewer: Client) -> None:
    connection = _payroll(1)
    make_entity(connection, name="Halden", recent_runs=[_run(), _run("failed"), _run("cancelled")])

    page = flat(viewer.get(_address(connection)))

    assert 'aria-label="Last 3 runs of Halden: 1 success, 1 failed, 1 cancelled"' in page


def test_jobs_of_one_entity_shows_no_entity_furniture(viewer: Client) -> None:
    connection = make_connection(recent_runs=[_run(ms=40_000), _run("failed")])
    job = make_job(connection, make_entity(connection, name="public"), rows_loaded=51_230)

    page = flat(viewer.get(_address(connection)))

    assert 'class="cells"' not in page
    assert 'id="drawer"' not in page
    assert "50% successful, 1 of 2; median duration 40 s" in page
    assert f'href="/jobs/{job.pk}/"' in page
    assert "51,230" in page


def test_jobs_lists_the_newest_first_and_leads_to_older_ones_by_key(viewer: Client) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    jobs = [make_job(connection, entity) for _ in range(26)]

    newest = flat(viewer.get(_address(connection)))
    older = flat(viewer.get(_address(connection), {"older_than": str(jobs[1].pk)}))

    assert newest.index(f"/jobs/{jobs[25].pk}/") < newest.index(f"/jobs/{jobs[1].pk}/")
    assert f"/jobs/{jobs[0].pk}/" not in newest
    assert f"?older_than={jobs[1].pk}#all-jobs" in newest
    assert f"/jobs/{jobs[0].pk}/" in older
    assert f"/jobs/{jobs[1].pk}/" not in older
    assert ">Newest</a>" in older


def test_jobs_can_be_those_of_one_entity(viewer: Client) -> None:
    connection = _payroll(2)
    one, other = connection.entities.order_by("name")
    wanted, left_out = make_job(connection, one), make_job(connection, other)

    page = flat(viewer.get(_address(connection), {"entity": str(one.pk)}))

    assert f"/jobs/{wanted.pk}/" in page
    assert f"/jobs/{left_out.pk}/" not in page
    assert "Entity: Company 0" in page


@pytest.mark.parametrize("parameter", ["entity", "older_than", "after", "before"])
def test_jobs_ignores_what_it_does_not_understand_and_says_so(viewer: Client, parameter: str) -> None:
    connection = _payroll(2)

    page = viewer.get(_address(connection), {parameter: "nonsense"})

    assert page.status_code == 200
    assert f"“{parameter}” in this address" in flat(page)


def test_jobs_shows_trigger_attempt_and_code(viewer: Client) -> None:
    connection = make_connection()
    entity: Entity = make_entity(connection)
    make_job(connection, entity, trigger=Trigger.USER, actor=member("operator"))
    make_job(connection, entity, status=JobStatus.FAILED, error_code="dns_failure")
    soon = timezone.now().replace(microsecond=0) + timedelta(minutes=7)
    tried: dict[str, Any] = {"status": JobStatus.PENDING, "attempt": 1, "max_attempts": 5, "next_attempt_at": soon}
    make_job(connection, entity, **tried, started_at=timezone.now() - timedelta(minutes=1))

    page = flat(viewer.get(_address(connection)))

    assert '<td class="nowrap j-tr">operator</td>' in page
    assert '<span class="mono muted">dns_failure</span>' in page
    assert "Attempt 2 of 5" in page
    assert f'Due <time datetime="{soon.isoformat()}"' in page


def test_jobs_before_the_first_says_so(viewer: Client) -> None:
    page = flat(viewer.get(_address(make_connection())))

    assert "Nothing ran here yet." in page
    assert "No runs yet" in page


def test_jobs_of_an_unknown_connection_is_a_404(viewer: Client) -> None:
    assert viewer.get(f"/connections/{uuid4()}/jobs/").status_code == 404


def test_jobs_is_only_read(admin: Client) -> None:
    assert admin.post(_address(make_connection())).status_code == 405


def test_entities_are_listed_worst_first_whatever_runs(viewer: Client) -> None:
    connection = _payroll(1)
    make_entity(connection, name="Away", is_selected=False)
    make_entity(connection, name="Broken", status="broken", status_reason="unreachable", failure_streak=3)
    make_entity(connection, name="Stumbling", failure_streak=1)
    make_job(connection, make_entity(connection, name="Busy"), status=JobStatus.RUNNING)

    page = viewer.get(_address(connection)).context["page"]

    names = [row.entity.name for row in page.rows]
    assert names == ["Broken", "Stumbling", "Busy", "Company 0", "Away"]
    assert [cell.name for cell in page.cells] == names[:-1]
    assert page.share == "25%"


def test_entities_can_be_filtered_by_outcome_and_text_and_the_bar_stays_whole(viewer: Client) -> None:
    connection = _payroll(3)
    make_job(connection, connection.entities.get(name="Company 1"), status=JobStatus.PENDING)

    response = viewer.get(_address(connection), {"outcome": "pending", "text": "company", "status": "failed"})
    page, shown = response.context["page"], flat(response)

    assert [row.entity.name for row in page.rows] == ["Company 1"]
    assert len(page.cells) == 3
    assert '<input type="hidden" name="outcome" value="pending">' in shown
    assert "?text=company&amp;outcome=pending&amp;status=failed" in shown.partition('id="entity-rows"')[2]
    nobody = flat(viewer.get(_address(connection), {"outcome": "failed"}))
    assert "No entity matches" in nobody
    assert 'class="cells"' in nobody


def test_jobs_can_be_filtered_and_only_failures_are_one_click_away(viewer: Client) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    made = [
        make_job(connection, entity, status=status, trigger=trigger, **values)
        for status, trigger, values in (
            (JobStatus.SUCCESS, Trigger.SCHEDULE, {}),
            (JobStatus.FAILED, Trigger.SCHEDULE, {}),
            (JobStatus.FAILED, Trigger.USER, {"type": "test_connection"}),
        )
    ]

    def listed(**query: str) -> list[str]:
        return [str(job.pk) for day in viewer.get(_address(connection), query).context["jobs"].days for job in day.jobs]

    assert listed(status="failed") == [str(made[2].pk), str(made[1].pk)]
    assert listed(status="failed", trigger="schedule") == [str(made[1].pk)]
    assert listed(type="test_connection") == [str(made[2].pk)]
    assert "No job fits" in flat(viewer.get(_address(connection), {"type": "purge"}))
    assert 'id="failures-only" href="?status=failed#all-jobs"' in flat(viewer.get(_address(connection)))


def test_jobs_stand_in_days_and_a_day_can_be_jumped_to(viewer: Client) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    now = timezone.now()
    jobs = []
    for number, days in enumerate((9, 8, 8, 1, 0)):
        at = now - timedelta(days=days, milliseconds=5 - number)
        job = make_job(connection, entity, id=first_id_at(at))
        Job.objects.filter(pk=job.pk).update(created_at=at, started_at=at, ended_at=at)
        jobs.append(job)

    newest = viewer.get(_address(connection))
    there = viewer.get(_address(connection), {"day": (now - timedelta(days=8)).date().isoformat()})
    before = flat(viewer.get(_address(connection), {"day": (now - timedelta(days=30)).date().isoformat()}))

    labels = [day.label for day in newest.context["jobs"].days]
    assert (len(labels), labels[0][:6], labels[1][:10]) == (4, "Today,", "Yesterday,")
    assert [[job.pk for job in day.jobs] for day in there.context["jobs"].days] == [
        [jobs[2].pk, jobs[1].pk],
        [jobs[0].pk],
    ]
    newer = viewer.get(f"{_address(connection)}{there.context['jobs'].newer}").context["jobs"]
    assert (newer.days[0].jobs[0].pk, newer.newest) == (jobs[4].pk, "")
    assert "No job that old" in before
