"""The drawer of one entity and its own sync."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.ids import new_id
from connectors.models import Connection, Entity, Status
from jobs.models import Job, JobStatus, Lease, Trigger
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job

HTMX = {"HX-Request": "true"}
POLL = {**HTMX, "HX-Trigger": "poll"}
# Those of the job history; the entity, its jobs, and its two neighbours; what its jobs say, in four.
QUERIES = 19


def _runs(*statuses: str) -> list[dict[str, object]]:
    return [{"id": str(new_id()), "status": status, "ms": 60_000} for status in statuses]


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection with three companies in a known order."""
    made = make_connection(provider="sandbox_payroll", name="Payroll")
    for name in ("Alder", "Birch", "Cedar"):
        make_entity(made, name=name, last_success_at=timezone.now())
    return made


@pytest.fixture
def birch(connection: Connection) -> Entity:
    """The company in the middle."""
    return connection.entities.get(name="Birch")


def _sync_address(entity: Entity) -> str:
    return reverse("connections:sync-entity", args=[entity.connection_id, entity.pk])


def test_entity_is_a_whole_page_with_the_drawer_beside_the_list(viewer: Client, birch: Entity) -> None:
    page = flat(viewer.get(birch.get_absolute_url()))

    assert "<title>Birch, Payroll, job history · Patchbay</title>" in page
    assert '<aside class="drawer" id="drawer" aria-label="Entity">' in page
    assert '<tr aria-selected="true">' in page
    assert page.count('aria-selected="true"') == 1
    assert "Alder</a>" in page


def test_entity_clicked_brings_the_drawer_and_marks_the_row(viewer: Client, birch: Entity) -> None:
    fragment = flat(viewer.get(birch.get_absolute_url(), headers=HTMX))

    assert fragment.lstrip().startswith('<div id="live"')
    assert 'id="drawer" aria-label="Entity" hx-swap-oob="true"' in fragment
    assert "<title>Birch, Payroll, job history · Patchbay</title>" in fragment
    assert 'aria-selected="true"' in fragment


def test_entity_polled_renews_only_what_the_drawer_holds(viewer: Client, birch: Entity) -> None:
    fragment = flat(viewer.get(birch.get_absolute_url(), headers=POLL))

    assert '<div id="drawer-inside" hx-swap-oob="true">' in fragment
    assert "<aside" not in fragment


def test_entity_leads_to_its_neighbours_in_list_order(viewer: Client, connection: Connection, birch: Entity) -> None:
    make_entity(connection, name="Zulu", status=Status.BROKEN, status_reason="unreachable", failure_streak=3)
    alder, cedar, zulu = (connection.entities.get(name=name) for name in ("Alder", "Cedar", "Zulu"))

    middle = viewer.get(birch.get_absolute_url()).context["drawer"]
    first = viewer.get(zulu.get_absolute_url()).context["drawer"]

    assert (middle.previous.pk, middle.next.pk) == (alder.pk, cedar.pk)
    assert (first.previous, first.next.pk) == (None, alder.pk)


def test_entity_shows_its_figures_and_the_chart(viewer: Client, birch: Entity) -> None:
    birch.recent_runs, birch.failure_streak = _runs("success", "success", "cancelled", "failed", "failed"), 2
    birch.save()

    response = viewer.get(birch.get_absolute_url())
    page, drawer = flat(response), response.context["drawer"]

    assert "50%" in page
    assert "2 of 4" in page
    assert "1 m 00 s" in page
    assert "2 runs in a row" in page
    assert drawer.failing_since is not None
    assert 'aria-label="Duration of the last 5 runs. Median 1 m 00 s. The last 2 runs failed."' in page


def test_entity_shows_its_last_ten_jobs(viewer: Client, connection: Connection, birch: Entity) -> None:
    jobs = [make_job(connection, birch) for _ in range(11)]

    drawer = viewer.get(birch.get_absolute_url()).context["drawer"]

    assert [row.pk for row in drawer.jobs] == [job.pk for job in reversed(jobs[1:])]


def test_entity_before_its_first_run_says_so(viewer: Client, connection: Connection) -> None:
    new = make_entity(connection, name="New")

    page = flat(viewer.get(new.get_absolute_url()))

    assert "No job ran for this company yet." in page
    assert "No run yet" in page


@pytest.mark.parametrize("count", [1, 12])
def test_entity_takes_the_same_queries_whatever_it_shows(
    viewer: Client, connection: Connection, birch: Entity, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _ in range(count):
        make_job(connection, birch)

    with django_assert_num_queries(QUERIES):
        viewer.get(birch.get_absolute_url())


def test_entity_of_another_connection_is_a_404(viewer: Client, birch: Entity) -> None:
    other = make_connection()

    assert viewer.get(f"/connections/{other.pk}/entities/{birch.pk}/").status_code == 404
    assert viewer.get(f"/connections/{birch.connection_id}/entities/{uuid4()}/").status_code == 404


def test_entity_sync_starts_one_job_and_leads_back(operator: Client, birch: Entity) -> None:
    response = operator.post(_sync_address(birch), follow=True)

    job = Job.objects.get()
    assert response.redirect_chain == [(birch.get_absolute_url(), 302)]
    assert (job.entity_id, job.trigger, job.status) == (birch.pk, Trigger.USER, JobStatus.PENDING)
    assert "Birch: sync queued." in flat(response)
    assert f'href="/jobs/{job.pk}/"' in flat(response)


def test_entity_sync_by_htmx_shows_the_new_state_at_once(operator: Client, birch: Entity) -> None:
    response = operator.post(_sync_address(birch), headers=HTMX)
    fragment = flat(response)

    assert response.status_code == 200
    assert 'hx-swap-oob="innerHTML:#messages"' in fragment
    assert 'aria-label="Birch: Pending"' in fragment
    assert f'hx-get="{birch.get_absolute_url()}" hx-trigger="every 2s"' in fragment


def test_entity_sync_pressed_twice_starts_nothing_and_says_so(operator: Client, birch: Entity) -> None:
    operator.post(_sync_address(birch), headers=HTMX)

    again = operator.post(_sync_address(birch), headers=HTMX)

    assert again.status_code == 409
    assert "Nothing new was started." in flat(again)
    assert Job.objects.count() == Lease.objects.count() == 1


def test_entity_sync_of_a_paused_connection_is_refused(operator: Client, connection: Connection, birch: Entity) -> None:
    Connection.objects.filter(pk=connection.pk).update(status=Status.PAUSED, status_reason="paused_by_user")

    refused = operator.post(_sync_address(birch), headers=HTMX)
    plain = operator.post(_sync_address(birch), follow=True)

    assert refused.status_code == 409
    assert "Payroll is paused" in flat(refused)
    assert "Payroll is paused" in flat(plain)
    assert not Job.objects.exists()


def test_entity_sync_is_for_operators(viewer: Client, birch: Entity) -> None:
    assert "Sync this company" not in flat(viewer.get(birch.get_absolute_url()))
    assert viewer.post(_sync_address(birch)).status_code == 403
    assert not Job.objects.exists()


def test_entity_sync_is_only_posted(operator: Client, birch: Entity) -> None:
    assert operator.get(_sync_address(birch)).status_code == 405


def test_entity_sync_of_an_unknown_entity_is_a_404(operator: Client, connection: Connection) -> None:
    assert operator.post(f"/connections/{connection.pk}/entities/{uuid4()}/sync/").status_code == 404
