"""The hosted flow for files: uploaded in place of a sign-in, checked as they come, sent at the end, told in events."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from connectors.models import Connection, Status, Upload, UploadStatus
from dashboard.connecting.steps import Step
from dashboard.mail import send_link
from dashboard.pages.connect_look import look
from jobs.models import Job, Trigger
from sessions_log.models import SessionKind, SessionStatus
from sessions_log.services.sweep import sweep
from sessions_log.stages import Stage, number_of
from tests.assisted import DECLARED, STAFF, WAGES, as_csv, make_assisted
from tests.dashboard.connecting import Person, person
from tests.dashboard.pages import flat

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

BEGUN = ["link.created", "link.clicked", "session.opened", "terms.accepted"]
NEW_LINK = "/sessions/new/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(settings: Settings, tmp_path: Path) -> None:
    settings.PATCHBAY_HOME = tmp_path


def invited(connection: Connection) -> Person:
    """Return somebody who got a link to upload the files of a connection."""
    return person(connection=connection, provider="")


def bring(who: Person, table: str, data: bytes, name: str = "staff.csv") -> Any:
    answer = {"table": table, "file": SimpleUploadedFile(name, data, "text/csv")}
    return who.client.post(f"/connect/session/{who.session.pk}/upload/file/", answer)


def test_files_of_a_connection_are_uploaded_checked_and_sent() -> None:
    connection = make_assisted()
    who = invited(connection)
    assert "asks you to upload files" in flat(who.client.get(who.address))
    agreed = who.begin().send(Step.TERMS, agree="on")
    assert agreed["Location"].endswith("/upload/")
    page = flat(who.see(Step.UPLOAD))
    assert "CSV, with the columns employee_id and email" in page

    assert bring(who, "employees", as_csv(STAFF))["Location"].endswith("/upload/")
    assert "1 of 2 files is there." in flat(who.see(Step.UPLOAD))
    # Nothing is the connection's before it is sent.
    assert Connection.objects.get().status_reason == "awaiting_upload"
    assert bring(who, "payroll", as_csv(WAGES), "wages.csv")["Location"].endswith("/check/")
    check = flat(who.see(Step.CHECK))
    assert "Employees: staff.csv, 2 rows" in check
    assert "Send 2 files" in check
    assert who.send(Step.CHECK)["Location"].endswith("/done/")
    done = flat(who.see(Step.DONE))

    assert "2 files are delivered" in done
    stored, job = Connection.objects.get(), Job.objects.get()
    assert (stored.status, job.trigger, job.status) == (Status.ACTIVE, Trigger.SESSION, "pending")
    assert set(Upload.objects.values_list("connection", "status")) == {(connection.pk, UploadStatus.CHECKED)}
    files = ["file.submitted", "file.accepted", "page.viewed"]
    assert who.told() == [*BEGUN, "page.viewed", *files, *files, "permissions.verified", "session.completed"]
    session = who.now()
    assert (session.status, session.first_job_id, session.connection_id) == ("completed", job.pk, connection.pk)


def test_link_for_a_new_connection_makes_it_with_its_files() -> None:
    config = {"files": "Employees, CSV: employee_id*, email"}
    who = person(provider="assisted", config=config).agree()

    assert bring(who, "employees", as_csv(STAFF))["Location"].endswith("/check/")
    who.send(Step.CHECK)

    made = Connection.objects.get()
    assert (made.name, made.config, made.status) == ("Halden Foods · File upload", config, Status.ACTIVE)
    upload = Upload.objects.get()
    assert (upload.connection, upload.entity, upload.end_user_name) == (made, made.entities.get(), "Halden Foods")
    assert Job.objects.get().entity == upload.entity
    assert made.entities.get().dataset == made.dataset


def test_refused_file_is_told_as_it_was_read_and_can_be_corrected() -> None:
    who = invited(make_assisted()).agree()

    answer = bring(who, "employees", b"number,email\n1,ada@halden.example\n")

    assert answer.status_code == 422
    words = "A column is missing: employee_id. The first line must name the columns."
    assert words in flat(answer)
    refusal = who.now().events.get(name="file.refused")
    assert (refusal.error_code, refusal.words) == ("file_refused", f"staff.csv cannot be used. {words}")
    assert refusal.detail == {"file": "Employees"}
    # What was in the file is nowhere.
    assert not who.now().events.filter(words__contains="ada@").exists()
    assert bring(who, "employees", as_csv(STAFF)).status_code == 303


def test_too_large_file_is_refused_in_words(settings: Settings) -> None:
    settings.PATCHBAY_UPLOAD_BYTES = 1000
    who = invited(make_assisted()).agree()

    answer = bring(who, "employees", b"x" * 100_000)

    assert answer.status_code == 422
    assert "The file is too large" in flat(answer)
    assert who.now().error_code == "file_refused"


def test_three_refusals_and_silence_are_found() -> None:
    who = invited(make_assisted()).agree()
    for _ in range(3):
        bring(who, "employees", b"")
        bring(who, "employees", b"%PDF")
    sweep(now=timezone.now() + timedelta(minutes=16))

    session = who.now()
    assert (session.status, session.furthest) == (SessionStatus.ABANDONED, number_of(Stage.AUTHENTICATION))
    assert [one["code"] for one in session.findings] == ["file_refused", "refused_then_silent"]


def test_who_leaves_sends_nothing_and_can_come_back() -> None:
    who = invited(make_assisted()).agree()
    bring(who, "employees", as_csv(STAFF))

    page = flat(who.client.get(f"/connect/session/{who.session.pk}/leave/"))
    assert "files that you have not sent are removed after two days" in page
    assert "I do not have the files at hand" in page
    who.client.post(f"/connect/session/{who.session.pk}/leave/", {"reason": "no_access"})

    assert Upload.objects.get().connection is None
    assert who.now().status == SessionStatus.EXITED
    assert "staff.csv" in flat(who.see(Step.UPLOAD))


def test_another_browser_and_a_finished_session_upload_nothing() -> None:
    who = invited(make_assisted(declared="Employees, CSV: employee_id")).agree()
    stranger = Person(who.session, who.address)
    assert bring(stranger, "employees", as_csv(STAFF)).status_code == 404
    bring(who, "employees", as_csv(STAFF))
    who.send(Step.CHECK)

    assert bring(who, "employees", as_csv(STAFF))["Location"].endswith("/done/")
    assert Upload.objects.count() == 1


def test_each_company_delivers_its_own_files() -> None:
    connection = make_assisted(declared="Employees, CSV: employee_id", companies="Halden Foods\nHalden Dairy")
    dairy = connection.entities.get(ref="halden_dairy")
    who = invited(connection).agree()
    answer = {"table": "employees", "entity": dairy.pk, "file": SimpleUploadedFile("d.csv", as_csv(STAFF))}

    who.client.post(f"/connect/session/{who.session.pk}/upload/file/", answer)
    who.send(Step.CHECK)

    assert Upload.objects.get().entity == dairy
    assert Job.objects.get().entity == dairy


# ---- Around it --------------------------------------------------------------------------------------------------
def test_operator_makes_an_upload_link(operator: Client, settings: Settings) -> None:
    settings.PATCHBAY_EMAIL_HOST = "mail.example"
    connection = make_assisted()
    page = flat(operator.get(f"{NEW_LINK}?connection={connection.pk}"))
    assert f"Upload link for {connection.name}" in page


def test_nobody_can_choose_to_upload_files_of_his_own() -> None:
    who = person(provider="").agree()

    assert "File upload" not in flat(who.see(Step.PROVIDER))
    assert who.send(Step.PROVIDER, provider="assisted").status_code == 422


def test_mail_asks_for_files(settings: Settings) -> None:
    session = person(provider="assisted", config={"files": DECLARED}, end_user_email="it@halden.example").session

    assert send_link(session, "https://patchbay.example/connect/x/", look=look(), zone=timezone.get_current_timezone())

    assert mail.outbox[0].subject.endswith("upload your files")
    assert "asks you to upload files" in mail.outbox[0].body
    assert "sign in" not in mail.outbox[0].body


def test_sessions_of_files_have_milestones_of_their_own(viewer: Client) -> None:
    connection = make_assisted()
    who = invited(connection).agree()
    assert who.session.kind == SessionKind.RECONNECT
    bring(who, "employees", b"number\n1\n")

    page = flat(viewer.get(f"/connections/{connection.pk}/auth/"))

    for name in (
        "1 Invited",
        "2 Link opened",
        "3 Files delivered",
        "4 Files checked",
        "5 First load",
        "6 Data complete",
    ):
        assert name in page
    assert "1 of 2 files, here now" in page
    assert "They read: “staff.csv cannot be used." in page
