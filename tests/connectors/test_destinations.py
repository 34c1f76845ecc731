from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.destinations import duckdb as duckdb_files
from connectors.destinations import registry
from connectors.plan import Endpoint, SyncError
from connectors.providers import registry as providers
from tests.connectors.conftest import READER, READER_PASSWORD, WAREHOUSE, postgres_endpoint
from tests.connectors.recorder import Route, table


def code_of(endpoint: Endpoint) -> str:
    with pytest.raises(SyncError) as caught:
        registry.destination(endpoint.kind).check(endpoint)
    return caught.value.code


def test_both_kinds_can_be_written_to(warehouse: Endpoint, duck: Endpoint) -> None:
    for endpoint in (warehouse, duck):
        registry.destination(endpoint.kind).check(endpoint)


def test_only_duckdb_has_one_writer() -> None:
    assert [kind for kind in registry.kinds() if registry.is_exclusive(kind)] == ["duckdb"]


@pytest.mark.parametrize("manifest", [*registry.all_manifests(), *providers.all_manifests()], ids=lambda one: one.name)
def test_manifests_are_complete(manifest: Any) -> None:
    assert len(manifest.tile) == 2
    assert 1 <= manifest.tile_hue <= 6
    assert all(field.label and (field.type != "choice" or field.default in field.choices) for field in manifest.fields)
    assert manifest.secret_names == {field.name for field in manifest.fields if field.type == "password"}


@pytest.mark.parametrize(
    ("database", "user", "password", "code"),
    [
        (WAREHOUSE, READER, "wrong-password", "destination_permission_denied"),
        (WAREHOUSE, READER, READER_PASSWORD, "destination_permission_denied"),
        ("no_such_database", READER, READER_PASSWORD, "misconfigured"),
    ],
)
def test_postgres_says_what_is_wrong(database: str, user: str, password: str, code: str) -> None:
    assert code_of(postgres_endpoint(database, user, password)) == code


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"host": "nothing.invalid"}, "destination_unreachable"),
        ({"host": "10.0.0.1"}, "address_not_allowed"),
        ({"port": "1"}, "destination_unreachable"),
    ],
)
def test_postgres_that_cannot_be_reached_is_told(config: dict[str, str], code: str) -> None:
    assert code_of(postgres_endpoint(WAREHOUSE, READER, READER_PASSWORD, **config)) == code


def test_postgres_counts_what_is_there(warehouse: Endpoint, warehouse_db: psycopg.Connection[Any]) -> None:
    warehouse_db.execute("CREATE SCHEMA counted; CREATE TABLE counted.two AS SELECT generate_series(1, 2)")

    counts = registry.destination("postgres").count_rows(warehouse, "counted", ("two", "none"))
    nowhere = registry.destination("postgres").count_rows(warehouse, "nowhere", ("two",))

    assert (counts, nowhere) == ({"two": 2, "none": None}, {"two": None})


def test_duckdb_counts_what_is_there(duck: Endpoint) -> None:
    registry.destination("duckdb").check(duck)
    with duckdb.connect(str(duckdb_files.path_of(duck))) as lake:
        lake.execute("CREATE SCHEMA counted; CREATE TABLE counted.two AS FROM range(2)")

    counts = registry.destination("duckdb").count_rows(duck, "counted", ("two", "none"))

    assert counts == {"two": 2, "none": None}


@pytest.mark.parametrize(
    "name", ["", "../other", "a/b", "/etc/passwd", "a b", ".hidden", "x" * 81, "a\x00b", "lake.duckdb.x"]
)
def test_duckdb_takes_names_only(name: str, duck: Endpoint) -> None:
    assert code_of(Endpoint("duckdb", {"file": name})) == "misconfigured"


def test_duckdb_stays_in_its_folder(duck: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "duckdb").mkdir()
    (tmp_path / "duckdb" / "lake.duckdb").symlink_to(tmp_path / "elsewhere.duckdb")

    assert code_of(duck) == "misconfigured"
    assert not (tmp_path / "elsewhere.duckdb").exists()


def test_duckdb_with_a_second_writer_is_told(duck: Endpoint) -> None:
    path = duckdb_files.path_of(duck)
    path.parent.mkdir()
    reading, writing = os.pipe()
    released, release = os.pipe()
    child = os.fork()
    if child == 0:
        with duckdb.connect(str(path)):
            os.write(writing, b"open")
            os.read(released, 1)
        os._exit(0)
    os.read(reading, 4)

    code = code_of(duck)

    os.write(release, b"x")
    os.waitpid(child, 0)
    assert code == "destination_unreachable"


@pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])
def test_records_of_old_loads_go(
    source_db: psycopg.Connection[Any], kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.destinations.bookkeeping.KEPT_LOADS", 2)
    monkeypatch.setattr("connectors.destinations.bookkeeping.SPARE_LOADS", 0)
    source_db.execute("CREATE TABLE ticks (id int PRIMARY KEY, updated_at timestamptz)")
    route: Route = request.getfixturevalue(kind)
    ticks = table("ticks", "id", mode="merge", cursor="updated_at")
    for number in range(6):
        source_db.execute(
            "INSERT INTO ticks VALUES (%s, timestamptz '2026-01-01' + %s * interval '1 day')", (number, number)
        )
        route.sync(ticks)

    counts = registry.destination(route.destination.kind).count_rows(
        route.destination, route.dataset, ("_dlt_loads", "_dlt_pipeline_state")
    )
    again = route.sync(ticks)

    # What the last load found, which are three, and its own.
    assert counts == {"_dlt_loads": 4, "_dlt_pipeline_state": 4}
    assert again.tables[0].rows_extracted == 1
