"""SQLite and DuckDB files as sources: what is offered, what is refused, and that the web loads no DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.plan import Endpoint, FoundEntity, SyncError
from connectors.providers import registry
from connectors.providers.several import is_several, named_in
from tests.connectors.sql_sources import DuckDbSource, SqliteSource


def refused(endpoint: Endpoint) -> tuple[str, str]:
    with pytest.raises(SyncError) as caught:
        registry.access(endpoint.kind).check(endpoint)
    return caught.value.code, caught.value.detail


def test_a_sqlite_file_is_one_entity_with_its_tables(sqlite: SqliteSource) -> None:
    sqlite.run(
        "CREATE TABLE lines (part INT, whole INT, updated_at DATETIME, PRIMARY KEY (whole, part))",
        "INSERT INTO lines VALUES (1, 1, '2024-01-01')",
        "CREATE VIEW seen AS SELECT part, 1 AS one FROM lines",
        "CREATE VIEW broken AS SELECT * FROM nowhere",
        "CREATE TABLE _dlt_loads (id INT)",
    )
    access = registry.access("sqlite")

    access.check(sqlite.endpoint)
    found = {table.name: table for table in access.list_tables(sqlite.endpoint, "shop.db")}

    assert access.reach(sqlite.endpoint) == "The file “shop.db” is there, 0.0 MB"
    assert access.list_entities(sqlite.endpoint) == [FoundEntity("shop.db", "shop.db")]
    assert list(found) == ["lines", "seen"]
    assert (found["lines"].keys, found["lines"].cursor) == (("whole", "part"), "updated_at")
    assert found["lines"].columns == (("part", "INT"), ("whole", "INT"), ("updated_at", "DATETIME"))
    assert (found["lines"].estimated_rows, found["seen"].source_schema) == (1, "")
    access.check_tables(sqlite.endpoint, "shop.db", [("", "lines")])
    with pytest.raises(SyncError, match="Not found at the source: gone"):
        access.check_tables(sqlite.endpoint, "shop.db", [("", "lines"), ("", "gone")])


def test_a_duckdb_file_has_a_schema_per_entity(duckdb_file: DuckDbSource) -> None:
    duckdb_file.run(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, prices DECIMAL(10,2)[])",
        "CREATE SCHEMA hr",
        "CREATE TABLE hr.people (id INTEGER, name VARCHAR)",
        "CREATE VIEW hr.names AS SELECT name FROM hr.people",
    )
    access, both = registry.access("duckdb_file"), Endpoint("duckdb_file", {"file": "shop.duckdb", "schema": "*"})

    assert [one.ref for one in access.list_entities(both)] == ["hr", "main"]
    assert access.list_entities(duckdb_file.endpoint) == [FoundEntity("main", "shop.duckdb · main")]
    (orders,) = access.list_tables(both, "main")
    assert (orders.keys, orders.columns) == (("id",), (("id", "INTEGER"), ("prices", "DECIMAL(10,2)[]")))
    assert [table.name for table in access.list_tables(both, "hr")] == ["names", "people"]
    access.check_tables(both, "hr", [("hr", "people"), ("main", "orders")])
    with pytest.raises(SyncError, match="Not found at the source: gone"):
        access.check_tables(both, "hr", [("", "gone")])
    missing = Endpoint("duckdb_file", {"file": "shop.duckdb", "schema": "main, nowhere"})
    assert refused(missing) == ("misconfigured", "Not there, or hidden from the user: nowhere.")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb_file"])
def test_what_is_no_such_file_is_refused(kind: str, allowed_folder: Path) -> None:
    (allowed_folder / "notes.txt").write_text("This is no database.")
    (allowed_folder / "folder").mkdir()

    said = [refused(Endpoint(kind, {"file": name}))[0] for name in ("notes.txt", "folder", "gone", "", "/etc/passwd")]

    assert said == ["misconfigured"] * 5


@pytest.mark.parametrize(("kind", "head"), [("sqlite", b"SQLite format 3\0"), ("duckdb_file", b"\0" * 8 + b"DUCK")])
def test_a_damaged_file_is_told(kind: str, head: bytes, allowed_folder: Path) -> None:
    (allowed_folder / "damaged").write_bytes(head + b"\xff" * 20_000)

    assert refused(Endpoint(kind, {"file": "damaged"}))[0] in {"bad_record", "misconfigured", "provider_error"}


def test_a_duckdb_file_that_somebody_writes_to_is_told(duckdb_file: DuckDbSource) -> None:
    duckdb_file.run("CREATE TABLE t (id INTEGER)")
    program = f"import duckdb; kept = duckdb.connect({str(duckdb_file.path)!r}); print('open', flush=True); input()"
    writer = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"

    said = refused(duckdb_file.endpoint)
    writer.communicate("\n")

    assert said == ("provider_unavailable", "Another program has the file open for writing.")
    registry.access("duckdb_file").check(duckdb_file.endpoint)


def test_the_web_asks_a_duckdb_file_without_loading_duckdb(duckdb_file: DuckDbSource) -> None:
    duckdb_file.run("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    program = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["PATCHBAY_FILE_FOLDERS"] = {str(duckdb_file.path.parent)!r}
from connectors.plan import Endpoint, SyncError
from connectors.providers.duckdb_file import access
endpoint = Endpoint("duckdb_file", {{"file": "shop.duckdb"}})
access.check(endpoint)
print([table.keys for table in access.list_tables(endpoint, "main")], "duckdb" in sys.modules)
try:
    access.check_tables(endpoint, "main", [("", "gone")])
except SyncError as error:
    print(error.code)
"""

    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert ran.stdout == "[('id',)] False\nsource_object_missing\n"


@pytest.mark.parametrize(
    ("setting", "names", "is_more"),
    [
        ("public", ("public",), False),
        (" a, b ,, a", ("a", "b"), True),
        ('"a, b", c', ("a, b", "c"), True),
        ("*", (), True),
        ("", (), False),
        (None, (), False),
    ],
)
def test_a_setting_names_one_several_or_all(setting: object, names: tuple[str, ...], *, is_more: bool) -> None:
    assert (named_in(setting), is_several(setting)) == (names, is_more)
