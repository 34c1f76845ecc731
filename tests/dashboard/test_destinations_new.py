"""A new destination: what is wrong is told and stores nothing, what works is stored and recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import pytest

from connectors.models import Activity, Destination
from tests.dashboard.landing import LOADER, PASSWORD, PLACE, READER, landing_place, url
from tests.dashboard.pages import flat
from tests.factories import make_destination
from tests.servers import HOME, POSTGRES

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NEW = "/destinations/new/"
ANSWER = {"kind": "postgres", "name": "Warehouse", **PLACE, "password": PASSWORD, "sslmode": "prefer"}


@pytest.fixture(scope="module", autouse=True)
def _place() -> Iterator[None]:
    with landing_place():
        yield


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    """An empty data folder."""
    settings.PATCHBAY_HOME = tmp_path
    return tmp_path


def acts() -> list[tuple[str, str]]:
    return list(Activity.objects.order_by("pk").values_list("action", "actor_name"))


def test_new_one_is_checked_stored_sealed_and_recorded(operator: Client, viewer: Client) -> None:
    choice = flat(operator.get(NEW))
    assert "?kind=postgres" in choice
    assert "?kind=duckdb" in choice
    assert "Test and add" in flat(operator.get(f"{NEW}?kind=postgres"))

    response = operator.post(NEW, ANSWER)

    made = Destination.objects.get()
    assert (response.status_code, response["Location"]) == (302, url(made))
    assert made.config == {**PLACE, "port": POSTGRES.server.port, "sslmode": "prefer"}
    assert made.read_credentials() == {"password": PASSWORD}
    assert acts() == [("destination.created", "operator")]
    page = flat(viewer.get(url(made)))
    assert f"Signed in as {LOADER}" in page
    assert "May create schemas and tables" in page
    assert "Set just now by operator" in page
    assert PASSWORD not in page
    assert "Edit</a>" not in page
    assert "Test</button>" not in page


@pytest.mark.parametrize(
    ("typed", "title", "words"),
    [
        ({"password": "wrong-password"}, "refused to be written to", "password authentication failed"),
        ({"user": READER}, "refused to be written to", "The user may not create schemas in this database."),
        ({"port": "1"}, "cannot be reached", "Connection refused"),
        ({"host": "nothing.invalid"}, "cannot be reached", "cannot be found"),
        ({"host": "10.0.0.1"}, "The address of Warehouse is not allowed", "10.0.0.1 leads to 10.0.0.1."),
        ({"database": "no_such"}, "The settings do not fit Warehouse", "does not exist"),
        ({"sslmode": "require"}, "cannot be reached", "The server offers no encryption"),
    ],
)
def test_new_one_that_fails_its_check_is_not_stored(
    operator: Client, typed: dict[str, str], title: str, words: str
) -> None:
    answer = {**ANSWER, **typed}

    response = operator.post(NEW, answer)

    page = flat(response)
    assert response.status_code == 422
    assert f"Nothing was stored: {title}" in page or f"Nothing was stored: Warehouse {title}" in page
    assert words in page
    assert "What to do" in page
    # What was typed is kept, the password excepted.
    assert f'value="{answer["user"]}"' in page
    assert answer["password"] not in page
    assert not Destination.objects.exists()
    assert acts() == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "Give the destination a name that people will know."),
        ({"name": "n" * 201}, "at most 200 characters"),
        ({"name": "TAKEN"}, "Another destination is called “TAKEN” already."),
        ({"host": "postgres://db"}, "Leave out “postgres://”"),
        ({"host": ""}, "Fill in “Host”."),
        ({"port": "70000"}, "“Port” is a whole number from 1 to 65535."),
        ({"database": ""}, "Fill in “Database”."),
        ({"user": ""}, "Fill in “User”."),
        ({"password": ""}, "Fill in “Password”."),
        ({"sslmode": "maybe"}, "maybe is not one of the available choices."),
        ({"kind": "floppy"}, "Which kind of place is it?"),
        ({"kind": "duckdb", "file": "../etc/passwd"}, "This is no usable file name"),
        ({"kind": "duckdb", "file": ""}, "Fill in “File name”."),
    ],
)
def test_bad_input_gets_its_sentence_and_stores_nothing(operator: Client, typed: dict[str, str], said: str) -> None:
    make_destination(name="Taken")

    response = operator.post(NEW, {**ANSWER, **typed})

    assert response.status_code == 422
    assert said in flat(response)
    assert Destination.objects.count() == 1


def test_duckdb_file_is_added_without_being_opened(operator: Client, home: Path) -> None:
    response = operator.post(NEW, {"kind": "duckdb", "name": "Lake", "file": "lake", "next": "/connections/new/"})

    assert response["Location"] == "/connections/new/"
    assert "The file can be made" in flat(operator.get(url(Destination.objects.get())))
    assert list((home / "duckdb").iterdir()) == []
    duckdb.connect(str(home / "duckdb" / "lake.duckdb")).close()
    operator.post(url(Destination.objects.get(), "check/"))
    assert "The file is there and can be written to" in flat(operator.get(url(Destination.objects.get())))


def test_duckdb_file_has_one_destination_and_is_one(operator: Client, home: Path) -> None:
    make_destination(name="Lake", kind="duckdb", config={"file": "lake"})
    answer = {"kind": "duckdb", "name": "Other", "file": "lake.duckdb", "next": "https://evil.example/"}
    (home / "duckdb").mkdir()
    (home / "duckdb" / "notes.duckdb").write_text("only a few notes")

    shared = operator.post(NEW, answer)
    notes = operator.post(NEW, {**answer, "file": "notes"})
    own = operator.post(NEW, {**answer, "file": "own"})

    assert "“Lake” writes to this already, and only one can." in flat(shared)
    assert "“notes.duckdb” is no DuckDB file." in flat(notes)
    assert (shared.status_code, notes.status_code) == (422, 422)
    assert own["Location"] == url(Destination.objects.get(name="Other"))


def test_check_of_a_file_loads_nothing_heavy() -> None:
    asked = (
        "import sys; from connectors.plan import Endpoint; from connectors.services.destination_check import check; "
        "found = check(Endpoint('duckdb', {'file': 'lake'})); "
        "print(found.is_ok, 'duckdb' in sys.modules, 'dlt' in sys.modules)"
    )
    command = f"import os; os.environ['PATCHBAY_HOME'] = {str(HOME)!r}; import django; django.setup(); {asked}"

    ran = subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True)

    assert ran.stdout.split() == ["True", "False", "False"]
