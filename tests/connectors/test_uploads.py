"""Uploaded files: what is taken in, what is refused and in which words, what is a set, and how long it is kept."""

from __future__ import annotations

import gzip
import stat
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from connectors.ids import new_id
from connectors.models import Connection, Status, Upload, UploadStatus
from connectors.plan import SyncError
from connectors.providers.assisted.declared import DeclarationError, read_declared, write_declared
from connectors.services import facts, uploads
from connectors.services.changing import version_of
from connectors.services.configure import SignIn, change_sign_in, source_facts
from connectors.services.reconcile import reconcile
from connectors.services.upload_retention import drop_old_uploads
from connectors.services.uploads import FilesMissingError
from connectors.uploads import store
from connectors.uploads.checking import Found, RefusedFileError, look_into
from connectors.uploads.store import TooLargeError
from tests.assisted import DECLARED, STAFF, WAGES, as_csv, checked, entity_of, make_assisted, upload

if TYPE_CHECKING:
    from pytest_django import Settings

AWAITED = read_declared(DECLARED)[0]


@pytest.fixture(autouse=True)
def _home(settings: Settings, tmp_path: Path) -> None:
    settings.PATCHBAY_HOME = tmp_path


def looked_into(tmp_path: Path, data: bytes, known: tuple[dict[str, str], ...] = ()) -> Found:
    path = tmp_path / "file"
    path.write_bytes(data)
    return look_into(path, name="staff.csv", awaited=AWAITED, known=known)


# ---- What is awaited --------------------------------------------------------------------------------------------
def test_declaration_is_read_as_it_is_written() -> None:
    files = read_declared("Employees, CSV: employee_id*, email\n\nPay runs: id*\nNotes")

    assert [one.table for one in files] == ["employees", "pay_runs", "notes"]
    assert (files[0].format, files[0].columns, files[0].keys) == ("CSV", ("employee_id", "email"), ("employee_id",))
    assert (files[0].as_table().mode, files[2].as_table().mode) == ("merge", "replace")
    assert read_declared(write_declared(files)) == files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Name at least one file"),
        ("Employees, XLSX: id", "the format is CSV, JSON Lines, Parquet"),
        ("Pay runs\npay-runs", "“Pay runs” and “pay-runs” would be one table"),
        ("Employees: id, ID", "a column is named twice"),
        ("€: id", "no name of a file"),
        ("\n".join(f"File {number}" for number in range(21)), "20 at most"),
    ],
)
def test_declaration_that_cannot_be_used_says_why(text: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        read_declared(text)


# ---- A file of a stranger ---------------------------------------------------------------------------------------
def test_good_file_is_read_whole(tmp_path: Path) -> None:
    found = looked_into(tmp_path, as_csv([["EMPLOYEE_ID", "email", "hired"], ["7", '=cmd|"/c calc"!A1', "2027-01-31"]]))

    assert (found.format, found.rows) == ("csv", 1)
    assert [(one["name"], one["postgres_type"]) for one in found.columns] == [
        ("employee_id", "bigint"), ("email", "text"), ("hired", "date"),
    ]  # fmt: skip


REFUSED = {
    b"": "The file is empty.",
    b"employee_id,email\n": "no rows",
    b"id,email\n1,a\n": "A column is missing: employee_id. The first line must name the columns.",
    b"employee_id,email\n1,a\n2,b,c\n": "line 3 has another number of values",
    b"employee_id,email\n1,a\n1,b\n": "1 row has the same employee_id as another row",
    b"employee_id,email\n1,a\n,b\n": "The key employee_id is empty in 1 row",
    b"employee_id,email\n1,a\x00\n": "NUL character",
    b"PK\x03\x04rest": "an Excel workbook or a ZIP archive",
    b"%PDF-1.7": "a PDF",
    b'{"employee_id": 1, "email": "a"}\n': "This is a JSON Lines file, and CSV is awaited.",
    gzip.compress(as_csv(STAFF))[:-9]: "damaged, or was cut off",
    gzip.compress(b"employee_id,email\n" + b"1,aaaaaaaaaaaaaaaaaaaa\n" * 3_000_000): "grows to more than",
}


@pytest.mark.parametrize("data", REFUSED, ids=list(REFUSED.values()))
def test_file_that_is_not_the_awaited_one_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(RefusedFileError) as refusal:
        looked_into(tmp_path, data)

    assert REFUSED[data] in refusal.value.reason
    # Nothing of what is in the file is repeated.
    assert "aaaa" not in refusal.value.reason


def test_later_file_is_held_to_the_types_of_earlier_ones(tmp_path: Path) -> None:
    known = ({"name": "employee_id", "data_type": "bigint", "postgres_type": "bigint"},)

    with pytest.raises(RefusedFileError) as refusal:
        looked_into(tmp_path, b"employee_id,email\nA7,x\n", known)

    assert refusal.value.reason == "staff.csv, line 2: “employee_id” is not a whole number, as in other rows and files."
    assert refusal.value.line == 2


# ---- Taking in --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_content_lies_under_its_id_for_us_alone_and_a_path_in_a_name_is_only_shown(tmp_path: Path) -> None:
    entity = entity_of(make_assisted())

    done = upload(entity, "Employees", STAFF, file="..\\..\\etc/pass\x1bwd/../staff.csv")

    path = tmp_path / "uploads" / done.pk.hex
    assert (done.name, done.status, done.rows, done.size) == ("staff.csv", UploadStatus.CHECKED, 2, len(as_csv(STAFF)))
    assert path.read_bytes() == as_csv(STAFF)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert len(done.sha256) == 64


@pytest.mark.django_db
def test_too_large_file_leaves_nothing(settings: Settings) -> None:
    settings.PATCHBAY_UPLOAD_BYTES = 40
    entity = entity_of(make_assisted())

    with pytest.raises(TooLargeError):
        upload(entity, "Employees", STAFF)

    assert not Upload.objects.exists()
    assert not list(store.kept())


@pytest.mark.django_db
def test_refused_file_keeps_its_reason_and_not_its_content() -> None:
    done = upload(entity_of(make_assisted()), "Employees", b"employee_id,email\n1,a\n2,b,c\n")

    assert (done.status, done.line, done.removed_at is not None) == (UploadStatus.REFUSED, 3, True)
    assert not list(store.kept())


@pytest.mark.django_db
def test_newest_file_counts_whichever_was_checked_first() -> None:
    entity = entity_of(make_assisted())
    older, newer = checked(entity, "Employees", STAFF), checked(entity, "Employees", STAFF)

    # As when two come at once, and the check of the older one takes longer.
    Upload.objects.update(status=UploadStatus.CHECKED)
    uploads._replace_older(Upload.objects.get(pk=older.pk))

    statuses = dict(Upload.objects.values_list("pk", "status"))
    assert statuses == {older.pk: UploadStatus.REPLACED, newer.pk: UploadStatus.CHECKED}


# ---- Status and sets --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_connection_awaits_its_first_whole_set() -> None:
    connection = make_assisted()
    entity = entity_of(connection)
    assert (connection.status, connection.status_reason) == (Status.INCOMPLETE, "awaiting_upload")

    checked(entity, "Employees", STAFF)
    assert Connection.objects.get().status_reason == "awaiting_upload"
    assert [one.name for one in uploads.missing_files(entity, uploads.awaited_of(connection))] == ["Payroll"]
    assert uploads.ready_entities([entity.pk]) == set()

    checked(entity, "Payroll", WAGES)
    stored = Connection.objects.get()
    assert (stored.status, stored.status_reason) == (Status.ACTIVE, "ok")
    assert stored.next_run_at is not None
    assert uploads.ready_entities([entity.pk]) == {entity.pk}
    assert reconcile() == []


@pytest.mark.django_db
def test_file_of_a_table_that_is_not_copied_is_not_awaited() -> None:
    connection = make_assisted()
    connection.tables.filter(name="payroll").update(is_selected=False)

    checked(entity_of(connection), "Employees", STAFF)

    assert Connection.objects.get().status == Status.ACTIVE


@pytest.mark.django_db
def test_withdrawn_file_is_awaited_again() -> None:
    entity = entity_of(make_assisted())
    done = checked(entity, "Employees", STAFF)

    assert uploads.withdraw(upload=done, actor=None)
    assert not uploads.withdraw(upload=done, actor=None)
    assert len(uploads.missing_files(entity, uploads.awaited_of(entity.connection))) == 2


@pytest.mark.django_db
def test_set_is_claimed_whole_and_loaded_once() -> None:
    entity, job, other = entity_of(make_assisted()), new_id(), new_id()
    both = ["employees", "payroll"]
    checked(entity, "Employees", STAFF)
    with pytest.raises(FilesMissingError, match="payroll"):
        uploads.claim(entity=entity, tables=both, job_id=job, is_afresh=False)
    checked(entity, "Payroll", WAGES)

    claimed = uploads.claim(entity=entity, tables=both, job_id=job, is_afresh=False)
    newer = checked(entity, "Payroll", WAGES)
    assert uploads.record_loaded(job_id=job) == 2
    assert uploads.record_loaded(job_id=job) == 0

    assert sorted(claimed) == both
    # An attempt that was lost after its load finds its own files, and no other job does.
    assert set(uploads.claim(entity=entity, tables=both[:1], job_id=job, is_afresh=False)) == {"employees"}
    with pytest.raises(FilesMissingError, match="employees"):
        uploads.claim(entity=entity, tables=both, job_id=other, is_afresh=False)
    # What came while the job ran belongs to the next set.
    assert Upload.objects.get(pk=newer.pk).status == UploadStatus.CHECKED
    again = uploads.claim(entity=entity, tables=both, job_id=other, is_afresh=True)
    assert (again["employees"].pk, again["payroll"].pk) == (claimed["employees"].pk, newer.pk)


@pytest.mark.django_db
def test_each_company_has_a_set_of_its_own() -> None:
    connection = make_assisted(declared="Employees, CSV: employee_id", companies="Halden Foods\nHalden Dairy")
    foods, dairy = entity_of(connection, "halden_foods"), entity_of(connection, "halden_dairy")

    checked(foods, "Employees", STAFF)

    assert uploads.ready_entities([foods.pk, dairy.pk]) == {foods.pk}
    assert (foods.dataset, dairy.dataset) == (
        f"{connection.dataset}__halden_foods",
        f"{connection.dataset}__halden_dairy",
    )
    assert facts.has_files(connection)


# ---- Retention --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_contents_go_when_their_time_is_over_and_their_records_stay(settings: Settings) -> None:
    entity, job = entity_of(make_assisted()), new_id()
    loaded, waiting = checked(entity, "Employees", STAFF), checked(entity, "Payroll", WAGES)
    Upload.objects.filter(pk=loaded.pk).update(status=UploadStatus.LOADED, job_id=job, loaded_at=timezone.now())

    assert drop_old_uploads() == 0
    later = timezone.now() + timedelta(days=settings.PATCHBAY_UPLOAD_DAYS, hours=1)
    assert drop_old_uploads(now=later) == 1

    assert list(store.kept()) == [waiting.pk]
    assert Upload.objects.get(pk=loaded.pk).removed_at == later


# ---- Another declaration ----------------------------------------------------------------------------------------
def declare(connection: Connection, files: str) -> None:
    seen = version_of(source_facts(connection))
    change_sign_in(connection=connection, seen=seen, proposed=SignIn({"files": files}), actor=None)


@pytest.mark.django_db
def test_file_declared_later_is_awaited_at_once() -> None:
    connection = make_assisted(declared="Employees, CSV: employee_id*")
    checked(entity_of(connection), "Employees", STAFF)
    connection.refresh_from_db()

    declare(connection, DECLARED)

    stored = Connection.objects.get()
    assert [one.name for one in uploads.awaited_of(stored)] == ["Employees", "Payroll"]
    assert (stored.pending_changes, stored.status_reason) == (0, "awaiting_upload")


@pytest.mark.django_db
def test_file_whose_table_is_copied_stays_declared() -> None:
    connection = make_assisted()

    with pytest.raises(SyncError) as refusal:
        declare(connection, "Employees, CSV: employee_id*")

    assert (refusal.value.code, refusal.value.detail) == (
        "source_object_missing", "No file is awaited for payroll any more.",
    )  # fmt: skip
    assert Connection.objects.get().config["files"] == DECLARED
