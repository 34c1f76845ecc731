"""Cancelling a job: the question, the deed, and what a second press gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.contrib.messages import get_messages

from jobs.models import Job, Lease
from tests.conftest import member
from tests.dashboard.job_records import payroll_entity, running_sync, sync_of

if TYPE_CHECKING:
    from django.test import Client

HTMX = {"HX-Request": "true"}


def cancel_url(job: Job) -> str:
    """The address of the question."""
    return f"/jobs/{job.pk}/cancel/"


def told(response: Any) -> list[str]:
    """The messages of an answer."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_question_is_a_page_and_a_dialog(operator: Client) -> None:
    job = running_sync(payroll_entity())

    whole, dialog = operator.get(cancel_url(job)), operator.get(cancel_url(job), headers=HTMX)

    assert "<html" in whole.content.decode()
    assert "<html" not in dialog.content.decode()
    for response in (whole, dialog):
        assert "Cancel this data sync of Kestrel Drivers GmbH?" in response.content.decode()
    assert Lease.objects.get(job=job).cancel_requested_at is None


def test_running_job_is_asked_to_stop(operator: Client) -> None:
    job = running_sync(payroll_entity())

    response = operator.post(cancel_url(job))

    assert response.status_code == 302
    assert response["Location"] == job.get_absolute_url()
    assert told(response) == ["The job was asked to stop. It ends at the next safe point."]
    lease = Lease.objects.get(job=job)
    assert lease.cancel_requested_by == member("operator")
    assert lease.cancel_requested_at is not None
    shown = operator.get(job.get_absolute_url()).content.decode()
    assert "Cancelling: it stops at the next safe point" in shown
    assert "by operator" in shown
    assert "data-dialog" not in shown


def test_waiting_job_is_cancelled_at_once(operator: Client) -> None:
    job = sync_of(payroll_entity(), "pending")

    response = operator.post(cancel_url(job))

    job.refresh_from_db()
    assert job.status == "cancelled"
    assert told(response) == ["The job is cancelled. It waited in the queue, so nothing had to be stopped."]


def test_second_press_changes_nothing(operator: Client) -> None:
    job = running_sync(payroll_entity())
    operator.post(cancel_url(job))
    first = Lease.objects.get(job=job).cancel_requested_at

    operator.post(cancel_url(job))

    assert Lease.objects.get(job=job).cancel_requested_at == first


def test_job_that_is_over_is_refused_with_the_reason(operator: Client) -> None:
    job = sync_of(payroll_entity())

    plain, by_htmx = operator.post(cancel_url(job)), operator.post(cancel_url(job), headers=HTMX)

    for response in (plain, by_htmx):
        assert response.status_code == 409
        assert "This job has ended already" in response.content.decode()
        assert job.get_absolute_url() in response.content.decode()
    job.refresh_from_db()
    assert job.status == "success"


def test_question_about_a_job_that_is_over_leads_back(operator: Client) -> None:
    job = sync_of(payroll_entity())

    plain, by_htmx = operator.get(cancel_url(job)), operator.get(cancel_url(job), headers=HTMX)

    assert plain["Location"] == job.get_absolute_url()
    assert by_htmx["HX-Redirect"] == job.get_absolute_url()


def test_htmx_press_leads_to_the_job(operator: Client) -> None:
    job = running_sync(payroll_entity())

    response = operator.post(cancel_url(job), headers=HTMX)

    assert response["HX-Redirect"] == job.get_absolute_url()


def test_viewer_may_not_cancel(viewer: Client) -> None:
    job = running_sync(payroll_entity())

    assert viewer.get(cancel_url(job)).status_code == 403
    assert viewer.post(cancel_url(job)).status_code == 403
    assert Lease.objects.get(job=job).cancel_requested_at is None


def test_unknown_job_is_not_found(operator: Client) -> None:
    assert operator.post(f"/jobs/{uuid4()}/cancel/").status_code == 404
