"""An end user's sign-in becomes a connection, or mends one: what is asked, stored and left alone."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from connectors.models import Activity, Connection, Status
from connectors.plan import Endpoint, FoundEntity, SyncError
from connectors.providers import registry
from connectors.services.changing import ConnectionDeletedError
from connectors.services.connected import Examined, NewConnection, NotAllowedError, Wanted, examine, make, mend
from tests.factories import make_destination, make_entity, make_ready_connection
from tests.sandbox.running import Running

FIRST, SECOND = "co_halden_foods", "co_halden_bakeries"


def made(payroll: Endpoint, *, name: str = "Halden", **values: Any) -> Connection:
    """Examine both companies and connect the first one."""
    found = examine(payroll, Wanted([FIRST], ["workforce"]))
    defaults = {"destination": make_destination(), "refs": [FIRST]}
    new = NewConnection(
        **{**defaults, **values}, name=name, provider=payroll.kind, config=payroll.config, secrets=payroll.secrets
    )
    return make(new=new, found=found, note="Halden, through a connect link", created_by=None)


@pytest.mark.django_db
def test_what_was_allowed_is_copied_and_the_rest_is_known_and_excluded(payroll: Endpoint) -> None:
    connection = made(payroll)

    assert (connection.status, connection.setup_step) == (Status.ACTIVE, "")
    assert [one.ref for one in connection.entities.selected()] == [FIRST]
    excluded = connection.entities.filter(is_selected=False)
    assert excluded.filter(ref=SECOND).exists()
    assert not excluded.filter(next_run_at__isnull=False).exists()
    assert {table.name: table.is_selected for table in connection.tables.all()} == {
        "employees": True,
        "pay_runs": False,
        "pay_statements": False,
        "benefit_enrollments": False,
    }
    assert connection.next_run_at is not None
    act = Activity.objects.get()
    assert (act.action, act.note, act.actor) == ("connection.connected", "Halden, through a connect link", None)


@pytest.mark.django_db
def test_name_that_is_taken_gets_a_number(payroll: Endpoint) -> None:
    names = [
        made(payroll).name,
        made(payroll).name,
        made(payroll, name="x" * 300).name,
        made(payroll, name="x" * 300).name,
    ]

    assert names == ["Halden", "Halden 2", "x" * 200, f"{'x' * 198} 2"]


def test_nothing_of_what_was_chosen_can_be_seen(payroll: Endpoint) -> None:
    with pytest.raises(SyncError) as refused:
        examine(payroll, Wanted(["somebody-elses"]))

    assert refused.value.code == "entity_access_lost"


def test_company_that_withdrew_its_access_stops_no_other(payroll: Endpoint, sandbox: Running) -> None:
    sandbox.turn_knobs({FIRST: {"fail_status": 403, "fail_code": "company_access_revoked"}})

    found = examine(payroll, Wanted([FIRST, SECOND]))

    assert {name for _, name in found.copied} == {"employees", "pay_runs", "pay_statements"}
    with pytest.raises(SyncError) as refused:
        examine(payroll, Wanted([FIRST]))
    assert refused.value.code == "entity_access_lost"


def test_product_that_may_not_be_read_is_named(sandbox: Running, payroll: Endpoint) -> None:
    signed_in = registry.sign_in(payroll.kind)
    assert signed_in is not None
    wanda = signed_in.sign_in(payroll.config, {"username": "wanda", "password": "payroll-wanda"})
    endpoint = Endpoint(payroll.kind, wanda.config, wanda.secrets)  # type: ignore[union-attr]  # no code is asked for

    with pytest.raises(NotAllowedError) as refused:
        examine(endpoint, Wanted([FIRST]))

    assert refused.value.missing == ("Payroll",)
    assert {name for _, name in examine(endpoint, Wanted([FIRST], ["workforce"])).copied} == {"employees"}


def test_of_a_database_what_may_be_read_is_copied(source_db: psycopg.Connection[TupleRow], source: Endpoint) -> None:
    source_db.execute("CREATE TABLE open (id int PRIMARY KEY); CREATE TABLE closed (id int PRIMARY KEY)")
    source_db.execute("REVOKE ALL ON closed FROM engine_reader")

    found = examine(source, Wanted(["public"]))

    assert found.copied == {("public", "open")}
    assert {table.name for table in found.tables} >= {"open"}


def test_of_a_database_without_a_table_that_may_be_read_nothing_is(
    source_db: psycopg.Connection[TupleRow], source: Endpoint
) -> None:
    with pytest.raises(NotAllowedError) as empty:
        examine(source, Wanted(["public"]))
    source_db.execute("CREATE TABLE closed (id int PRIMARY KEY); REVOKE ALL ON closed FROM engine_reader")

    with pytest.raises(NotAllowedError) as closed:
        examine(source, Wanted(["public"]))

    assert empty.value.missing == ("tables",)
    assert closed.value.code == "insufficient_permissions"


NOTHING = Examined((), (), frozenset())


@pytest.mark.django_db
def test_new_sign_in_takes_the_place_of_the_old_and_what_was_held_goes_on() -> None:
    connection = make_ready_connection(
        provider="sandbox_payroll", config={"base_url": "http://old", "sign_in": "oauth2", "ours": 1}
    )
    held = make_entity(connection, last_error_code="token_revoked", failure_streak=1)
    make_entity(connection)

    failed = mend(
        connection=connection,
        config={"base_url": "http://new"},
        credentials={"api_key": "canary-key"},
        found=NOTHING,
        note="Halden, through a connect link",
    )

    connection.refresh_from_db()
    assert failed == [held.pk]
    # How it was signed in before is no setting of the new sign-in.
    assert connection.config == {"base_url": "http://new", "ours": 1}
    assert connection.read_credentials() == {"api_key": "canary-key"}
    assert connection.entities.get(pk=held.pk).status == Status.ACTIVE
    act = Activity.objects.get(action="connection.reconnected")
    assert [(change["field"], change["after"]) for change in act.changes] == [
        ("base_url", "replaced, not recorded"),
        ("api_key", "replaced, not recorded"),
    ]


@pytest.mark.django_db
def test_connection_that_was_deleted_is_not_mended() -> None:
    connection = make_ready_connection(deleted_at="2026-11-01T00:00Z")

    with pytest.raises(ConnectionDeletedError):
        mend(connection=connection, config={}, credentials={"password": "x"}, found=NOTHING, note="")


@pytest.mark.django_db
def test_connection_that_never_knew_its_tables_learns_them(payroll: Endpoint) -> None:
    connection = make_ready_connection(provider="sandbox_payroll", config=dict(payroll.config))
    connection.tables.all().delete()
    found = examine(payroll, Wanted([FIRST, SECOND]))

    mend(connection=connection, config=payroll.config, credentials=payroll.secrets, found=found, note="")

    assert connection.entities.filter(ref=FIRST).exists()
    assert connection.tables.count() == 4
    assert found.entities[0] == FoundEntity(FIRST, "Halden Foods SE")
