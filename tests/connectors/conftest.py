"""Real ends to sync between: databases on the test server, DuckDB files, and a payroll sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow
from pytest_django import Settings

from connectors.engine.run import warm_up
from connectors.plan import Endpoint
from tests import servers
from tests.connectors.recorder import Route
from tests.connectors.sql_sources import DuckDbSource, MySqlSource, SqliteSource, SqlSource
from tests.mariadb import MariaDb, running
from tests.sandbox.running import API_KEY, Running, start_sandbox_process

SOURCE = "engine_source"
WAREHOUSE = "engine_warehouse"
READER = "engine_reader"
READER_PASSWORD = "reader-password-4711"
# Rows that are easily damaged on the way, and every type that a shop or an office may have.
ODD_TABLE = """
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE DOMAIN positive AS numeric(12, 4) CHECK (value > 0);
    CREATE TABLE "Odd Things" (
        "Id" bigint PRIMARY KEY, "select" text, name varchar(80), code char(3), flag boolean,
        small smallint, whole integer, exact numeric(12, 2), free numeric, ratio double precision, part real,
        price positive, token uuid, day date, clock time, moment timestamptz, local timestamp, span interval,
        doc jsonb, raw json, blob bytea, tags text[], numbers integer[][], feeling mood, moods mood[],
        address inet, net cidr, updated_at timestamptz
    );
    INSERT INTO "Odd Things" VALUES
    (1, E'line one\\nline "two", with comma\\r\\n\\ttab', 'Zoë “ß” 雪 🌍', 'ab', true,
     -32768, 2147483647, 1234567890.12, 123456789.123456789012345678, 0.1, 0.5,
     0.0001, '0197c0de-0000-7000-8000-00000000beef', '2024-02-29', '23:59:59.123456',
     '2024-06-01 12:00:00.123456+02', '1999-12-31 23:59:59', '1 year 2 days 03:04:05',
     '{"a": [1, null, "x\\"y"], "b": {}}', '{"kept":  "as is"}', '\\x00ff10', ARRAY['a', 'b,c', NULL, '"q"'],
     '{{1,2},{3,4}}', 'happy', '{happy,sad}', '10.0.0.1/8', '10.0.0.0/8', now()),
    (2, '', '', '', false, 0, 0, 0, 0, 'NaN', 0, 1, '00000000-0000-0000-0000-000000000000', '0001-01-01', '00:00',
     '1970-01-01 00:00+00', '1970-01-01', '0', '{}', '[]', '', '{}', '{}', 'sad', '{}', '::1', '::/0', now()),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, '\\N', 'NULL', '\\.', true, 1, -1, -0.01, -1.5, 1e-300, 1.5, 2, gen_random_uuid(), '9999-12-31', '12:00',
     '2024-01-01 00:00-11:30', '2024-01-01', '-1 day', '"text"', 'null', '\\x5c4e', ARRAY['\\N', ''], NULL, NULL,
     NULL, NULL, NULL, now())
"""


def database_url(name: str) -> str:
    return servers.POSTGRES.server.url(name)


def postgres_endpoint(database: str, user: str, password: str, **config: str) -> Endpoint:
    where = {"host": "127.0.0.1", "port": str(servers.POSTGRES.server.port), "database": database, "user": user}
    return Endpoint("postgres", {**where, **config}, {"password": password})


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    warm_up()


@pytest.fixture(scope="session", autouse=True)
def _databases() -> None:
    with psycopg.connect(database_url("postgres"), autocommit=True) as admin:
        for name in (SOURCE, WAREHOUSE):
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(READER), sql.Literal(READER_PASSWORD))
        )


@pytest.fixture
def source_db() -> Iterator[psycopg.Connection[TupleRow]]:
    """The source database, its schema `public` emptied, readable by the reader."""
    with psycopg.connect(database_url(SOURCE), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for grant in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {}",
        ):
            connection.execute(sql.SQL(grant).format(sql.Identifier(READER)))
        yield connection


@pytest.fixture
def shop(source_db: psycopg.Connection[TupleRow]) -> psycopg.Connection[TupleRow]:
    """A source with 12,000 orders, an hour apart, and 500 customers."""
    source_db.execute("""
        CREATE TABLE orders (id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL);
        INSERT INTO orders SELECT n, 'order ' || n, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour'
        FROM generate_series(1, 12000) AS n;
        CREATE TABLE customers (id int PRIMARY KEY, name text);
        INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 500) AS n
    """)
    return source_db


@pytest.fixture
def warehouse_db() -> Iterator[psycopg.Connection[TupleRow]]:
    with psycopg.connect(database_url(WAREHOUSE), autocommit=True) as connection:
        yield connection


@pytest.fixture
def source() -> Endpoint:
    return postgres_endpoint(SOURCE, READER, READER_PASSWORD)


@pytest.fixture
def warehouse() -> Endpoint:
    return postgres_endpoint(WAREHOUSE, "patchbay", servers.POSTGRES.server.password)


@pytest.fixture
def duck(settings: Settings, tmp_path: Path) -> Endpoint:
    settings.PATCHBAY_HOME = tmp_path
    return Endpoint("duckdb", {"file": "lake"})


@pytest.fixture
def open_duck(duck: Endpoint, tmp_path: Path) -> Callable[[], duckdb.DuckDBPyConnection]:
    """Open the DuckDB file of the test for reading."""
    del duck
    return lambda: duckdb.connect(str(tmp_path / "duckdb" / "lake.duckdb"), read_only=True)


@pytest.fixture
def to_postgres(source: Endpoint, warehouse: Endpoint, tmp_path: Path) -> Route:
    return Route(source, warehouse, tmp_path / "work")


@pytest.fixture
def to_duck(source: Endpoint, duck: Endpoint, tmp_path: Path) -> Route:
    return Route(source, duck, tmp_path / "work")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    running = start_sandbox_process()
    yield running
    running.session.close()
    running.process.kill()
    running.process.communicate()


@pytest.fixture
def payroll(sandbox: Running) -> Iterator[Endpoint]:
    """The payroll API, all knobs at rest."""
    yield Endpoint("sandbox_payroll", {"base_url": sandbox.url}, {"api_key": API_KEY})
    sandbox.turn_knobs({})


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """One MariaDB for all tests of a process."""
    with running(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def allowed_folder(settings: Settings, tmp_path: Path) -> Path:
    """A folder whose files may be read as sources."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    settings.PATCHBAY_FILE_FOLDERS = [str(folder)]
    return folder


@pytest.fixture
def mysql(mariadb: MariaDb) -> Iterator[MySqlSource]:
    made = MySqlSource(mariadb)
    yield made
    made.close()


@pytest.fixture
def sqlite(allowed_folder: Path) -> Iterator[SqliteSource]:
    made = SqliteSource(allowed_folder / "shop.db")
    yield made
    made.close()


@pytest.fixture
def duckdb_file(allowed_folder: Path) -> DuckDbSource:
    return DuckDbSource(allowed_folder / "shop.duckdb")


@pytest.fixture(params=["mysql", "sqlite", "duckdb_file"])
def sql_source(request: pytest.FixtureRequest) -> SqlSource:
    """Each SQL source in turn."""
    found: SqlSource = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["warehouse", "duck"])
def sql_route(request: pytest.FixtureRequest, sql_source: SqlSource, tmp_path: Path) -> Route:
    """Each SQL source to each destination."""
    destination: Endpoint = request.getfixturevalue(request.param)
    return Route(sql_source.endpoint, destination, tmp_path / "work", entity=sql_source.entity)
