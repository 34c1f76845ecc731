"""Connecting: what is stored, how it becomes complete step by step, and what stays unchanged when a test fails."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.models import Connection, Destination, Entity, SchemaChange, Status, Table
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.schedules import next_slot, schedule_of
from connectors.services.connect import (
    check_and_discover,
    create_connection,
    create_destination,
    dataset_name,
    destination_of,
    set_credentials,
    source_of,
    take_up,
)
from tests.conftest import member
from tests.factories import make_connection, make_destination, make_entity, make_ready_connection
from tests.sandbox.running import Running

pytestmark = pytest.mark.django_db

CREDENTIALS = {"password": "hunter2-canary"}
FOUND = [FoundEntity("public", "Public")]
TABLES = [
    FoundTable("orders", "public", ("id",), cursor="updated_at", mode="merge", estimated_rows=50_000),
    FoundTable("notes", "public"),
]


def new_connection(
    name: str = "Shop", destination: Destination | None = None, provider: str = "postgres"
) -> Connection:
    return create_connection(
        name=name,
        provider=provider,
        config={"host": "db.example", "database": "shop"},
        destination=destination or make_destination(),
        interval_seconds=3600,
        actor=member("operator"),
    )


def status_of(connection: Connection) -> tuple[str, str]:
    return Connection.objects.values_list("status", "status_reason").get(pk=connection.pk)


def test_connection_becomes_active_step_by_step() -> None:
    connection = new_connection()
    assert status_of(connection) == (Status.INCOMPLETE, "missing_credentials")

    set_credentials(connection=connection, credentials=CREDENTIALS)
    assert status_of(connection) == (Status.INCOMPLETE, "never_tested")

    take_up(connection=connection, entities=FOUND, tables=[])
    assert status_of(connection) == (Status.INCOMPLETE, "no_tables_selected")

    take_up(connection=connection, entities=FOUND, tables=TABLES)
    assert status_of(connection) == (Status.ACTIVE, "ok")

    entity = Entity.objects.get()
    connection.refresh_from_db()
    assert entity.next_run_at == connection.next_run_at == next_slot(schedule_of(connection), timezone.now())


def test_connection_without_destination_says_so() -> None:
    connection = create_connection(name="Half", provider="postgres", config={}, destination=None, interval_seconds=3600)

    assert status_of(connection) == (Status.INCOMPLETE, "missing_config")
    assert connection.dataset == ""
    with pytest.raises(ValueError, match="has no destination"):
        destination_of(connection)


def test_unknown_provider_is_refused_and_nothing_is_stored() -> None:
    with pytest.raises(KeyError):
        create_connection(name="X", provider="fax", config={}, destination=None, interval_seconds=60)

    assert not Connection.objects.exists()


def test_taken_name_is_refused() -> None:
    destination = make_destination()
    new_connection(destination=destination)

    with pytest.raises(IntegrityError), transaction.atomic():
        new_connection(destination=destination)

    assert Connection.objects.count() == 1


@pytest.mark.parametrize("names", [("Shop", "SHOP!"), ("雪", "雨"), ("x" * 41, "x" * 42)])
def test_names_that_look_alike_get_datasets_of_their_own(names: tuple[str, str]) -> None:
    destination = make_destination()

    first, second = (new_connection(name=name, destination=destination) for name in names)

    assert first.dataset == dataset_name(names[0])
    assert re.fullmatch(f"{re.escape(first.dataset[:29])}_[0-9a-f]{{10}}", second.dataset)
    assert len(second.dataset) <= 40


def test_credentials_are_sealed_and_open_for_their_row_only() -> None:
    connection = new_connection()

    set_credentials(connection=connection, credentials=CREDENTIALS)

    connection.refresh_from_db()
    assert b"hunter2-canary" not in bytes(connection.credentials)
    assert source_of(connection) == Endpoint("postgres", connection.config, CREDENTIALS)
    assert "hunter2-canary" not in repr(source_of(connection))


def test_new_credentials_count_as_not_tested() -> None:
    connection = new_connection()
    set_credentials(connection=connection, credentials=CREDENTIALS)
    take_up(connection=connection, entities=FOUND, tables=TABLES)

    set_credentials(connection=connection, credentials={"password": "another"})

    assert status_of(connection) == (Status.INCOMPLETE, "never_tested")
    assert Entity.objects.get().next_run_at is None
    connection.refresh_from_db()
    assert source_of(connection).secrets == {"password": "another"}


def test_destination_keeps_its_credentials_sealed() -> None:
    destination = create_destination(name="W", kind="postgres", config={"host": "w"}, credentials=CREDENTIALS)
    connection = make_connection(destination=destination)

    assert b"hunter2-canary" not in bytes(Destination.objects.get().credentials)
    assert destination_of(connection) == Endpoint("postgres", {"host": "w"}, CREDENTIALS)


def test_what_is_known_already_is_left_as_it_is() -> None:
    connection = new_connection(provider="sandbox_payroll")
    set_credentials(connection=connection, credentials=CREDENTIALS)
    take_up(connection=connection, entities=FOUND, tables=TABLES)
    Entity.objects.update(name="My own name", is_selected=False)
    Table.objects.filter(name="notes").update(is_selected=False)

    take_up(
        connection=connection,
        entities=[*FOUND, FoundEntity("sales", "Sales")],
        tables=[*TABLES, FoundTable("customers", "public", ("id",))],
    )

    assert set(Entity.objects.values_list("ref", "name", "is_selected")) == {
        ("public", "My own name", False),
        ("sales", "Sales", True),
    }
    # A table that came later is not copied before somebody agrees.
    assert dict(Table.objects.values_list("name", "is_selected")) == {
        "orders": True,
        "notes": False,
        "customers": False,
    }
    assert list(SchemaChange.objects.values_list("table__name", "kind", "status")) == [
        ("customers", "table_added", "pending")
    ]


def test_entities_whose_ids_look_alike_land_in_datasets_of_their_own() -> None:
    connection = new_connection(provider="sandbox_payroll")
    alike = [FoundEntity(ref, ref) for ref in ("Acme-1", "acme 1", "ACME_1", "雪", "雨", "x" * 200)]

    take_up(connection=connection, entities=alike, tables=[])
    take_up(connection=connection, entities=alike, tables=[])

    datasets = set(Entity.objects.values_list("dataset", flat=True))
    assert len(datasets) == Entity.objects.count() == len(alike)
    assert all(dataset.startswith("shop__") and len(dataset) <= 63 for dataset in datasets if dataset != "shop")


def test_tables_are_stored_as_they_were_found() -> None:
    connection = new_connection()

    take_up(connection=connection, entities=FOUND, tables=TABLES)

    orders = Table.objects.get(name="orders")
    assert (orders.mode, orders.keys, orders.cursor, orders.estimated_rows) == ("merge", ["id"], "updated_at", 50_000)


def test_source_is_tested_and_what_it_offers_is_stored(payroll: Endpoint) -> None:
    connection = create_connection(
        name="Payroll",
        provider="sandbox_payroll",
        config=payroll.config,
        destination=make_destination(),
        interval_seconds=3600,
    )
    set_credentials(connection=connection, credentials=payroll.secrets)

    check_and_discover(connection=connection)

    assert status_of(connection) == (Status.ACTIVE, "ok")
    assert connection.entities.count() >= 8
    assert set(connection.tables.values_list("name", flat=True)) >= {"employees", "pay_runs"}
    planned = set(connection.entities.values_list("next_run_at", flat=True))
    assert None not in planned
    assert len(planned) > 1


def test_refused_test_changes_nothing(payroll: Endpoint, sandbox: Running) -> None:
    connection = create_connection(
        name="Payroll",
        provider="sandbox_payroll",
        config=payroll.config,
        destination=make_destination(),
        interval_seconds=3600,
    )
    set_credentials(connection=connection, credentials={"api_key": "wrong-key"})
    before = Connection.objects.values_list().get()

    with pytest.raises(SyncError) as refused:
        check_and_discover(connection=connection)

    assert refused.value.code == "invalid_credentials"
    assert Connection.objects.values_list().get() == before
    assert not Entity.objects.exists()


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("Shop", "shop"),
        ("  My Shop (EU) / 2 ", "my_shop_eu_2"),
        ("42 things", "c_42_things"),
        ("Ärzte", "rzte"),
        ("雪", "c_"),
        ("x" * 80, "x" * 40),
        ("PG temp", "c_pg_temp"),
        ("Information schema", "c_information_schema"),
    ],
)
def test_dataset_name_is_usable_everywhere(name: str, dataset: str) -> None:
    assert dataset_name(name) == dataset


def test_passed_test_sets_a_refused_connection_going_again() -> None:
    connection = make_ready_connection()
    refused = {"status": Status.BROKEN, "last_error_code": "invalid_credentials", "failure_streak": 1}
    entity = make_entity(connection, next_run_at=None, **refused)

    take_up(connection=connection, entities=[], tables=[])

    entity.refresh_from_db()
    connection.refresh_from_db()
    assert (entity.status, connection.status) == (Status.ACTIVE, Status.ACTIVE)
    assert entity.next_run_at is not None
