"""Files from each kind of place into Postgres and DuckDB: what arrives, and what a run reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from pytest_django import Settings

from connectors.plan import Endpoint, SyncError, TablePlan
from connectors.providers import registry
from tests.connectors.places import BucketOfFiles, FolderOfFiles, PlaceOfFiles, ServerOfFiles
from tests.connectors.recorder import Recorder, Route, table
from tests.sftp import SftpServer

BY_FILE = table("orders", "_file", mode="merge", cursor="_modified")
MOMENT = "2024-06-01 10:00:00+00"
COLUMNS = ("id", "note", "price", "moment", "paid")


@pytest.fixture
def files(tmp_path: Path, settings: Settings) -> FolderOfFiles:
    root = tmp_path / "exports"
    root.mkdir()
    settings.PATCHBAY_FILE_FOLDERS = [str(tmp_path)]
    return FolderOfFiles(root)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    running = SftpServer(tmp_path_factory.mktemp("sftp"))
    yield running
    running.end()


@pytest.fixture(params=["folder", "bucket", "server"])
def place(request: pytest.FixtureRequest) -> PlaceOfFiles:
    if request.param == "bucket":
        return BucketOfFiles()
    if request.param == "folder":
        found: FolderOfFiles = request.getfixturevalue("files")
        return found
    running: SftpServer = request.getfixturevalue("server")
    root = running.folder / request.node.name.translate(str.maketrans("[]", "__"))
    root.mkdir()
    return ServerOfFiles(root, server=running)


def rows(first: int, last: int, note: str = "note") -> list[tuple[int, str | None, str, str, bool]]:
    """Orders with values that are easily damaged."""
    return [
        (number, None if number % 7 == 0 else f'{note} "{number}", ü\n', f"{number}.10", MOMENT, number % 2 == 0)
        for number in range(first, last)
    ]


def as_csv(found: list[Any]) -> bytes:
    lines = [",".join(COLUMNS)]
    for number, note, *others in found:
        text = "" if note is None else '"' + note.replace('"', '""') + '"'
        lines.append(",".join([str(number), text, *map(str, others)]))
    return "\n".join([*lines, ""]).encode()


def as_jsonl(found: list[Any]) -> bytes:
    return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in found).encode()


def as_parquet(found: list[Any]) -> bytes:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t (id bigint, note varchar, price decimal(12, 2), moment timestamptz, paid boolean)"
        )
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", found)
        path = Path("/tmp") / f"patchbay-{id(found)}.parquet"
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    content = path.read_bytes()
    path.unlink()
    return content


def checksum(found: list[tuple[Any, ...]]) -> str:
    """Over all rows, each value as both ends write it."""
    texts = sorted(repr(tuple(None if value is None else str(value) for value in row)) for row in found)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


Loaded = Callable[[], list[tuple[Any, ...]]]
_READ = (
    "SELECT id, note, CAST(CAST(price AS decimal(12, 2)) AS varchar), CAST(moment AS varchar), "
    "CAST(paid AS varchar) FROM "
)


@pytest.fixture(params=["postgres", "duckdb"])
def destination(request: pytest.FixtureRequest) -> tuple[Endpoint, Callable[[Route], Loaded]]:
    """A destination, and how its rows are read."""
    if request.param == "postgres":
        warehouse: psycopg.Connection[Any] = request.getfixturevalue("warehouse_db")
        warehouse.execute("SET timezone = 'UTC'")
        return request.getfixturevalue(
            "warehouse"
        ), lambda route: lambda: warehouse.execute(f"{_READ}{route.dataset}.orders".encode()).fetchall()
    open_duck: Callable[[], duckdb.DuckDBPyConnection] = request.getfixturevalue("open_duck")

    def loaded(route: Route) -> list[tuple[Any, ...]]:
        with open_duck() as lake:
            lake.execute("SET TimeZone = 'UTC'")
            found: list[tuple[Any, ...]] = lake.execute(f"{_READ}{route.dataset}.orders").fetchall()
            return found

    return request.getfixturevalue("duck"), lambda route: lambda: loaded(route)


def told(*groups: list[tuple[int, str | None, str, str, bool]]) -> str:
    return checksum([(*row[:4], str(row[4]).lower()) for group in groups for row in group])


@pytest.mark.parametrize(("ending", "made"), [("csv", as_csv), ("jsonl", as_jsonl), ("parquet", as_parquet)])
def test_new_and_changed_files_arrive_as_they_are(
    files: FolderOfFiles,
    ending: str,
    made: Callable[[list[Any]], bytes],
    destination: tuple[Endpoint, Callable[[Route], Loaded]],
    tmp_path: Path,
) -> None:
    endpoint, reading = destination
    route = Route(files.endpoint(), endpoint, tmp_path / "work", entity=".")
    loaded = reading(route)
    files.put(f"orders_1.{ending}", made(rows(0, 300)))
    files.put(f"orders_2.{ending}", made(rows(300, 500)))

    first = route.sync(BY_FILE)
    assert checksum(loaded()) == told(rows(0, 500))

    files.put(f"orders_3.{ending}", made(rows(500, 600)))
    files.put(f"orders_2.{ending}", made(rows(300, 350, "changed")))
    second = route.sync(BY_FILE)
    third = route.sync(BY_FILE)
    assert checksum(loaded()) == told(rows(0, 300), rows(300, 350, "changed"), rows(500, 600))

    files.remove(f"orders_1.{ending}")
    fourth = route.sync(BY_FILE)
    assert checksum(loaded()) == told(rows(0, 300), rows(300, 350, "changed"), rows(500, 600))
    again = route.sync(TablePlan("orders", keys=("_file",), mode="merge", cursor="_modified", is_afresh=True))
    assert checksum(loaded()) == told(rows(300, 350, "changed"), rows(500, 600))
    counts = [run.tables[0].rows_extracted for run in (first, second, third, fourth, again)]
    assert counts == [500, 150, 0, 0, 150]


def test_each_place_is_looked_into_and_read(
    place: PlaceOfFiles, warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    place.put("orders_2024-01-01.csv", "id,note\n1,a\n2,b\n")
    place.put("deeper/down/orders_2024-01-02.jsonl", '{"id": 3, "more": true}\n')
    place.put("people.csv", "name\nZoë\n")
    place.put("_SUCCESS", "")
    place.put(".hidden.csv", "x\n1\n")
    place.put("read me.md", "no data")
    endpoint, access = place.endpoint(), registry.access(place.kind)

    assert "answers" in access.reach(endpoint) or "is there" in access.reach(endpoint)
    access.check(endpoint)
    entities = access.list_entities(endpoint)
    found = {one.name: one for one in access.list_tables(endpoint, entities[0].ref)}
    access.check_tables(endpoint, entities[0].ref, [("", "orders"), ("", "people")])

    assert [(one.ref, bool(one.name)) for one in entities] == [(".", True)]
    assert dict(found["orders"].columns) == {
        "id": "bigint", "more": "boolean", "note": "text",
        "_file": "text", "_modified": "timestamp with time zone", "_row": "bigint",
    }  # fmt: skip
    assert (found["orders"].mode, found["orders"].keys, found["orders"].cursor) == ("merge", ("_file",), "_modified")
    assert set(found) == {"orders", "people"}

    route, recorder = Route(endpoint, warehouse, tmp_path / "work", entity="."), Recorder()
    route.sync(BY_FILE, table("people"), recorder=recorder)
    place.put("orders_2024-01-01.csv", "id,note\n1,changed\n")
    route.sync(BY_FILE, table("people"))

    stored = warehouse_db.execute(
        f"SELECT id, note, more, _file, _row FROM {route.dataset}.orders ORDER BY id".encode()
    )
    assert stored.fetchall() == [
        (1, "changed", None, "orders_2024-01-01.csv", 1),
        (3, None, True, "deeper/down/orders_2024-01-02.jsonl", 1),
    ]
    assert recorder.shapes["people"]["name"] == "text"
    with pytest.raises(SyncError, match="source_object_missing: No file is there of: gone"):
        access.check_tables(endpoint, ".", [("", "gone")])
    with pytest.raises(SyncError, match="source_object_missing: No file is there of: gone"):
        route.sync(table("gone"))


def test_folders_sync_on_their_own(place: PlaceOfFiles, warehouse: Endpoint, tmp_path: Path) -> None:
    place.put("berlin/orders.csv", "id\n1\n")
    place.put("zürich/2024/orders.csv", "id\n2\n3\n")
    endpoint, access = place.endpoint(entities="each"), registry.access(place.kind)

    assert [one.ref for one in access.list_entities(endpoint)] == ["berlin", "zürich"]
    assert [one.name for one in access.list_tables(endpoint, "zürich")] == ["orders"]
    assert Route(endpoint, warehouse, tmp_path / "work", entity="zürich").sync(BY_FILE).tables[0].rows_loaded == 2
    with pytest.raises(SyncError, match="entity_access_lost"):
        access.check(endpoint, "oslo")


def test_by_a_key_of_their_own_the_newest_file_counts(
    files: FolderOfFiles, warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    files.put("orders_1.csv", "id,note\n1,old\n2,old\n2,twice\n")
    files.put("orders_2.csv", "id,note\n1,new\n3,new\n")
    route = Route(files.endpoint(), warehouse, tmp_path / "work", entity=".")
    merged = table("orders", "id", mode="merge", cursor="_modified")

    first = route.sync(merged)
    files.put("orders_3.csv", "id,note\n3,newest\n")
    second = route.sync(merged)

    stored = warehouse_db.execute(f"SELECT id, note, _file FROM {route.dataset}.orders ORDER BY id".encode()).fetchall()
    assert stored == [(1, "new", "orders_2.csv"), (2, "twice", "orders_1.csv"), (3, "newest", "orders_3.csv")]
    assert [run.tables[0].rows_extracted for run in (first, second)] == [3, 1]
    files.put("orders_4.csv", "id,note\n4,x\n,y\n")
    with pytest.raises(SyncError, match=r"orders_4\.csv, line 3: “id” is a part of the key, and is empty"):
        route.sync(merged)


def test_appended_rows_stay_and_all_files_are_read_each_time_when_that_is_said(
    files: FolderOfFiles, warehouse: Endpoint, tmp_path: Path
) -> None:
    files.put("orders_1.csv", "id\n1\n")
    route = Route(files.endpoint(), warehouse, tmp_path / "work", entity=".")
    appended = table("orders", mode="append", cursor="_modified")

    counts = [route.sync(appended).tables[0].rows_loaded]
    files.put("orders_2.csv", "id\n2\n3\n")
    counts += [route.sync(appended).tables[0].rows_loaded for _ in range(2)]

    assert counts == [1, 2, 0]
    found = registry.access("files_folder").list_tables(files.endpoint(reading="all"), ".")
    assert [(one.mode, one.keys, one.cursor) for one in found] == [("replace", (), "")]
    assert [route.sync(table("orders")).tables[0].rows_loaded for _ in range(2)] == [3, 3]
