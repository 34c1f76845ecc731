"""The press on Sync now: from the list, from another page, without scripts, twice, and by those who may not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from connectors.ids import new_id
from connectors.models import Connection, Status
from jobs.models import Job, JobStatus, Lease, Trigger
from tests.factories import make_connection, make_entity, make_job

HTMX = {"HX-Request": "true"}


def flat(response: Any) -> str:
    """The text in one line, as the formatter of templates is free to break it."""
    return re.sub(r"\s+", " ", response.content.decode())


def rows_of(connection: Connection) -> str:
    return f"head.0,{connection.pk.hex}.0"


def address(connection: Connection) -> str:
    return f"/connections/{connection.pk}/sync/"


def test_press_queues_one_job_per_entity_and_shows_it_at_once(operator: Client) -> None:
    connection = make_connection()
    entities = {make_entity(connection).pk, make_entity(connection).pk}
    make_entity(connection, is_selected=False)

    response = operator.post(address(connection), {"rows": rows_of(connection)}, headers=HTMX)

    jobs = Job.objects.all()
    assert {job.entity_id for job in jobs} == entities
    assert {(job.status, job.trigger) for job in jobs} == {(JobStatus.PENDING, Trigger.USER)}
    assert {str(job.actor) for job in jobs} == {"operator"}
    text = flat(response)
    assert response.status_code == 200
    assert "<html" not in text
    assert re.search(rf'id="status-{connection.pk.hex}"[^>]*>.*Queued </a> </td>', text)
    assert "sync queued, one job per schema (2)." in text
    assert 'hx-trigger="every 2s"' in text


def test_second_press_starts_nothing_and_leads_to_the_job(operator: Client) -> None:
    connection = make_connection(name="Shop")
    job = make_job(connection, make_entity(connection), status=JobStatus.RUNNING)

    response = operator.post(address(connection), {"rows": rows_of(connection)}, headers=HTMX)

    text = flat(response)
    assert response.status_code == 409
    assert "Shop is syncing already. Nothing new was started." in text
    assert f'<a href="/jobs/{job.pk}/">Open that job</a>' in text
    assert "Syncing now" in text
    assert (Job.objects.count(), Lease.objects.count()) == (1, 1)


def test_plain_form_leads_back_with_a_message(operator: Client) -> None:
    connection = make_connection(name="Shop")
    make_entity(connection)

    response = operator.post(address(connection), {"next": "/?status=active"}, follow=True)

    assert response.redirect_chain == [("/?status=active", 302)]
    job = Job.objects.get()
    assert f'Shop: sync queued. <a href="/jobs/{job.pk}/">Open the job</a>' in flat(response)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.INCOMPLETE])
def test_plain_form_of_a_connection_that_cannot_sync_says_why(operator: Client, status: Status) -> None:
    connection = make_connection(status=status, status_reason="no_tables_selected")
    make_entity(connection)

    response = operator.post(address(connection))

    assert response.status_code == 409
    assert {Status.PAUSED: "is paused", Status.INCOMPLETE: "cannot sync yet"}[status] in flat(response)
    assert not Job.objects.exists()


def test_fragment_of_a_paused_connection_is_409(operator: Client) -> None:
    connection = make_connection(status=Status.PAUSED, status_reason="paused_by_user")

    response = operator.post(address(connection), {"rows": rows_of(connection)}, headers=HTMX)

    assert response.status_code == 409
    assert "is paused" in flat(response)


def test_htmx_on_another_page_is_led_back_to_it(operator: Client) -> None:
    connection = make_connection()
    make_entity(connection)
    overview = f"/connections/{connection.pk}/"

    response = operator.post(address(connection), {"next": overview}, headers=HTMX)

    assert response.headers["HX-Redirect"] == overview
    assert Job.objects.count() == 1


def test_next_of_another_site_is_not_followed(operator: Client) -> None:
    connection = make_connection()
    make_entity(connection)

    response = operator.post(address(connection), {"next": "https://evil.example/"})

    assert response.headers["Location"] == "/"


def test_name_in_the_message_is_escaped(operator: Client) -> None:
    connection = make_connection(name="<img src=x>")
    make_entity(connection)

    response = operator.post(address(connection), {"rows": rows_of(connection)}, headers=HTMX)

    assert "<img" not in flat(response)


def test_viewer_may_not(viewer: Client) -> None:
    connection = make_connection()
    make_entity(connection)

    assert viewer.post(address(connection)).status_code == 403
    assert not Job.objects.exists()


def test_get_and_unknown_connection_are_refused(operator: Client) -> None:
    connection = make_connection()

    assert operator.get(address(connection)).status_code == 405
    assert operator.post(f"/connections/{new_id()}/sync/").status_code == 404
