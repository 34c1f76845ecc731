from __future__ import annotations

import socket
from typing import Any

import psycopg
import pytest
from pytest_django import Settings

from connectors.plan import Endpoint, FoundEntity, SyncError
from connectors.providers.postgres import access
from tests.connectors.conftest import ODD_TABLE, READER, READER_PASSWORD, SOURCE, postgres_endpoint


def code_of(endpoint: Endpoint) -> str:
    with pytest.raises(SyncError) as caught:
        access.check(endpoint)
    assert READER_PASSWORD not in str(caught.value)
    return caught.value.code


def test_check_returns_when_the_sign_in_works(source_db: psycopg.Connection[Any], source: Endpoint) -> None:
    access.check(source)


@pytest.mark.parametrize(
    ("config", "password", "code"),
    [
        ({}, "wrong-password", "invalid_credentials"),
        ({"user": "nobody_there"}, READER_PASSWORD, "invalid_credentials"),
        ({}, "", "misconfigured"),
        ({"database": "no_such_database"}, READER_PASSWORD, "misconfigured"),
        ({"schema": "no_such_schema"}, READER_PASSWORD, "misconfigured"),
        ({"schema": "public, no_such_schema"}, READER_PASSWORD, "misconfigured"),
        ({"host": ""}, READER_PASSWORD, "misconfigured"),
        ({"port": "many"}, READER_PASSWORD, "misconfigured"),
        ({"sslmode": "sometimes"}, READER_PASSWORD, "misconfigured"),
        ({"sslmode": "require"}, READER_PASSWORD, "tls_error"),
        ({"host": "nothing.invalid"}, READER_PASSWORD, "dns_failure"),
        ({"host": "10.0.0.1"}, READER_PASSWORD, "address_not_allowed"),
    ],
)
def test_check_says_what_is_wrong(
    source_db: psycopg.Connection[Any], config: dict[str, str], password: str, code: str
) -> None:
    given = {"database": SOURCE, "user": READER, **config}
    database, user = given.pop("database"), given.pop("user")

    assert code_of(postgres_endpoint(database, user, password, **given)) == code


def test_check_says_that_nothing_listens(source: Endpoint) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = Endpoint("postgres", {**source.config, "port": taken.getsockname()[1]}, source.secrets)

        assert code_of(closed) == "unreachable"


def test_check_says_that_the_schema_may_not_be_used(source_db: psycopg.Connection[Any], source: Endpoint) -> None:
    source_db.execute(f"REVOKE USAGE ON SCHEMA public FROM {READER}, public".encode())

    assert code_of(source) == "insufficient_permissions"


def test_check_obeys_the_allowed_networks(source: Endpoint, settings: Settings) -> None:
    settings.PATCHBAY_ALLOWED_NETWORKS = []

    assert code_of(source) == "address_not_allowed"


def test_the_one_entity_is_the_schema(source_db: psycopg.Connection[Any], source: Endpoint) -> None:
    assert access.list_entities(source) == [FoundEntity("public", "engine_source · public")]


def test_several_schemas_are_as_many_entities(source_db: psycopg.Connection[Any], source: Endpoint) -> None:
    source_db.execute("DROP SCHEMA IF EXISTS hr CASCADE; CREATE SCHEMA hr; CREATE TABLE hr.people (id int)")
    source_db.execute(f"GRANT USAGE ON SCHEMA hr TO {READER}".encode())

    found = {
        named: [one.ref for one in access.list_entities(_of_schemas(source, named))] for named in ("hr, public", "*")
    }
    tables = access.list_tables(source, "hr")
    source_db.execute("DROP SCHEMA hr CASCADE")

    assert found == {"hr, public": ["hr", "public"], "*": ["hr", "public"]}
    assert [(table.source_schema, table.name) for table in tables] == [("hr", "people")]


def test_tables_are_described(source_db: psycopg.Connection[Any], source: Endpoint) -> None:
    source_db.execute(ODD_TABLE)
    source_db.execute("""
        CREATE TABLE lines (part int, whole int, PRIMARY KEY (whole, part));
        CREATE VIEW odd_view AS SELECT 1 AS one;
        CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
        INSERT INTO parts VALUES (1), (2)
    """)

    found = {table.name: table for table in access.list_tables(source, "public")}

    assert list(found) == ["Odd Things", "lines", "odd_view", "parts"]
    assert found["lines"].keys == ("whole", "part")
    assert found["odd_view"].keys == ()
    assert (found["parts"].estimated_rows, found["Odd Things"].estimated_rows) == (2, 4)
    assert found["Odd Things"].cursor == "updated_at"
    types = dict(found["Odd Things"].columns)
    assert (types["name"], types["exact"], types["tags"]) == ("character varying(80)", "numeric(12,2)", "text[]")
    assert {table.mode for table in found.values()} == {"replace"}


def test_records_of_dlt_are_not_offered(source_db: psycopg.Connection[Any], source: Endpoint) -> None:
    """A source may itself be a warehouse that dlt loads: its records would mix with those of the destination."""
    source_db.execute("CREATE TABLE _dlt_loads (load_id text); CREATE TABLE adlt_x (id int, _dlt_id text)")

    assert [found.name for found in access.list_tables(source, "public")] == ["adlt_x"]


def test_a_table_that_may_not_be_read_is_offered_without_a_count(
    source_db: psycopg.Connection[Any], source: Endpoint
) -> None:
    source_db.execute(f"CREATE TABLE closed (id int); REVOKE ALL ON closed FROM {READER}".encode())

    (found,) = access.list_tables(source, "public")

    assert (found.name, found.estimated_rows) == ("closed", None)


def _of_schemas(source: Endpoint, named: str) -> Endpoint:
    return Endpoint("postgres", {**source.config, "schema": named}, source.secrets)
