"""Discovery, pause, resume, re-sync and purge of a connection: the question, the deed, and what a wrong answer gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from connectors.models import Connection, Pause, Status, Table
from dashboard.formatting import exact_time
from jobs.models import Job, JobStatus, JobType, Lease
from jobs.services.pausing import pause_connection
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_job, make_ready_connection

if TYPE_CHECKING:
    from django.test import Client

HTMX = {"HX-Request": "true"}
SHOP = "Harbour Shop"


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection that is set up, with one entity and a run behind it."""
    del db
    connection = make_ready_connection(name=SHOP)
    entity = make_entity(connection, next_run_at=timezone.now() + timedelta(hours=1), last_rows=12_000)
    make_job(connection, entity, tables=[{"name": "orders", "extracted": 12_000, "loaded": 12_000}])
    return connection


@pytest.fixture
def paused(connection: Connection) -> Connection:
    pause_connection(connection=connection, reason="Moving house", actor=member("operator"))
    return Connection.objects.get(pk=connection.pk)


def url(connection: Connection, action: str) -> str:
    return f"/connections/{connection.pk}/{action}/"


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_question_what_is_new_becomes_a_job_and_leads_to_it(operator: Client, connection: Connection) -> None:
    response = operator.post(url(connection, "discover"))

    job = Job.objects.get(type=JobType.DISCOVER)
    assert (response.status_code, response["Location"]) == (302, job.get_absolute_url())
    assert (job.status, job.actor) == (JobStatus.PENDING, member("operator"))
    page = operator.get(job.get_absolute_url())
    assert page.status_code == 200


@pytest.mark.parametrize("action", ["pause", "resync"])
def test_question_is_a_page_and_a_dialog(operator: Client, connection: Connection, action: str) -> None:
    whole, dialog = operator.get(url(connection, action)), operator.get(url(connection, action), headers=HTMX)

    assert "<html" in whole.content.decode()
    assert "<html" not in dialog.content.decode()
    for response in (whole, dialog):
        assert SHOP in response.content.decode()
        assert 'id="dialog-title"' in response.content.decode()
    assert not Pause.objects.exists()


def test_pause_stops_it_with_the_reason_and_the_end(operator: Client, connection: Connection) -> None:
    until = (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    answer = {"reason": "Moving house", "until": f"{until:%Y-%m-%dT%H:%M}"}

    response = operator.post(url(connection, "pause"), answer)

    assert (response.status_code, response["Location"]) == (302, connection.get_absolute_url())
    pause = Pause.objects.get(connection=connection)
    assert (pause.reason, pause.until, pause.created_by) == ("Moving house", until, member("operator"))
    page = flat(operator.get(connection.get_absolute_url()))
    assert "Moving house" in page
    assert url(connection, "resume") in page


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"reason": ""}, "required"),
        ({"reason": "Kept text", "until": "2001-01-01T10:00"}, "This time has passed"),
        ({"reason": "Kept text", "until": "soon"}, "Enter a valid date/time"),
        ({"reason": "Kept text", "ends": "at"}, "Say when it goes on"),
        ({"reason": "Kept text", "ends": "never"}, "not one of the available choices"),
    ],
)
def test_unusable_answer_is_asked_again_and_keeps_what_was_typed(
    operator: Client, connection: Connection, answer: dict[str, str], said: str
) -> None:
    response = operator.post(url(connection, "pause"), answer)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert answer["reason"] in response.content.decode()
    assert not Pause.objects.exists()


def test_resume_does_not_promise_what_is_held_back(operator: Client, paused: Connection) -> None:
    paused.entities.update(last_error_code="invalid_credentials", failure_streak=1)

    question = flat(operator.get(url(paused, "resume")))

    assert "1 schema stays on hold" in question
    assert "will sync again" not in question
    operator.post(url(paused, "resume"))
    paused.refresh_from_db()
    assert paused.next_run_at is None


@pytest.mark.parametrize(
    ("answer", "hours"),
    [
        ({"ends": "tomorrow", "tomorrow": "2037-05-06T08:00", "until": "2037-01-01T10:00"}, 8),
        ({"ends": "at", "until": "2037-05-06T10:00"}, 10),
        ({"ends": "by_hand", "until": "2037-05-06T10:00"}, None),
    ],
)
def test_pause_ends_as_chosen(
    operator: Client, connection: Connection, answer: dict[str, str], hours: int | None
) -> None:
    operator.post(url(connection, "pause"), {"reason": "Moving house", **answer})

    until = Pause.objects.get(connection=connection).until
    assert until == (hours and datetime(2037, 5, 6, hours, tzinfo=UTC))


def test_pause_asks_about_a_sync_that_runs_and_cancels_it_if_told(operator: Client, connection: Connection) -> None:
    assert "in progress" not in flat(operator.get(url(connection, "pause")))
    job = make_job(connection, connection.entities.get(), status=JobStatus.RUNNING)
    Lease.objects.filter(pk=job.pk).update(progress={"tables": {"orders": [1200, 0]}})

    question = flat(operator.get(url(connection, "pause")))

    assert "A sync is in progress" in question
    assert "1,200 rows read so far" in question
    operator.post(url(connection, "pause"), {"reason": "Moving house", "running": "cancel"})
    assert Lease.objects.get(pk=job.pk).cancel_requested_at is not None


def test_paused_already_is_said(operator: Client, paused: Connection) -> None:
    response = operator.post(url(paused, "pause"), {"reason": "Again"})

    assert response.status_code == 409
    assert f"{SHOP} is paused already. Nothing was changed." in flat(response)
    assert url(paused, "resume") in flat(response)
    assert operator.get(url(paused, "pause"), headers=HTMX)["HX-Redirect"] == paused.get_absolute_url()


def test_resume_says_what_will_run_and_does_it(operator: Client, paused: Connection) -> None:
    question = flat(operator.get(url(paused, "resume")))
    response = operator.post(url(paused, "resume"))

    assert "by operator: “Moving house”, without an end." in question
    paused.refresh_from_db()
    assert (paused.status, paused.next_run_at is None) == (Status.ACTIVE, False)
    planned = exact_time(paused.next_run_at or timezone.now())
    assert f"1 schema will sync again at the next time of the schedule, first on {planned}." in question
    assert "The next sync is planned for" in told(response)
    assert operator.post(url(paused, "resume")).status_code == 409


def test_resync_says_tables_rows_and_duration_and_starts(operator: Client, connection: Connection) -> None:
    orders = connection.tables.get()
    page = flat(operator.get(url(connection, "resync")))
    assert "orders" in page
    assert "12,000 rows" in page
    assert "A run usually takes 10 s" in page

    response = operator.post(url(connection, "resync"), {"tables": [str(orders.pk)], "since": "2024-02-01"})

    assert response.status_code == 302
    job = Job.objects.get(type=JobType.HISTORICAL_RESYNC)
    assert (job.options["tables"], job.options["since"]) == ([str(orders.pk)], "2024-02-01")
    assert operator.get(job.get_absolute_url()).status_code == 200


def test_resync_of_a_table_of_another_connection_is_refused(operator: Client, connection: Connection) -> None:
    other = Table.objects.get(connection=make_ready_connection())

    response = operator.post(url(connection, "resync"), {"tables": [str(other.pk)]})

    assert response.status_code == 422
    assert not Job.objects.filter(type=JobType.HISTORICAL_RESYNC).exists()


def test_resync_of_a_paused_connection_starts_nothing(operator: Client, paused: Connection) -> None:
    response = operator.post(url(paused, "resync"))

    assert response.status_code == 409
    assert "is paused: Moving house. Resume it first" in flat(response)
    assert not Lease.objects.exists()


def test_purge_wants_the_name_and_starts(admin: Client, paused: Connection) -> None:
    question = flat(admin.get(url(paused, "purge")))
    assert "1 table of 1 schema, 12,000 rows in the last runs, go from" in question
    wrong = admin.post(url(paused, "purge"), {"name": "Harbour"})
    assert wrong.status_code == 422
    assert not Lease.objects.exists()

    response = admin.post(url(paused, "purge"), {"name": SHOP})

    assert response.status_code == 302
    job = Job.objects.get(type=JobType.PURGE)
    assert (job.status, job.actor) == (JobStatus.PENDING, member("admin"))
    assert admin.get(job.get_absolute_url()).status_code == 200


def test_purge_of_a_connection_that_runs_is_refused(admin: Client, connection: Connection) -> None:
    response = admin.post(url(connection, "purge"), {"name": SHOP})

    assert response.status_code == 409
    assert f"Pause {SHOP} first" in flat(response)
    assert not Job.objects.filter(type=JobType.PURGE).exists()


@pytest.mark.parametrize("job_type", ["test_connection", "discover", "historical_resync", "purge"])
@pytest.mark.parametrize(
    ("status", "code"), [("success", ""), ("failed", "invalid_credentials"), ("cancelled", "paused")]
)
def test_page_of_each_job_type_shows_its_end(
    operator: Client, connection: Connection, job_type: str, status: str, code: str
) -> None:
    job = make_job(connection, connection.entities.get(), type=job_type, status=status, error_code=code)

    page = flat(operator.get(job.get_absolute_url()))

    assert job.get_type_display() in page
    assert connection.name in flat(operator.get(f"/connections/{connection.pk}/jobs/"))
