"""Destinations: changed only after a real check, tested, used by whom, deleted only when nobody uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from connectors.models import Activity, Connection, Destination
from connectors.services.changing import version_of
from connectors.services.destinations import DestinationRefusedError, add_destination, change_destination, facts_of
from tests.conftest import member
from tests.dashboard.landing import LOADER, PASSWORD, PLACE, READER, landing_place, url
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination, make_entity, make_job
from tests.servers import POSTGRES

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _place() -> Iterator[None]:
    with landing_place():
        yield


@pytest.fixture
def warehouse(db: None) -> Destination:
    """A destination that works."""
    del db
    config = {**PLACE, "port": POSTGRES.server.port, "sslmode": "prefer"}
    credentials = {"password": PASSWORD}
    return add_destination(
        name="Warehouse", kind="postgres", config=config, credentials=credentials, actor=member("operator")
    )


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def acts() -> list[tuple[str, str]]:
    return list(Activity.objects.order_by("pk").values_list("action", "actor_name"))


def edited(client: Client, destination: Destination, **values: str) -> Any:
    """Open the form and send it back with `values`, as a browser does."""
    form = client.get(url(destination, "edit/")).context["form"]
    known = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    return client.post(url(destination, "edit/"), {**known, **values})


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


def test_service_sends_no_stored_password_to_another_server(warehouse: Destination) -> None:
    """Also where no form asks before: a program's call for example."""
    seen, config = version_of(facts_of(warehouse)), {**warehouse.config, "port": 5433}

    with pytest.raises(DestinationRefusedError, match="sent only to where it was stored for"):
        change_destination(
            destination=warehouse, seen=seen, name="Warehouse", config=config, credentials={}, actor=None
        )

    assert Destination.objects.get().config == warehouse.config


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
