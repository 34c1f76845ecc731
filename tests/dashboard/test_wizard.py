"""The steps of a new connection: each at its address, nothing lost on the way, nothing synced before the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from connectors.models import Activity, Connection, Destination, SetupStep, Status
from connectors.plan import FoundEntity
from connectors.services.connect import take_up
from connectors.services.setting_up import change_setup
from connectors.setup_steps import STEPS, waiting_step
from jobs.models import Job, JobType
from tests.dashboard.drafts import CONFIG, FOUND, PASSWORD, at, brought_to, make_draft, settings, told
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination

if TYPE_CHECKING:
    from django.test import Client


@pytest.fixture
def warehouse(db: None) -> Destination:
    return make_destination(name="Warehouse", config={"database": "warehouse"})


@pytest.fixture
def draft(warehouse: Destination) -> Connection:
    """A connection that was configured, and waits for its test."""
    return make_draft(warehouse)


def answer(destination: Destination | None, **changes: str) -> dict[str, str]:
    """What a person fills into the first step."""
    typed = {name: str(value) for name, value in CONFIG.items()}
    chosen = {"destination_id": str(destination.pk)} if destination else {}
    return {"connection_name": "Harbour", **typed, "password": PASSWORD, **chosen, **changes}


# ---- The catalogue
@pytest.mark.parametrize(
    ("query", "offers"),
    [
        ("", {"PostgreSQL", "Sandbox Payroll"}),
        ("?q=post", {"PostgreSQL"}),
        ("?q=pay+statements", {"Sandbox Payroll"}),
        ("?category=Database", {"PostgreSQL"}),
        ("?category=Database&q=payroll", set()),
        ("?category=Nonsense", {"PostgreSQL", "Sandbox Payroll"}),
        ("?q=%00", {"PostgreSQL", "Sandbox Payroll"}),
        (f"?q={'x' * 500}", {"PostgreSQL", "Sandbox Payroll"}),
    ],
)
def test_catalogue_offers_what_is_looked_for(operator: Client, query: str, offers: set[str]) -> None:
    page = flat(operator.get(f"/connections/new/{query}"))

    assert {name for name in ("PostgreSQL", "Sandbox Payroll") if f"<b>{name}</b>" in page} == offers
    assert ("No provider matches" in page) is not bool(offers)


def test_only_who_may_edit_is_led_to_a_new_connection(viewer: Client, operator: Client) -> None:
    assert "/connections/new/" in flat(operator.get("/"))
    assert "/connections/new/" not in flat(viewer.get("/"))

    make_connection()

    assert 'id="new-connection"' in flat(operator.get("/"))
    assert 'id="new-connection"' not in flat(viewer.get("/"))
    assert viewer.get("/connections/new/").status_code == 403


@pytest.mark.parametrize("address", ["/connections/new/no_such_provider/", "/connections/new/POSTGRES/"])
def test_unknown_provider_is_not_found(operator: Client, address: str) -> None:
    assert operator.get(address).status_code == 404


# ---- Configure
def test_first_step_makes_an_incomplete_connection_and_tests_it(operator: Client, warehouse: Destination) -> None:
    response = operator.post("/connections/new/postgres/", answer(warehouse))

    made = Connection.objects.get()
    assert (response.status_code, response["Location"]) == (302, at(made, "test"))
    assert (made.status, made.status_reason, made.setup_step) == (Status.INCOMPLETE, "never_tested", SetupStep.TEST)
    assert (made.name, made.config, made.destination) == ("Harbour", CONFIG, warehouse)
    assert made.read_credentials() == {"password": PASSWORD}
    assert PASSWORD.encode() not in bytes(made.credentials)
    assert Job.objects.get().type == JobType.TEST_CONNECTION
    told = Activity.objects.get(action="connection.created")
    assert {"field": "password", "before": None, "after": "replaced, not recorded"} in told.changes
    assert PASSWORD not in str(told.changes)


def test_second_press_makes_no_second_connection(operator: Client, warehouse: Destination) -> None:
    operator.post("/connections/new/postgres/", answer(warehouse))

    response = operator.post("/connections/new/postgres/", answer(warehouse))

    assert response.status_code == 422
    way = at(Connection.objects.get(), "test")
    assert f'whose setup is not finished. <a class="link" href="{way}">Go on with it</a>' in flat(response)
    assert (Connection.objects.count(), Job.objects.count()) == (1, 1)


def test_what_was_typed_is_kept_and_the_secret_is_not(operator: Client, warehouse: Destination) -> None:
    page = flat(operator.post("/connections/new/postgres/", answer(warehouse, port="0")))

    assert 'value="db.harbour.example"' in page
    assert 'value="Harbour"' in page
    assert f'value="{warehouse.pk}" checked' in page
    assert "1 field needs attention" in page
    assert "What was typed is not kept in the form: type it again." in page
    assert "blue boat" not in page
    assert not Connection.objects.exists()


def test_destination_can_be_added_on_the_way_and_nothing_typed_is_lost(operator: Client, db: None) -> None:
    response = operator.post("/connections/new/postgres/", answer(None, then="destination"))

    made = Connection.objects.get()
    assert unquote(response["Location"]) == f"/destinations/new/?next={at(made, 'configure')}"
    assert (made.setup_step, made.status_reason) == (SetupStep.CONFIGURE, "missing_config")
    assert made.read_credentials() == {"password": PASSWORD}
    assert not Job.objects.exists()

    warehouse = make_destination(name="Warehouse")
    operator.post(at(made, "configure"), answer(warehouse, password=""))

    made.refresh_from_db()
    assert (made.destination, made.dataset, made.status_reason) == (warehouse, "harbour", "never_tested")
    assert made.read_credentials() == {"password": PASSWORD}


def test_stored_secret_is_not_sent_to_another_host(operator: Client, draft: Connection, warehouse: Destination) -> None:
    answers = answer(warehouse, password="", host="elsewhere.example")

    response = operator.post(at(draft, "configure"), answers)

    assert response.status_code == 422
    assert "sent only to where it was stored for" in flat(response)
    assert Connection.objects.get().config["host"] == "db.harbour.example"


def test_configure_again_shows_no_secret_and_changes_nothing_by_itself(operator: Client, draft: Connection) -> None:
    brought_to(draft, SetupStep.REVIEW)
    page = flat(operator.get(at(draft, "configure")))
    assert "Credentials set" in page
    assert "blue boat" not in page

    response = operator.post(at(draft, "configure"), answer(draft.destination, password=""))

    draft.refresh_from_db()
    assert response["Location"] == at(draft, "test")
    assert (waiting_step(draft), draft.tested_at is None) == (SetupStep.REVIEW, False)
    assert not Job.objects.exists()


def test_another_source_is_tested_anew_and_its_tables_are_forgotten(draft: Connection, warehouse: Destination) -> None:
    brought_to(draft, SetupStep.REVIEW)

    changed = change_setup(connection=draft, settings=settings(warehouse, schema="sales"), actor=None)

    assert waiting_step(changed) == SetupStep.TEST
    assert (changed.tables.count(), changed.entities.count()) == (0, 0)


def test_other_credentials_are_tested_anew_and_the_tables_stay(draft: Connection, warehouse: Destination) -> None:
    brought_to(draft, SetupStep.REVIEW)
    given = settings(warehouse, credentials={"password": "red boat"})

    changed = change_setup(connection=draft, settings=given, actor=None)

    assert waiting_step(changed) == SetupStep.TEST
    assert changed.tables.filter(is_selected=True).count() == 2
    assert changed.setup_step == SetupStep.REVIEW


def test_another_destination_gets_datasets_that_are_free_there(draft: Connection) -> None:
    brought_to(draft, SetupStep.REVIEW)
    lake = make_destination(name="Lake")
    make_connection(destination=lake, dataset="harbour")

    changed = change_setup(connection=draft, settings=settings(lake), actor=None)

    assert changed.dataset.startswith("harbour_")
    assert changed.entities.get().dataset == changed.dataset
    assert waiting_step(changed) == SetupStep.REVIEW


def test_answer_of_the_old_source_is_not_taken_up(draft: Connection, warehouse: Destination) -> None:
    asked = Connection.objects.get(pk=draft.pk)
    change_setup(connection=draft, settings=settings(warehouse, database="other"), actor=None)

    take_up(connection=asked, entities=[FoundEntity("public", "harbour")], tables=FOUND)

    assert not draft.tables.exists()
    assert not draft.entities.exists()


# ---- From step to step
@pytest.mark.parametrize("waiting", list(SetupStep)[1:])
def test_every_step_before_the_waiting_one_is_open_and_none_after_it(
    operator: Client, draft: Connection, waiting: SetupStep
) -> None:
    brought_to(draft, waiting)
    found = {step: operator.get(at(draft, step)) for step in STEPS}

    place = STEPS.index(waiting)
    assert [found[step].status_code for step in STEPS] == [200] * (place + 1) + [302] * (len(STEPS) - place - 1)
    assert {found[step]["Location"] for step in STEPS[place + 1 :]} <= {at(draft, waiting)}
    assert 'aria-current="step"' in flat(found[waiting])
    later = STEPS[place + 1 :]
    assert not [step for step in later if at(draft, step) in flat(found[waiting])]
    assert not Job.objects.exists()


@pytest.mark.parametrize("waiting", list(SetupStep)[1:])
def test_list_and_page_say_which_step_is_missing_and_lead_there(
    operator: Client, viewer: Client, draft: Connection, waiting: SetupStep
) -> None:
    brought_to(draft, waiting)

    row, page = flat(operator.get("/")), flat(operator.get(draft.get_absolute_url()))

    assert f'href="{at(draft, waiting)}">Setup waits: {waiting.label}</a>' in row
    assert f"It waits at the step “{waiting.label}”." in page
    assert f'href="{at(draft, waiting)}"' in page
    for address in ("/", draft.get_absolute_url()):
        seen = flat(viewer.get(address))
        assert waiting.label in seen
        assert "/new/" not in seen


def test_step_that_is_none_is_not_found(operator: Client, draft: Connection) -> None:
    assert operator.get(at(draft, "colours")).status_code == 404


def test_finished_setup_has_no_steps(operator: Client) -> None:
    finished = make_connection()

    response = operator.post(at(finished, "configure"), {"connection_name": "Other"})

    assert (response.status_code, response["Location"]) == (302, finished.get_absolute_url())
    assert told(response) == f"{finished.name} is set up already. Nothing was changed."
