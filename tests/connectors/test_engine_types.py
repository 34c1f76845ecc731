"""Types that usually break: what arrives of them at each destination, value by value. The table is in docs/types.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from pytest_django import Settings

from connectors.destinations import parquet, parquet_files
from connectors.plan import Endpoint, SyncError
from tests.connectors.recorder import Route, table

# A column, its type, values as PostgreSQL reads them, what DuckDB calls the column, and the values as both then write
# them (None: as PostgreSQL does).
TYPES: list[tuple[str, str, list[str | None], str, list[str | None] | None]] = [
    ("exact", "numeric(38,10)", ["9999999999999999999999999999.9999999999", "-0.0000000001", None],
     "DECIMAL(38,10)", None),
    ("whole", "bigint", ["9223372036854775807", "-9223372036854775808"], "BIGINT", None),
    ("ratio", "double precision", ["NaN", "Infinity", "-Infinity", "5e-324"], "DOUBLE",
     ["nan", "inf", "-inf", "5e-324"]),
    ("moment", "timestamptz", ["1899-12-31 23:59:59.999999+00", "2024-06-01 12:00:00.123456+02",
     "0001-01-01 00:00:00+00"], "TIMESTAMP WITH TIME ZONE",
     ["1899-12-31 23:59:59.999999+00", "2024-06-01 10:00:00.123456+00", "0001-01-01 00:00:00+00"]),
    ("wall", "timestamp", ["1582-10-10 00:00:00", "9999-12-31 23:59:59.999999"], "TIMESTAMP", None),
    ("day", "date", ["1899-12-31", "0001-01-01", "9999-12-31", "0044-03-15 BC"], "DATE",
     ["1899-12-31", "0001-01-01", "9999-12-31", "0044-03-15 (BC)"]),
    ("clock", "time", ["23:59:59.999999", "00:00:00"], "TIME", None),
    ("words", "text", ["", "\\N", "NULL", "Zoë “ß” 雪 🌍 \u202e", 'line\nbreak, "quoted"', None], "VARCHAR", None),
    ("doc", "jsonb", ['{"a": [1, null, "x\\"y"], "b": {}}', "null", '"text"'], "JSON", None),
    ("tags", "text[]", ['{a,"b,c",NULL,""}', "{}", None], "JSON", ['["a", "b,c", null, ""]', "[]", None]),
    ("raw", "bytea", ["\\x00ff10", "\\x", None], "BLOB", ["\\x00\\xFF\\x10", "", None]),
    ("token", "uuid", ["0197c0de-0000-7000-8000-00000000beef"], "UUID", None),
    ("flag", "boolean", ["true", "false", None], "BOOLEAN", None),
]  # fmt: skip
ROWS = max(len(values) for _, _, values, _, _ in TYPES)


@pytest.fixture
def oddities(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    columns = ", ".join(f"{name} {kind}" for name, kind, _, _, _ in TYPES)
    source_db.execute(f"CREATE TABLE oddities (id int PRIMARY KEY, {columns})".encode())
    for row in range(ROWS):
        values = [given[row] if row < len(given) else None for _, _, given, _, _ in TYPES]
        source_db.execute(f"INSERT INTO oddities VALUES (%s{', %s' * len(TYPES)})".encode(), [row, *values])
    source_db.execute("SET timezone = 'UTC'")
    return source_db


def expected() -> list[list[str | None]]:
    """Return the columns' values as DuckDB writes them, one list per column."""
    wanted = [(given if others is None else others) for _, _, given, _, others in TYPES]
    return [[*values, *[None] * (ROWS - len(values))] for values in wanted]


def written(lake: duckdb.DuckDBPyConnection, name: str) -> tuple[list[list[str | None]], list[str]]:
    lake.execute("SET TimeZone = 'UTC'")
    texts = ", ".join(f"{column}::VARCHAR" for column, *_ in TYPES)
    rows = lake.execute(f"SELECT {texts} FROM {name} ORDER BY id").fetchall()
    kinds = [str(row[1]) for row in lake.execute(f"DESCRIBE SELECT * FROM {name}").fetchall()][1:]
    return [list(column) for column in zip(*rows, strict=True)], kinds


def test_every_value_arrives_in_duckdb(
    oddities: psycopg.Connection[Any], to_duck: Route, open_duck: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    del oddities
    to_duck.sync(table("oddities", "id"))

    with open_duck() as lake:
        values, kinds = written(lake, f"{to_duck.dataset}.oddities")

    assert values == expected()
    assert kinds == [kind for *_, kind, _ in TYPES]


def test_every_value_arrives_in_a_parquet_file_and_stays_when_it_is_merged_into(
    oddities: psycopg.Connection[Any], source: Endpoint, settings: Settings, tmp_path: Path
) -> None:
    settings.PATCHBAY_HOME = tmp_path
    route = Route(source, Endpoint("parquet", {"folder": "lake"}), tmp_path / "work")
    store = parquet.store_of(route.destination)
    file = parquet_files.reading(store, parquet_files.key_of(route.dataset, "oddities"))
    merged = table("oddities", "id", mode="merge", cursor="id")
    route.sync(merged)
    # Of the second run only the newest row is read again: the others come out of the first one's file.
    assert route.sync(merged).tables[0].rows_loaded == 1

    with parquet_files.opened(store) as lake:
        values, kinds = written(lake, file)

    assert values == expected()
    assert kinds == [kind for *_, kind, _ in TYPES]


def test_every_value_arrives_in_postgres(
    oddities: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    to_postgres.sync(table("oddities", "id"))
    warehouse_db.execute("SET timezone = 'UTC'")

    checksum = "SELECT md5(string_agg(one::text, '|' ORDER BY id)) FROM {} AS one"
    there = warehouse_db.execute(checksum.format(f"{to_postgres.dataset}.oddities").encode()).fetchall()

    assert there == oddities.execute(checksum.format("oddities").encode()).fetchall()


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        # What has no equal is refused, and nothing is loaded: a NULL in its place would be a lie.
        ("numeric", "NaN", "bad_record"),
        ("numeric", "123456789012345678901234", "bad_record"),
        ("time", "24:00:00", ""),
        ("timestamptz", "infinity", ""),
        ("date", "-infinity", ""),
        ("timestamp", "0044-03-15 12:00:00 BC", ""),
    ],
)
def test_what_has_no_equal_in_duckdb_is_refused(
    source_db: psycopg.Connection[Any], to_duck: Route, kind: str, value: str, code: str
) -> None:
    source_db.execute(
        f"CREATE TABLE odd (id int PRIMARY KEY, it {kind}); INSERT INTO odd VALUES (1, '{value}')".encode()
    )
    try:
        to_duck.sync(table("odd", "id"))
        found = ""
    except SyncError as error:
        found = error.code

    assert found == code
