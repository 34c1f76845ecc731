"""The Data page: what is at the destination, who sees rows of it, and what is said where it cannot be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.urls import reverse
from psycopg import sql
from pytest_django import DjangoAssertNumQueries, Settings

from connectors import secrets
from connectors.models import Activity, Connection, Destination, Entity, Table
from jobs.models import JobStatus
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination, make_entity, make_job
from tests.servers import POSTGRES

WAREHOUSE = "data_page_warehouse"
# Of the page itself; the destination is asked by a connection of its own.
QUERIES = 12
SECRET_VALUE = "anna.berg@example.com"


@pytest.fixture(scope="module")
def warehouse() -> Iterator[None]:
    """A database with what a sync left in it: two tables of one schema, and dlt's own."""
    name = sql.Identifier(WAREHOUSE)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        with psycopg.connect(POSTGRES.server.url(WAREHOUSE), autocommit=True) as made:
            made.execute("CREATE SCHEMA shop CREATE TABLE _dlt_loads (load_id text) CREATE TABLE empty (id int)")
            made.execute(
                "CREATE TABLE shop.orders (id bigint, total numeric(12, 2), email text, note text, scan bytea);"
                "INSERT INTO shop.orders VALUES "
                f"(1, 12.50, '{SECRET_VALUE}', NULL, '\\x00ff10'), (2, -1, '<b>x</b>', '', NULL), "
                "(3, 0, 'z', repeat('ü', 400), NULL)"
            )
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def connection(warehouse: None, settings: Settings, db: None) -> Connection:
    """A connection that loads there."""
    del warehouse, db
    settings.PATCHBAY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    server = POSTGRES.server
    config = {"host": "127.0.0.1", "port": server.port, "database": WAREHOUSE, "user": "patchbay", "sslmode": "disable"}
    destination = make_destination(name="Warehouse", config=config)
    destination.credentials = secrets.seal({"password": server.password}, owner=f"destination:{destination.pk}")
    destination.save(update_fields=["credentials"])
    made = make_connection(destination=destination, dataset="shop")
    Table.objects.filter(connection=made).update(protected={"note": "mask"}, mode="append", cursor="id")
    return made


@pytest.fixture
def entity(connection: Connection) -> Entity:
    return make_entity(connection, dataset="shop")


def address(connection: Connection) -> str:
    return reverse("connections:data", args=[connection.pk])


def loaded(entity: Entity, **values: Any) -> Any:
    tables = [
        {"name": "orders", "mode": "append", "extracted": 5, "loaded": 3},
        {"name": "empty", "mode": "merge", "extracted": 2, "loaded": 0},
    ]
    return make_job(entity.connection, entity, **{"tables": tables, "rows_loaded": 3, **values})


def test_tables_and_counts_are_for_everybody_rows_are_not(
    viewer: Client, connection: Connection, entity: Entity
) -> None:
    job = loaded(entity)

    shown = viewer.get(address(connection), {"table": "orders"})

    text = flat(shown)
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "private, no-store")
    assert re.search(r'title="orders" aria-current="true">orders</a><span class="n">3</span>', text)
    assert re.search(r'title="empty">empty</a><span class="n">0</span>', text)
    assert "_dlt_loads" not in text
    assert "append by cursor id" in text
    assert "NUMERIC(12,2)" in text.upper()
    assert job.get_absolute_url() in text
    assert "Masked before it was stored" in text
    assert SECRET_VALUE not in text
    assert "show-rows" not in text
    assert "Rows are shown to operators and admins only." in text
    assert viewer.post(f"{address(connection)}?table=orders").status_code == 403
    assert not Activity.objects.filter(action="connection.rows_seen").exists()


def test_rows_are_shown_to_an_operator_who_asks_and_that_is_recorded(
    operator: Client, connection: Connection, entity: Entity
) -> None:
    before = flat(operator.get(address(connection), {"table": "orders"}))
    shown = operator.post(f"{address(connection)}?table=orders")

    assert SECRET_VALUE not in before
    assert 'id="show-rows"' in before
    text = flat(shown)
    assert shown.status_code == 200
    assert SECRET_VALUE in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert '<td><span class="null">null</span></td>' in text
    assert "empty text</span>" in text
    assert "3 bytes" in text
    assert "ü…" in text
    assert "ü" * 300 not in text
    act = Activity.objects.get(action="connection.rows_seen")
    assert (act.note, act.actor_name) == ("shop.orders", "operator")
    assert SECRET_VALUE not in str(act.changes)


def test_last_job_says_what_it_brought(viewer: Client, connection: Connection, entity: Entity) -> None:
    loaded(entity)
    loaded(entity, status=JobStatus.FAILED)

    text = flat(viewer.get(address(connection))).partition('id="brought"')[2]

    row = re.search(r'<tr><td class="mono c-wide">orders</td>.*?</tr>', text)
    assert row is not None
    assert re.findall(r'class="num[^>]*>([^<]*)</td>', row[0]) == ["5", "3", "3", "3"]
    assert "1 table without a change is left out." in text


def test_entity_is_chosen_and_what_is_not_known_is_ignored(
    viewer: Client, connection: Connection, entity: Entity
) -> None:
    other = make_entity(connection, name="Elsewhere", dataset="nowhere")

    assert "Nothing is loaded yet" in flat(viewer.get(address(connection), {"entity": str(other.pk)}))
    text = flat(viewer.get(address(connection), {"entity": str(entity.pk), "table": "ghosts"}))
    assert 'id="table-name">empty</h2>' in text
    assert viewer.get(address(connection), {"entity": "nobody"}).status_code == 200


def test_destination_that_cannot_be_asked_is_told(operator: Client, connection: Connection, entity: Entity) -> None:
    job = loaded(entity)
    Destination.objects.update(config={**connection.destination.config, "port": 1})  # type: ignore[union-attr]

    shown = operator.get(address(connection))
    text = flat(shown)

    assert shown.status_code == 200
    assert "Warehouse cannot be reached" in text
    assert str(job.pk) in text
    refused = operator.post(f"{address(connection)}?table=orders")
    assert (refused.status_code, Activity.objects.count()) == (422, 0)


def test_file_that_was_never_made_shows_nothing(viewer: Client, settings: Settings, tmp_path: Any, db: None) -> None:
    del db
    settings.PATCHBAY_HOME = tmp_path
    connection = make_connection(destination=make_destination(kind="duckdb", config={"file": "lake"}))
    make_entity(connection)

    assert "Nothing is loaded yet" in flat(viewer.get(address(connection)))


@pytest.mark.parametrize("count", [1, 3])
def test_page_takes_as_many_queries_whatever_ran(
    viewer: Client,
    connection: Connection,
    entity: Entity,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        loaded(entity)

    with django_assert_num_queries(QUERIES):
        viewer.get(address(connection))
