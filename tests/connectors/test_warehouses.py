"""Cloud warehouses, as far as they can be tried without one: their statements against PostgreSQL, their files by hand.

PostgreSQL stands in for Redshift, which took its language from it; the few words that it lacks are lent to it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import psycopg2
import pytest
from dlt.destinations.impl.redshift.factory import RedshiftTypeMapper

from connectors.destinations import bigquery, redshift, registry, snowflake
from connectors.destinations.warehouses import Warehouse
from connectors.engine.warehouse_files import as_parquet, fitted
from connectors.failures import postgres_failure
from connectors.plan import Endpoint, SyncError
from connectors.providers.feed import Column
from tests.connectors.conftest import WAREHOUSE, database_url
from tests.connectors.recorder import Route, table

MERGED = table("orders", "id", mode="merge", cursor="updated_at")
APPENDED = replace(MERGED, mode="append")
CUSTOMERS = table("customers", "id")


def _connect(endpoint: Endpoint, seconds: int | None = None) -> Any:
    del endpoint, seconds
    return psycopg2.connect(database_url(WAREHOUSE))


def _failure(error: Exception) -> SyncError:
    return postgres_failure(error, "destination")


STAND_IN = Warehouse(_connect, _failure, text="left({}::text, {})")
NOWHERE = Endpoint("redshift", {})


@pytest.fixture
def small(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    source_db.execute("""
        CREATE TABLE orders (id bigint PRIMARY KEY, note text, price numeric(12, 4), raw bytea, doc jsonb,
                             updated_at timestamptz NOT NULL);
        INSERT INTO orders SELECT n, NULLIF('it''s "' || n, 'it''s "7'), n / 7.0, decode('00ff', 'hex'), '{"a": [1]}',
            timestamptz '2024-01-01 00:00+00' + n * interval '1 hour' FROM generate_series(1, 30) AS n;
        CREATE TABLE customers (id int PRIMARY KEY, name text); INSERT INTO customers VALUES (1, ''), (2, '\\N')
    """)
    return source_db


def test_a_warehouse_is_looked_at_counted_and_purged(small: psycopg.Connection[Any], to_postgres: Route) -> None:
    del small
    dataset, pipeline = to_postgres.dataset, f"pb_{to_postgres.id.hex}"
    assert STAND_IN.look(NOWHERE, dataset, pipeline, ["orders"]).ours == frozenset()
    to_postgres.sync(APPENDED, CUSTOMERS)
    expected = registry.destination("postgres")

    found = STAND_IN.look(NOWHERE, dataset, pipeline, ["orders", "customers", "ghosts"])

    assert found.ours == {"orders", "customers"}
    assert found.marks == STAND_IN.marks(NOWHERE, dataset, pipeline)
    assert found.marks == expected.marks(to_postgres.destination, dataset, pipeline)
    assert STAND_IN.count_rows(NOWHERE, dataset, ("orders", "ghosts")) == {"orders": 30, "ghosts": None}
    assert STAND_IN.look(NOWHERE, dataset, "pb_other", ["orders"]).others == ("orders",)
    assert [(one.name, one.rows) for one in STAND_IN.list_loaded(NOWHERE, dataset)] == [
        ("customers", 2),
        ("orders", 30),
    ]
    assert STAND_IN.preview(NOWHERE, dataset, "customers", 5).rows == (("1", ""), ("2", "\\N"))
    assert STAND_IN.drop_loaded(NOWHERE, dataset, pipeline) == ("customers", "orders")
    assert STAND_IN.drop_loaded(NOWHERE, dataset, pipeline) == ()
    assert expected.count_rows(to_postgres.destination, dataset, ("_dlt_loads",)) == {"_dlt_loads": None}


@pytest.mark.filterwarnings("ignore:The 'warn' method")
def test_rows_go_into_the_stand_in_of_redshift(
    small: psycopg.Connection[Any],
    source: Endpoint,
    warehouse: Endpoint,
    warehouse_db: psycopg.Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lent = {**RedshiftTypeMapper.sct_to_unbound_dbt, "text": "text", "binary": "bytea"}
    monkeypatch.setattr(RedshiftTypeMapper, "sct_to_unbound_dbt", lent)
    warehouse_db.execute("""
        CREATE OR REPLACE FUNCTION from_hex(text) RETURNS bytea LANGUAGE sql AS $$ SELECT decode($1, 'hex') $$
    """)
    there = Endpoint("redshift", {**warehouse.config, "sslmode": "disable"}, warehouse.secrets)
    route = Route(source, there, tmp_path / "work")

    for orders in (MERGED, APPENDED, APPENDED, replace(APPENDED, is_afresh=True)):
        route.sync(orders, CUSTOMERS)
        small.execute("INSERT INTO orders SELECT max(id) + 1, 'new', 1, '', '{}', now() - interval '1 h' FROM orders")

    columns = "id, note, price, raw, doc::text, updated_at"
    copied = warehouse_db.execute(f"SELECT {columns} FROM {route.dataset}.orders ORDER BY id".encode()).fetchall()
    assert copied == small.execute(f"SELECT {columns} FROM orders WHERE id < 34 ORDER BY id".encode()).fetchall()
    customers = warehouse_db.execute(f"SELECT * FROM {route.dataset}.customers ORDER BY id".encode()).fetchall()
    assert customers == [(1, ""), (2, "\\N")]
    assert len(list(redshift.probe(there))) == 3


def test_text_becomes_parquet_with_types_that_every_warehouse_reads(tmp_path: Path) -> None:
    columns = fitted(
        [
            Column("id", "bigint", postgres_type="bigint"),
            Column("price", "decimal", postgres_type="numeric(38,10)"),
            Column("free", "decimal", postgres_type="numeric"),
            Column("huge", "decimal", postgres_type="numeric(50,2)"),
            Column("doc", "json", postgres_type="jsonb"),
            Column("raw", "binary", postgres_type="bytea"),
            Column("at", "timestamp", postgres_type="timestamp without time zone"),
            Column('"odd" name', "text", postgres_type="uuid"),
        ]
    )
    path = tmp_path / "rows.csv"
    path.write_text(
        'id,price,free,huge,doc,raw,at,"""odd"" name"\n'
        '"9223372036854775807","1234567890123456789012345678.0123456789","0.1","1","{""a"": 1}","\\x00ff",'
        '"1899-12-31 23:59:59","\\N"\n'
        "\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N\n",
        encoding="utf-8",
    )

    made = as_parquet(path, columns)

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        kinds = [row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM '{made}'").fetchall()]
        rows = connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM '{made}'").fetchall()
    assert kinds == [
        "BIGINT", "DECIMAL(38,10)", "DECIMAL(38,18)", "VARCHAR", "VARCHAR", "BLOB", "TIMESTAMP WITH TIME ZONE",
        "VARCHAR",
    ]  # fmt: skip
    assert rows[0] == (
        "9223372036854775807", "1234567890123456789012345678.0123456789", "0.100000000000000000", "1", '{"a": 1}',
        "\\x00\\xFF", "1899-12-31 23:59:59+00", "\\N",
    )  # fmt: skip
    assert rows[1] == (None,) * 8


@pytest.mark.parametrize("module", [snowflake, bigquery])
def test_a_driver_that_is_missing_is_named_with_what_to_install(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("snowflake", "snowflake.connector", "google.cloud.bigquery"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    key = '{"client_email": "a@b", "private_key": "x", "token_uri": "http://127.0.0.1/steal"}'

    with pytest.raises(SyncError, match=r"pip install 'dlt\[") as caught:
        list(module.probe(Endpoint(module.MANIFEST.kind, {}, {"key": key})))

    assert caught.value.code == "misconfigured"


def test_a_key_of_bigquery_signs_in_at_google_only() -> None:
    key = '{"client_email": "a@b", "private_key": "x", "token_uri": "http://127.0.0.1/steal"}'

    found = bigquery.key_of(Endpoint("bigquery", {}, {"key": key}))

    assert found["token_uri"] == "https://oauth2.googleapis.com/token"
    with pytest.raises(SyncError, match="no JSON file"):
        bigquery.key_of(Endpoint("bigquery", {}, {"key": "not json"}))


def test_what_nobody_ran_against_a_real_one_says_so() -> None:
    untested = [one.kind for one in registry.all_manifests() if one.is_untested]

    assert untested == ["snowflake", "bigquery", "redshift"]
