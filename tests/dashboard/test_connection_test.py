"""The dialog of a connection's tests: one at a time, earlier ones and since when, roles, the same queries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from connectors.models import Connection
from jobs.models import Job, JobStatus, JobType
from jobs.services.enqueue_test import enqueue_test
from tests.dashboard.job_records import add_step
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_job, make_ready_connection

if TYPE_CHECKING:
    from django.test import Client

HTMX = {"HX-Request": "true"}
POLL = {**HTMX, "HX-Trigger": "test-poll"}


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection that is set up."""
    del db
    connection = make_ready_connection(name="Harbour Shop")
    make_entity(connection)
    return connection


def url(connection: Connection) -> str:
    return f"/connections/{connection.pk}/test/"


def test_second_press_starts_nothing_and_shows_the_test_that_lives(operator: Client, connection: Connection) -> None:
    operator.post(url(connection))

    for headers in ({}, HTMX):
        again = operator.post(url(connection), headers=headers)

        assert again.status_code == 409
        assert "is on its way already. Nothing new was started." in flat(again)
        assert "waiting for a worker" in flat(again)
    assert Job.objects.filter(type=JobType.TEST_CONNECTION).count() == 1


def test_viewer_sees_results_but_no_button(viewer: Client, connection: Connection) -> None:
    make_job(connection, type=JobType.TEST_CONNECTION, status=JobStatus.FAILED, error_code="unreachable")

    page = flat(viewer.get(url(connection)))

    assert "Test connection: unreachable" in page
    assert "Test again" not in page
    assert 'id="test-results"' in flat(viewer.get(connection.get_absolute_url()))
    assert viewer.post(url(connection)).status_code == 403
    assert Job.objects.filter(type=JobType.TEST_CONNECTION).count() == 1


def test_never_tested_offers_the_first_test(operator: Client, viewer: Client, connection: Connection) -> None:
    assert "Start test" in flat(operator.get(url(connection)))
    page = flat(viewer.get(url(connection)))
    assert "was never tested" in page
    assert "Start test" not in page


def test_earlier_tests_are_listed_with_the_step_that_fails_and_since_when(
    operator: Client, connection: Connection
) -> None:
    kind: dict[str, Any] = {"type": JobType.TEST_CONNECTION}
    bad = {**kind, "status": JobStatus.FAILED, "error_code": "insufficient_permissions", "error_step": "permissions"}
    since = timezone.now() - timedelta(days=2)
    make_job(connection, **kind)
    make_job(connection, **bad, ended_at=since)
    last = make_job(connection, **bad)
    add_step(last, 1, "connectivity", "success", 0.1)

    page = flat(operator.get(url(connection)))

    assert "Permissions has failed in 2 tests in a row, the first" in page
    assert since.isoformat(timespec="seconds") in page
    listed = page.partition('id="earlier-tests"')[2]
    assert listed.count("data-dialog") == 2
    assert "Permission denied" in listed
    first = Job.objects.filter(**kind).order_by("pk")[0]
    assert "Test connection: success" in flat(operator.get(f"{url(connection)}?job={first.pk}"))


def test_test_of_another_connection_is_not_shown(operator: Client, connection: Connection) -> None:
    other = make_job(make_ready_connection(), type=JobType.TEST_CONNECTION)

    assert "was never tested" in flat(operator.get(f"{url(connection)}?job={other.pk}"))
    assert operator.get(f"{url(connection)}?job={other.pk}", headers=POLL).status_code == 404
    assert operator.get(f"{url(connection)}?job=1", headers=POLL).status_code == 404
    assert operator.get(f"{url(connection)}?job=1").status_code == 200


def test_dialog_takes_the_same_queries_with_one_and_with_thirty_tests(
    operator: Client, connection: Connection, django_assert_num_queries: Any
) -> None:
    make_job(connection, type=JobType.TEST_CONNECTION)
    operator.get(url(connection))
    with django_assert_num_queries(6):
        operator.get(url(connection), headers=HTMX)
    for _ in range(29):
        make_job(connection, type=JobType.TEST_CONNECTION)
    with django_assert_num_queries(6):
        operator.get(url(connection), headers=HTMX)


def test_cancelled_test_says_so(operator: Client, connection: Connection) -> None:
    job = enqueue_test(connection=connection, actor=None)
    operator.post(f"/jobs/{job.pk}/cancel/")

    assert "Test connection: cancelled" in flat(operator.get(url(connection)))
