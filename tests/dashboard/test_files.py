"""The page for the files of a connection that people deliver: what is awaited, uploads by members, and what follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from connectors.models import FAR_AHEAD, Activity, Connection, Entity, Upload, UploadStatus
from jobs.models import Job, JobStatus, Lease, Queue, Trigger
from jobs.services.dispatch import claim_for_dispatch, make_due_jobs
from jobs.services.why import why_waiting
from tests.assisted import STAFF, WAGES, as_csv, checked, entity_of, make_assisted
from tests.dashboard.pages import flat
from tests.factories import make_connection
from tests.jobs.chain import make_due

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

FILES_QUERIES = 19

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(settings: Settings, tmp_path: Path) -> None:
    settings.PATCHBAY_HOME = tmp_path


def url(connection: Connection, rest: str = "") -> str:
    return f"/connections/{connection.pk}/files/{rest}"


def send(client: Client, connection: Connection, table: str, data: bytes, name: str = "staff.csv", **more: Any) -> Any:
    answer = {"table": table, "file": SimpleUploadedFile(name, data, "text/csv"), **more}
    return client.post(url(connection, "upload/"), answer)


def test_operator_uploads_a_set_and_its_sync_is_queued(operator: Client) -> None:
    connection = make_assisted()

    first = operator.get(send(operator, connection, "employees", as_csv(STAFF))["Location"])
    assert "staff.csv is checked: 2 rows. Still awaited: Payroll." in flat(first)
    assert not Job.objects.exists()
    second = operator.get(send(operator, connection, "payroll", as_csv(WAGES), "wages.csv")["Location"])

    assert "The set is whole, and its sync is queued." in flat(second)
    job = Job.objects.get()
    assert (job.status, job.trigger, job.actor.username if job.actor else "") == ("pending", Trigger.USER, "operator")
    acts = Activity.objects.filter(action="connection.file_uploaded").order_by("pk")
    assert [act.note for act in acts] == ["employees: staff.csv, 2 rows", "payroll: wages.csv, 2 rows"]


def test_refused_file_says_why_beside_itself_and_on_the_list(operator: Client) -> None:
    connection = make_assisted()

    answer = send(operator, connection, "employees", b"id,email\n1,a\n")

    assert answer.status_code == 422
    assert "staff.csv: A column is missing: employee_id." in flat(answer)
    assert "Refused" in flat(operator.get(url(connection)))
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("table", "data", "said"),
    [("employees", b"", "Choose a file first."), ("nonsense", b"a", "This file is not awaited any more.")],
)
def test_form_without_a_file_or_for_another_one_is_answered_in_words(
    operator: Client, table: str, data: bytes, said: str
) -> None:
    connection = make_assisted()
    files = {"file": SimpleUploadedFile("a.csv", data)} if data else {}

    answer = operator.post(url(connection, "upload/"), {"table": table, **files})

    assert answer.status_code == 422
    assert said in flat(answer)


def test_too_large_file_is_refused_and_nothing_is_kept(operator: Client, settings: Settings) -> None:
    settings.PATCHBAY_UPLOAD_BYTES = 1000
    connection = make_assisted()

    answer = send(operator, connection, "employees", b"x" * 5_000_000)

    assert answer.status_code == 422
    assert "The file is larger than 1 kB" in flat(answer)
    assert not Upload.objects.exists()


def test_file_taken_back_is_awaited_again(operator: Client) -> None:
    connection = make_assisted()
    done = checked(entity_of(connection), "Employees", STAFF)

    page = flat(operator.get(operator.post(url(connection, f"{done.pk}/withdraw/"))["Location"]))

    assert "employees.csv is taken back" in page
    assert "0 of 2" in page


def test_viewer_sees_what_is_awaited_and_uploads_nothing(viewer: Client) -> None:
    connection = make_assisted()

    page = flat(viewer.get(url(connection)))

    assert "Employees" in page
    assert 'type="file"' not in page
    assert send(viewer, connection, "employees", as_csv(STAFF)).status_code == 403
    assert not Upload.objects.exists()


def test_forged_form_is_refused(operator: Client) -> None:
    operator.handler.enforce_csrf_checks = True

    assert send(operator, make_assisted(), "employees", as_csv(STAFF)).status_code == 403
    assert not Upload.objects.exists()


def test_connection_without_files_has_no_such_page(operator: Client) -> None:
    connection = make_connection()

    assert operator.get(url(connection)).status_code == 404
    assert "Files</a>" not in flat(operator.get(f"/connections/{connection.pk}/"))


def test_number_of_queries_is_the_same_for_one_company_and_three(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    one = make_assisted()
    three = make_assisted(companies="A1\nB1\nC1")
    checked(entity_of(one), "Employees", STAFF)
    for ref in ("a1", "b1", "c1"):
        checked(entity_of(three, ref), "Employees", STAFF)
    viewer.get(url(one))

    for connection in (one, three):
        with django_assert_num_queries(FILES_QUERIES):
            viewer.get(url(connection))


# ---- A sync that waits for its files ----------------------------------------------------------------------------
def due_without_files() -> Entity:
    """Return an entity whose first set was loaded and whose next one was due and is not there."""
    connection = make_assisted()
    entity = entity_of(connection)
    for name, rows in (("Employees", STAFF), ("Payroll", WAGES)):
        checked(entity, name, rows)
    Upload.objects.update(status=UploadStatus.LOADED, job_id=connection.pk, loaded_at=connection.created_at)
    entity = entity_of(connection)
    make_due(entity)
    make_due_jobs()
    return entity_of(connection)


def test_due_sync_waits_for_its_files_and_goes_on_by_itself(operator: Client) -> None:
    entity = due_without_files()
    connection, job = entity.connection, Job.objects.get()

    assert (job.status, Lease.objects.get().available_at) == (JobStatus.PENDING, FAR_AHEAD)
    assert claim_for_dispatch(Queue.SYNC) == []
    reason = why_waiting(job)
    assert reason is not None
    assert reason.sentence.startswith("It waits for files since ")
    overview = flat(operator.get(f"/connections/{connection.pk}/"))
    assert "Waiting for files: Employees, Payroll" in overview
    assert "Upload files</a>" in overview
    assert "New upload link…</a>" in overview
    send(operator, connection, "employees", as_csv(STAFF))
    assert claim_for_dispatch(Queue.SYNC) == []

    send(operator, connection, "payroll", as_csv(WAGES))

    assert [one.pk for one in Job.objects.all()] == [job.pk]
    assert Lease.objects.get().available_at < FAR_AHEAD


def test_sync_now_without_files_says_what_is_awaited(operator: Client) -> None:
    entity = due_without_files()
    Lease.objects.all().delete()
    Job.objects.all().delete()

    answer = operator.post(f"/connections/{entity.connection_id}/sync/")

    assert answer.status_code == 409
    assert "waits for files, so there is nothing new to load" in flat(answer)
    assert not Job.objects.exists()


def test_incomplete_connection_says_which_files_are_awaited(viewer: Client) -> None:
    connection = make_assisted()

    page = flat(viewer.get(f"/connections/{connection.pk}/"))

    assert "Waiting for the first files" in page
    assert "Awaited: Employees, Payroll." in page
    assert "Upload files</a>" not in page
