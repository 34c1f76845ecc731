"""Destinations: added and changed only after a real check, tested, used by whom, deleted only when nobody uses them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from django.contrib.messages import get_messages
from django.utils import timezone
from psycopg import sql

from connectors.models import Activity, Connection, Destination
from connectors.services.destinations import add_destination
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination, make_entity, make_job
from tests.servers import HOME, POSTGRES

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

DATABASE, LOADER, READER, PASSWORD = "lands_here", "lands_loader", "lands_reader", "loader-password-1512"
NEW = "/destinations/new/"
PLACE = {"host": "127.0.0.1", "port": str(POSTGRES.server.port), "database": DATABASE, "user": LOADER}
ANSWER = {"kind": "postgres", "name": "Warehouse", **PLACE, "password": PASSWORD, "sslmode": "prefer"}


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    """A database with a role that may create schemas in it and one that may not, gone afterwards."""
    name, *roles = (sql.Identifier(one) for one in (DATABASE, LOADER, READER))
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        for role in roles:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(name, roles[0]))
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        for role in roles:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def warehouse(db: None) -> Destination:
    """A destination that works."""
    del db
    config = {**PLACE, "port": POSTGRES.server.port, "sslmode": "prefer"}
    credentials = {"password": PASSWORD}
    return add_destination(
        name="Warehouse", kind="postgres", config=config, credentials=credentials, actor=member("operator")
    )


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    """An empty data folder."""
    settings.PATCHBAY_HOME = tmp_path
    return tmp_path


def url(destination: Destination, action: str = "") -> str:
    return f"/destinations/{destination.pk}/{action}"


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def acts() -> list[tuple[str, str]]:
    return list(Activity.objects.order_by("pk").values_list("action", "actor_name"))


def edited(client: Client, destination: Destination, **values: str) -> Any:
    """Open the form and send it back with `values`, as a browser does."""
    form = client.get(url(destination, "edit/")).context["form"]
    known = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    return client.post(url(destination, "edit/"), {**known, **values})


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


def test_changed_settings_are_checked_before_they_count(operator: Client, warehouse: Destination) -> None:
    refused = edited(operator, warehouse, password="wrong-password")
    assert refused.status_code == 422
    assert "password authentication failed" in flat(refused)
    warehouse.refresh_from_db()
    assert warehouse.read_credentials() == {"password": PASSWORD}

    done = edited(operator, warehouse, user=READER, password=PASSWORD)
    assert done.status_code == 422
    done = edited(operator, warehouse, name="Lager", password=PASSWORD)

    assert done.status_code == 302
    warehouse.refresh_from_db()
    assert (warehouse.name, warehouse.config["user"]) == ("Lager", LOADER)
    act = Activity.objects.latest("pk")
    assert (act.action, act.changes) == (
        "destination.changed",
        [
            {"field": "name", "before": "Warehouse", "after": "Lager"},
            {"field": "password", "before": None, "after": "replaced, not recorded"},
        ],
    )


def test_stored_password_is_not_sent_to_another_server(operator: Client, warehouse: Destination) -> None:
    response = edited(operator, warehouse, host="localhost")

    assert response.status_code == 422
    assert "It is sent only to where it was stored for. Type it again" in flat(response)
    assert edited(operator, warehouse, host="localhost", password=PASSWORD).status_code == 302
    assert Destination.objects.get().config["host"] == "localhost"


def test_change_by_somebody_else_meanwhile_is_not_overwritten(operator: Client, warehouse: Destination) -> None:
    form = operator.get(url(warehouse, "edit/")).context["form"]
    known = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    edited(operator, warehouse, name="First")

    late = operator.post(url(warehouse, "edit/"), {**known, "name": "Second"})

    assert late.status_code == 409
    assert "was changed by somebody else after this page was opened" in flat(late)
    assert Destination.objects.get().name == "First"
    assert "Nothing was changed." in told(edited(operator, warehouse))


def test_test_says_what_it_found_and_remembers_it(operator: Client, viewer: Client, warehouse: Destination) -> None:
    assert told(operator.post(url(warehouse, "check/"))) == "Warehouse works."
    Destination.objects.update(config={**warehouse.config, "port": 1})

    failed = operator.post(url(warehouse, "check/"))

    assert "Warehouse cannot be loaded into." in told(failed)
    page = flat(viewer.get(url(warehouse)))
    assert "Warehouse cannot be reached" in page
    assert "Destination down" in flat(viewer.get("/destinations/"))
    assert [action for action, _ in acts()] == ["destination.created", "destination.checked", "destination.checked"]
    assert viewer.post(url(warehouse, "check/")).status_code == 403


def test_page_shows_who_loads_there_and_how_much(viewer: Client, warehouse: Destination) -> None:
    connection = make_connection(name="Harbour Shop", destination=warehouse, dataset="harbour_shop")
    make_connection(name="Elsewhere")
    entity = make_entity(connection)
    make_job(connection, entity, rows_loaded=1200)
    make_job(connection, entity, status="failed")

    response = viewer.get(url(warehouse))

    page, figures = flat(response), response.context["page"]
    listed = page.partition('id="loading"')[2]
    assert "Harbour Shop" in listed
    assert "harbour_shop" in listed
    assert "Elsewhere" not in listed
    assert (figures.rows_24h, figures.loads_24h, figures.failed_24h) == ("1,200", "in 1 load", "1")
    assert "1 connection" in flat(viewer.get("/destinations/"))


def test_one_in_use_stays_and_names_its_connections(admin: Client, warehouse: Destination) -> None:
    make_connection(name="Harbour Shop", destination=warehouse)

    question = admin.get(url(warehouse, "delete/"))
    refused = admin.post(url(warehouse, "delete/"), {"name": "Warehouse"})

    assert (question.status_code, refused.status_code) == (200, 409)
    for answer in (question, refused):
        assert "Warehouse is in use" in flat(answer)
        assert "Harbour Shop" in flat(answer)
    assert Destination.objects.count() == 1


def test_deleting_wants_the_name_and_an_admin(admin: Client, operator: Client, warehouse: Destination) -> None:
    gone = make_connection(name="Gone", destination=warehouse)
    Connection.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    assert operator.get(url(warehouse, "delete/")).status_code == 403
    assert operator.post(url(warehouse, "delete/"), {"name": "Warehouse"}).status_code == 403
    assert admin.post(url(warehouse, "delete/"), {"name": "Ware"}).status_code == 422

    response = admin.post(url(warehouse, "delete/"), {"name": "Warehouse"})

    assert response["Location"] == "/destinations/"
    assert not Destination.objects.exists()
    assert Connection.everything.get(pk=gone.pk).destination is None
    assert acts()[-1] == ("destination.deleted", "admin")
    assert admin.get(url(warehouse)).status_code == 404


@pytest.mark.parametrize(("address", "queries"), [("/destinations/", 5), ("one", 9)])
def test_pages_take_the_same_queries_with_one_and_three(
    viewer: Client, warehouse: Destination, django_assert_num_queries: Any, address: str, queries: int
) -> None:
    address = url(warehouse) if address == "one" else address
    make_connection(destination=warehouse)
    viewer.get(address)
    with django_assert_num_queries(queries):
        viewer.get(address)
    for number in range(2):
        make_destination(name=f"Another {number}")
        make_connection(destination=warehouse)
    with django_assert_num_queries(queries):
        viewer.get(address)


def test_empty_list_offers_the_first(operator: Client, viewer: Client) -> None:
    assert "Add a destination" in flat(operator.get("/destinations/"))
    assert "Add a destination" not in flat(viewer.get("/destinations/"))
