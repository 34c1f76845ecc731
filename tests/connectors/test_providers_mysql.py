from __future__ import annotations

import socket
from typing import Any

import pytest
from pytest_django import Settings

from connectors.plan import Endpoint, FoundEntity, SyncError
from connectors.providers.mysql import access
from tests.connectors.sql_sources import DATABASE, READER, READER_PASSWORD, MySqlSource, mysql_endpoint
from tests.mariadb import MariaDb


def code_of(endpoint: Endpoint) -> str:
    with pytest.raises(SyncError) as caught:
        access.check(endpoint)
    assert READER_PASSWORD not in str(caught.value)
    return caught.value.code


def test_check_and_reach_return_when_the_sign_in_works(mysql: MySqlSource) -> None:
    access.check(mysql.endpoint)

    assert "answers (10." in access.reach(mysql.endpoint)


@pytest.mark.parametrize(
    ("config", "password", "code"),
    [
        ({}, "wrong-password", "invalid_credentials"),
        ({"user": "nobody_there"}, READER_PASSWORD, "invalid_credentials"),
        ({}, "", "misconfigured"),
        ({"database": "no_such_database"}, READER_PASSWORD, "misconfigured"),
        ({"database": f"{DATABASE}, mysql"}, READER_PASSWORD, "misconfigured"),
        ({"host": ""}, READER_PASSWORD, "misconfigured"),
        ({"port": "many"}, READER_PASSWORD, "misconfigured"),
        ({"sslmode": "sometimes"}, READER_PASSWORD, "misconfigured"),
        ({"sslmode": "require"}, READER_PASSWORD, "tls_error"),
        ({"host": "nothing.invalid"}, READER_PASSWORD, "dns_failure"),
        ({"host": "10.0.0.1"}, READER_PASSWORD, "address_not_allowed"),
    ],
)
def test_check_says_what_is_wrong(mysql: MySqlSource, config: dict[str, str], password: str, code: str) -> None:
    endpoint = mysql_endpoint(mysql.server, **config)

    assert code_of(Endpoint("mysql", endpoint.config, {"password": password})) == code


def test_what_does_not_answer_or_is_no_mysql_is_told(mysql: MySqlSource) -> None:
    from tests import servers  # noqa: PLC0415 - its port is known once it runs

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert code_of(mysql_endpoint(mysql.server, port=str(taken.getsockname()[1]))) == "unreachable"
        with pytest.raises(SyncError, match="Connection refused"):
            access.reach(mysql_endpoint(mysql.server, port=str(taken.getsockname()[1])))

    with pytest.raises(SyncError) as caught:
        access.reach(mysql_endpoint(mysql.server, port=str(servers.POSTGRES.server.port)))
    assert caught.value.code in {"connection_timeout", "misconfigured", "unreachable"}


def test_check_obeys_the_allowed_networks(mysql: MySqlSource, settings: Settings) -> None:
    settings.PATCHBAY_ALLOWED_NETWORKS = []

    assert code_of(mysql.endpoint) == "address_not_allowed"


def test_each_database_is_an_entity(mysql: MySqlSource) -> None:
    mysql.run("CREATE DATABASE IF NOT EXISTS `shop, old`", f"GRANT SELECT ON `shop, old`.* TO {READER}")
    try:
        found = {
            named: access.list_entities(mysql_endpoint(mysql.server, database=named))
            for named in (DATABASE, '"shop, old", shop', "*")
        }
    finally:
        mysql.run("DROP DATABASE `shop, old`", f"REVOKE SELECT ON `shop, old`.* FROM {READER}")

    one, other = FoundEntity(DATABASE, DATABASE), FoundEntity("shop, old", "shop, old")
    assert found == {DATABASE: [one], '"shop, old", shop': [other, one], "*": [one, other]}


def test_tables_are_described(mysql: MySqlSource) -> None:
    mysql.run(
        "CREATE TABLE `lines` (part int, whole int, `of` decimal(10,2), updated_at timestamp,"
        " PRIMARY KEY (whole, part))",
        "INSERT INTO `lines` VALUES (1, 1, 1, '2024-01-01')",
        "CREATE VIEW seen AS SELECT 1 AS one",
        "CREATE TABLE _dlt_loads (id int)",
    )

    found = {table.name: table for table in access.list_tables(mysql.endpoint, DATABASE)}

    assert list(found) == ["lines", "seen"]
    assert (found["lines"].keys, found["lines"].cursor, found["seen"].keys) == (("whole", "part"), "updated_at", ())
    assert (found["lines"].estimated_rows, found["seen"].estimated_rows) == (1, 1)
    assert dict(found["lines"].columns)["of"] == "decimal(10,2)"
    assert {table.source_schema for table in found.values()} == {DATABASE}


def test_tables_that_are_gone_or_closed_are_named(mysql: MySqlSource) -> None:
    mysql.run("CREATE TABLE open_one (id int)", "CREATE TABLE closed_one (id int, name int)")
    narrow = "narrow_reader"
    mysql.run(f"CREATE OR REPLACE USER {narrow} IDENTIFIED BY '{READER_PASSWORD}'")
    mysql.run(f"GRANT SELECT (id) ON {DATABASE}.open_one TO {narrow}")
    few = mysql_endpoint(mysql.server, user=narrow)

    access.check_tables(few, DATABASE, [("", "open_one")])
    said = [
        _refusal(few, [(DATABASE, "closed_one")]),
        _refusal(mysql.endpoint, [(DATABASE, "open_one"), (DATABASE, "gone")]),
    ]

    assert said == [
        ("insufficient_permissions", "The user may not read: closed_one."),
        ("source_object_missing", "Not found at the source: gone."),
    ]


def _refusal(endpoint: Endpoint, tables: list[tuple[str, str]]) -> tuple[str, str]:
    with pytest.raises(SyncError) as caught:
        access.check_tables(endpoint, DATABASE, tables)
    return caught.value.code, caught.value.detail


def test_what_the_owner_types_works_for_any_name(mysql: MySqlSource) -> None:
    user = "o'hara\\"
    mysql.run("CREATE TABLE `a``b` (id int)", "CREATE OR REPLACE USER 'o''hara\\\\' IDENTIFIED BY 'x'")

    statement = access.how_to_allow({"user": user, "database": DATABASE}, [("", "a`b")])
    mysql.run(statement)

    assert statement == "GRANT SELECT ON `shop`.`a``b`\n  TO 'o''hara\\\\'@'%';"
    mysql.run("DROP USER 'o''hara\\\\'")


def test_a_server_with_a_certificate_of_its_own_is_encrypted_and_not_trusted(
    tmp_path_factory: pytest.TempPathFactory, mariadb: MariaDb
) -> None:
    """Started beside the others, since a certificate is given at the start."""
    from tests.connectors.certificate import self_signed  # noqa: PLC0415
    from tests.mariadb import ADMIN, running  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("encrypted")
    certificate, key = self_signed(folder)
    with running(folder / "server", f"--ssl-cert={certificate}", f"--ssl-key={key}") as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "database": "*", "user": ADMIN}

        def endpoint(sslmode: str) -> Endpoint:
            return Endpoint("mysql", {**where, "sslmode": sslmode}, {"password": server.password})

        with server.connect() as admin, admin.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop")
        assert access.reach(endpoint("require")).endswith("encryption is offered")
        for sslmode in ("disable", "prefer", "require"):
            access.check(endpoint(sslmode))
        for sslmode in ("verify-ca", "verify-full"):
            assert code_of(endpoint(sslmode)) == "tls_error"
