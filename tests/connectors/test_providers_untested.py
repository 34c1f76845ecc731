"""SQL Server and Oracle, for which no server is at hand: what can be said without one."""

from __future__ import annotations

import socket
import sys

import pytest

from connectors.plan import Endpoint, RowFilter, SyncError, TablePlan
from connectors.providers import registry
from connectors.providers.mssql.words import WORDS
from connectors.providers.sql import conditions
from connectors.providers.sql.shapes import LOCAL_TIME, ColumnShape, TableShape

SHAPE = TableShape(
    "dbo",
    "or]ders",
    ("id",),
    (
        ColumnShape("id", "bigint", "bigint", "bigint"),
        ColumnShape("no]te", "nvarchar(20)", "text", "text", "CAST({} AS nvarchar(max))"),
        ColumnShape("at", "datetime2", "timestamp", LOCAL_TIME),
    ),
)
UNTESTED = {
    "mssql": ("pymssql", {"database": "shop", "schema": "dbo"}),
    "oracle": ("oracledb", {"service": "shop", "schema": "SHOP"}),
}


def endpoint_of(kind: str, **config: str) -> Endpoint:
    where = {"host": "127.0.0.1", "port": "1", "user": "reader", **UNTESTED[kind][1]}
    return Endpoint(kind, {**where, **config}, {"password": "reader-password-4711"})


@pytest.mark.parametrize("kind", UNTESTED)
def test_they_say_that_they_are_untested_and_which_driver_is_missing(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = UNTESTED[kind][0]
    monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(SyncError, match=f"Install the package “{driver}”") as caught:
        registry.access(kind).check(endpoint_of(kind))

    assert (caught.value.code, registry.manifest(kind).is_untested) == ("misconfigured", True)


@pytest.mark.parametrize("kind", UNTESTED)
def test_what_does_not_answer_is_told_without_the_driver(kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = endpoint_of(kind, port=str(taken.getsockname()[1]))

        with pytest.raises(SyncError) as caught:
            registry.access(kind).reach(closed)

    assert caught.value.code == "unreachable"
    with pytest.raises(SyncError) as forbidden:
        registry.access(kind).reach(endpoint_of(kind, host="10.0.0.1"))
    assert forbidden.value.code == "address_not_allowed"


def test_what_the_owner_types_names_the_tables() -> None:
    config = {"user": "reader", "schema": "dbo"}

    assert registry.access("mssql").how_to_allow(config, [("", "or]ders")]) == (
        "GRANT SELECT ON [dbo].[or]]ders]\n  TO [reader];"
    )
    assert registry.access("oracle").how_to_allow({**config, "schema": "SHOP"}, [("", "ORDERS")]) == (
        'GRANT SELECT ON "SHOP"."ORDERS"\n  TO READER;'
    )


def test_values_for_sql_server_are_digits_only() -> None:
    """Its driver would write them into the statement: so no character of a value is there to be read as SQL."""
    asked = (
        RowFilter("no]te", "eq", "x' OR 1=1 --"),
        RowFilter("id", "in", "1\n2"),
        RowFilter("at", "ge", "2024-01-01T00:00:00+01:00"),
    )

    found = conditions.filters(WORDS, TablePlan("or]ders", filters=asked), SHAPE)

    note, number, moment = (one.text for one in found)
    assert "OR 1=1" not in note
    assert "x' OR 1=1 --".encode("utf-16-le").hex() in note
    assert number.startswith("[id] IN (CAST(CONVERT(nvarchar(max), 0x3100) AS decimal(38, 0)), ")
    assert "2023-12-31T23:00:00".encode("utf-16-le").hex() in moment
    assert all(one.values == () for one in found)
