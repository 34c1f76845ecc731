"""Syncs into Parquet files, in a folder and in an S3-compatible store: what readers find, whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import psycopg
import pytest
from pytest_django import Settings

from connectors.destinations import parquet, parquet_files, parquet_s3
from connectors.destinations.stores import Folder, Store
from connectors.engine.destinations import parquet as writer
from connectors.plan import Endpoint, SyncError
from tests import s3
from tests.connectors.recorder import Route, table

MERGED = table("orders", "id", mode="merge", cursor="updated_at")
APPENDED = replace(MERGED, mode="append")
CUSTOMERS = table("customers", "id")

kinds = pytest.mark.parametrize("kind", ["parquet", "parquet_s3"])


@pytest.fixture
def shop(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    source_db.execute("""
        CREATE TABLE orders (id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL);
        INSERT INTO orders SELECT n, 'order ' || n, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour'
        FROM generate_series(1, 300) AS n;
        CREATE TABLE customers (id int PRIMARY KEY, name text);
        INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 50) AS n
    """)
    return source_db


@pytest.fixture
def endpoint(kind: str, settings: Settings, tmp_path: Path) -> Endpoint:
    settings.PATCHBAY_HOME = tmp_path
    if kind == "parquet":
        return Endpoint("parquet", {"folder": "lake"})
    where = {"endpoint": s3.emptied().url, "bucket": s3.BUCKET, "prefix": "lake", "access_key": s3.KEYS.access_key}
    return Endpoint("parquet_s3", where, {"secret_key": s3.KEYS.secret_key})


@pytest.fixture
def route(source: Endpoint, endpoint: Endpoint, tmp_path: Path) -> Route:
    return Route(source, endpoint, tmp_path / "work")


@pytest.fixture
def store(endpoint: Endpoint) -> Store:
    return parquet.store_of(endpoint) if endpoint.kind == "parquet" else parquet_s3.store_of(endpoint)


@pytest.fixture
def lake(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    with parquet_files.opened(store) as connection:
        yield connection


CHECKSUM = "SELECT count(*), count(DISTINCT id), sum(id), sum(length({}) * id) FROM {}"


def found(lake: duckdb.DuckDBPyConnection, store: Store, route: Route, name: str, text: str) -> Any:
    file = parquet_files.reading(store, parquet_files.key_of(route.dataset, name))
    return tuple(int(one) for one in lake.execute(CHECKSUM.format(text, file)).fetchall()[0])


def there(shop: psycopg.Connection[Any], name: str, text: str) -> Any:
    return tuple(int(one) for one in shop.execute(CHECKSUM.format(text, name).encode()).fetchall()[0])


@kinds
def test_a_file_follows_its_table(
    shop: psycopg.Connection[Any], route: Route, store: Store, lake: duckdb.DuckDBPyConnection
) -> None:
    """Initial, after inserts, updates and deletes, re-synced; the folder of the run is new each time."""
    first = route.sync(MERGED, CUSTOMERS)
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")
    shop.execute("UPDATE orders SET note = 'changed', updated_at = '2026-01-01 00:00+00' WHERE id <= 3")
    shop.execute("INSERT INTO orders VALUES (999, 'new', '2026-01-01 00:00+00'); DELETE FROM customers WHERE id < 9")

    second = route.sync(MERGED, CUSTOMERS)

    assert [one.rows_loaded for one in (*first.tables, *second.tables)] == [300, 50, 5, 42]
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")
    assert found(lake, store, route, "customers", "name") == there(shop, "customers", "name")
    shop.execute("DELETE FROM orders WHERE id <= 100")
    route.sync(replace(MERGED, is_afresh=True))
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")


@kinds
def test_rows_are_appended_once(
    shop: psycopg.Connection[Any],
    route: Route,
    store: Store,
    lake: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process dies right after the table's file is in place, before dlt's records are."""
    route.sync(APPENDED)
    shop.execute("INSERT INTO orders VALUES (999, 'new', '2026-01-01 00:00+00')")
    with monkeypatch.context() as patched:
        patched.setattr(writer._Client, "_put_records", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        assert route.sync_and_die(APPENDED, die_when=lambda *_: False) == signal.SIGKILL
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")

    again = route.sync(APPENDED)

    assert again.tables[0].rows_loaded == 0
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")
    route.sync(replace(APPENDED, is_afresh=True))
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")


@pytest.mark.parametrize("kind", ["parquet"])
def test_readers_keep_whole_files_while_a_load_is_killed(
    shop: psycopg.Connection[Any],
    route: Route,
    store: Folder,
    lake: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dies with the new file half written, and with the first of two tables in place."""
    route.sync(MERGED, CUSTOMERS)
    before = there(shop, "orders", "note"), there(shop, "customers", "name")
    shop.execute("DELETE FROM customers WHERE id < 9")
    shop.execute("UPDATE orders SET note = 'changed', updated_at = '2026-01-01 00:00+00'")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        assert route.sync_and_die(MERGED, CUSTOMERS, die_when=lambda *_: False) == signal.SIGKILL
    folder = store.root / route.dataset
    assert [path.name for path in folder.glob(".*")] == [".orders.parquet.part"]
    assert found(lake, store, route, "orders", "note") == before[0]

    put = Folder.put

    def put_one(self: Folder, key: str, source: Path) -> None:
        put(self, key, source)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "put", put_one)
        assert route.sync_and_die(MERGED, CUSTOMERS, die_when=lambda *_: False) == signal.SIGKILL
    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")
    assert found(lake, store, route, "customers", "name") == before[1]

    route.sync(MERGED, CUSTOMERS)

    assert found(lake, store, route, "customers", "name") == there(shop, "customers", "name")
    assert sorted(path.name for path in folder.iterdir()) == ["_patchbay", "customers.parquet", "orders.parquet"]


@pytest.mark.parametrize("kind", ["parquet"])
def test_an_overtaken_run_appends_nothing(
    shop: psycopg.Connection[Any],
    route: Route,
    store: Store,
    lake: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route.sync(APPENDED)
    shop.execute("INSERT INTO orders VALUES (999, 'new', '2026-01-01 00:00+00')")
    put = writer._Client._put_table

    def late(self: Any, one: Any) -> None:
        monkeypatch.setattr(writer._Client, "_put_table", put)
        route.sync_and_die(APPENDED, die_when=lambda *_: False)
        put(self, one)

    monkeypatch.setattr(writer._Client, "_put_table", late)
    with pytest.raises(SyncError, match="another run appended meanwhile"):
        route.sync(APPENDED)

    assert found(lake, store, route, "orders", "note") == there(shop, "orders", "note")


@pytest.mark.parametrize("kind", ["parquet"])
def test_a_type_that_changes_at_the_source_changes_in_the_file(
    shop: psycopg.Connection[Any], route: Route, store: Store, lake: duckdb.DuckDBPyConnection
) -> None:
    route.sync(MERGED, CUSTOMERS)
    shop.execute("ALTER TABLE customers ALTER id TYPE text; ALTER TABLE orders ADD COLUMN paid boolean DEFAULT true")
    shop.execute("UPDATE orders SET updated_at = '2026-01-01 00:00+00' WHERE id <= 3")
    route.sync(MERGED, CUSTOMERS)
    route.sync(replace(MERGED, generation=1))

    def kinds_of(name: str) -> list[Any]:
        file = parquet_files.reading(store, parquet_files.key_of(route.dataset, name))
        return [row[:2] for row in lake.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()]

    assert kinds_of("customers") == [("id", "VARCHAR"), ("name", "VARCHAR")]
    assert kinds_of("orders")[-1] == ("paid", "BOOLEAN")
    file = parquet_files.reading(store, parquet_files.key_of(route.dataset, "orders"))
    assert lake.execute(f"SELECT count(*) FILTER (WHERE paid) FROM {file}").fetchall() == [(300,)]


@kinds
def test_purge_removes_what_was_made_and_nothing_else(
    shop: psycopg.Connection[Any], route: Route, store: Store, endpoint: Endpoint, tmp_path: Path
) -> None:
    del shop
    pipeline = f"pb_{route.id.hex}"
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    route.sync(MERGED, CUSTOMERS)
    store.put(f"{route.dataset}/theirs.txt", theirs)
    module = parquet if endpoint.kind == "parquet" else parquet_s3

    dropped = module.drop_loaded(endpoint, route.dataset, pipeline)

    assert dropped == ("customers", "orders")
    assert list(store.sizes(f"{route.dataset}/")) == [f"{route.dataset}/theirs.txt"]
    assert module.drop_loaded(endpoint, route.dataset, pipeline) == ()
    assert module.count_rows(endpoint, route.dataset, ("orders",)) == {"orders": None}
    assert route.sync(MERGED).tables[0].rows_loaded == 300


@kinds
def test_what_is_loaded_can_be_listed_and_looked_at(
    shop: psycopg.Connection[Any], route: Route, endpoint: Endpoint
) -> None:
    shop.execute("INSERT INTO customers VALUES (0, NULL), (-1, repeat('x', 1000))")
    route.sync(MERGED, CUSTOMERS)
    module = parquet if endpoint.kind == "parquet" else parquet_s3

    customers, orders = module.list_loaded(endpoint, route.dataset)
    shown = module.preview(endpoint, route.dataset, "customers", 3)

    assert (customers.name, customers.rows, orders.rows) == ("customers", 52, 300)
    assert orders.columns == (("id", "BIGINT"), ("note", "VARCHAR"), ("updated_at", "TIMESTAMP WITH TIME ZONE"))
    assert len(shown.rows) == 3
    assert shown.columns == (("id", "INTEGER"), ("name", "VARCHAR"))


@kinds
def test_a_file_that_others_made_is_not_replaced(
    shop: psycopg.Connection[Any], route: Route, store: Store, tmp_path: Path
) -> None:
    del shop
    theirs = tmp_path / "theirs.parquet"
    duckdb.connect().execute(f"COPY (SELECT 1 AS id) TO '{theirs}' (FORMAT parquet)")
    store.put(f"{route.dataset}/orders.parquet", theirs)

    with pytest.raises(SyncError, match="did not load"):
        route.sync(MERGED)


@kinds
def test_a_probe_says_what_it_found(endpoint: Endpoint, store: Store) -> None:
    module = parquet if endpoint.kind == "parquet" else parquet_s3

    said = list(module.probe(endpoint))

    assert len(said) == 3
    assert dict(store.sizes("")) == {}


@pytest.mark.parametrize("kind", ["parquet_s3"])
@pytest.mark.parametrize(
    ("wrong", "secret", "code"),
    [
        ({}, "wrong", "destination_permission_denied"),
        ({"bucket": "no-such-bucket"}, s3.KEYS.secret_key, "misconfigured"),
        ({"access_key": s3.READER.access_key}, s3.READER.secret_key, "destination_permission_denied"),
        ({"endpoint": "http://127.0.0.1:1"}, s3.KEYS.secret_key, "destination_unreachable"),
        ({"endpoint": "http://169.254.169.254"}, s3.KEYS.secret_key, "address_not_allowed"),
    ],
)
def test_a_store_that_refuses_is_told(endpoint: Endpoint, wrong: dict[str, str], secret: str, code: str) -> None:
    refused = Endpoint("parquet_s3", {**endpoint.config, **wrong}, {"secret_key": secret})

    with pytest.raises(SyncError) as caught:
        list(parquet_s3.probe(refused))

    assert caught.value.code == code
    assert secret not in caught.value.detail


@pytest.mark.parametrize("named", ["../out", "/etc", "a/b", "", "x" * 90, "/allowed/../etc", "/allowed/a*"])
def test_a_folder_elsewhere_is_refused(named: str, settings: Settings, tmp_path: Path) -> None:
    settings.PATCHBAY_HOME = tmp_path
    settings.PATCHBAY_EXPORT_FOLDERS = ["/allowed"]

    with pytest.raises(SyncError) as caught:
        parquet.folder_of(Endpoint("parquet", {"folder": named}))

    assert caught.value.code == "misconfigured"


def test_a_link_leads_no_files_out_of_the_folder(settings: Settings, tmp_path: Path) -> None:
    settings.PATCHBAY_EXPORT_FOLDERS = [str(tmp_path / "exports")]
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "link").symlink_to("/tmp")
    inside = Endpoint("parquet", {"folder": str(tmp_path / "exports" / "team")})

    assert parquet.folder_of(inside) == tmp_path / "exports" / "team"
    with pytest.raises(SyncError, match="over a link"):
        parquet.folder_of(Endpoint("parquet", {"folder": str(tmp_path / "exports" / "link" / "x")}))


@pytest.mark.parametrize(
    "name", ["plain", "Ä 雪", "a/b", "..", ".hidden", "_own", "a*b?c[d]", "x%2Fy", "{k}=v", "a\x00b\nc"]
)
def test_every_table_name_is_a_file_of_its_own(name: str) -> None:
    key = parquet_files.key_of("d", name)

    assert key.count("/") == 1
    assert not key.startswith(("d/.", "d/_"))
    assert not set("*?[]{}=\x00\n") & set(key)
    assert unquote(key.removeprefix("d/").removesuffix(".parquet")) == name
