"""A column that gets another type at the source, at every kind of destination and in every mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.plan import Mode, SyncError
from tests.connectors.recorder import Recorder, Route, table

BOTH = pytest.mark.parametrize("kind", ["to_postgres", "to_duck"])
MERGED = table("items", "id", mode="merge", cursor="updated_at")
Read = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def route(kind: str, request: pytest.FixtureRequest) -> Route:
    found: Route = request.getfixturevalue(kind)
    return found


@pytest.fixture
def read(kind: str, warehouse_db: psycopg.Connection[Any], open_duck: Callable[[], duckdb.DuckDBPyConnection]) -> Read:
    """Read from the destination of the test."""

    def ask(statement: str) -> list[tuple[Any, ...]]:
        if kind == "to_postgres":
            return warehouse_db.execute(statement.encode()).fetchall()
        with open_duck() as lake:
            return lake.execute(statement).fetchall()

    return ask


@pytest.fixture
def items(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    source_db.execute("""
        CREATE TABLE items (id int PRIMARY KEY, amount numeric(6,2), count smallint, note varchar(10),
            updated_at timestamptz);
        INSERT INTO items VALUES (1, 10.50, 1, 'a', now() - interval '2 h'), (2, 20.25, 2, 'b', now() - interval '1 h')
    """)
    return source_db


def types_there(route: Route, read: Read, kind: str) -> dict[str, str]:
    if kind == "to_postgres":
        found = read(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = '{route.dataset}.items'::regclass AND attnum > 0"
        )
    else:
        found = read(f"SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = '{route.dataset}'")
    return {name: how for name, how in found if name in {"amount", "count", "note"}}


@BOTH
def test_wider_types_keep_the_rows_that_are_there(
    items: psycopg.Connection[Any], route: Route, read: Read, kind: str
) -> None:
    route.sync(MERGED)
    items.execute(
        "ALTER TABLE items ALTER amount TYPE numeric(12,4), ALTER count TYPE bigint, ALTER note TYPE text;"
        "INSERT INTO items VALUES (3, 12345678.1234, 9000000000, 'a long note indeed', now())"
    )

    done = route.sync(MERGED)

    wide = {"amount": "numeric(12,4)", "count": "bigint", "note": "text"}
    duck = {"amount": "DECIMAL(12,4)", "count": "BIGINT", "note": "VARCHAR"}
    assert types_there(route, read, kind) == (wide if kind == "to_postgres" else duck)
    # Rows beyond the cursor, less its lag, not all of them.
    assert done.tables[0].rows_loaded < 3
    found = read(f"SELECT id, amount, count, note FROM {route.dataset}.items ORDER BY id")
    assert [tuple(map(str, row)) for row in found] == [
        ("1", "10.5000", "1", "a"),
        ("2", "20.2500", "2", "b"),
        ("3", "12345678.1234", "9000000000", "a long note indeed"),
    ]


@BOTH
def test_another_type_needs_all_rows_again(items: psycopg.Connection[Any], route: Route, read: Read, kind: str) -> None:
    route.sync(MERGED)
    items.execute("ALTER TABLE items ALTER count TYPE text USING 'n' || count; UPDATE items SET updated_at = now()")

    with pytest.raises(SyncError) as caught:
        route.sync(MERGED)

    assert (caught.value.code, caught.value.step) == ("schema_changed", "load")
    assert "“count” is" in caught.value.detail
    assert read(f"SELECT count FROM {route.dataset}.items ORDER BY id") == [(1,), (2,)]

    recorder = Recorder()
    route.sync(replace(MERGED, generation=1), recorder=recorder)

    assert read(f"SELECT count FROM {route.dataset}.items ORDER BY id") == [("n1",), ("n2",)]
    assert [line for line in recorder.lines if "read again" in line] == [
        "info check_access All rows are read again, as the settings or types changed: items"
    ]
    later = Recorder()
    items.execute("INSERT INTO items VALUES (3, 1, 'n3', 'c', now())")
    done = route.sync(replace(MERGED, generation=1), recorder=later)
    assert not [line for line in later.lines if "read again" in line]
    assert done.tables[0].rows_loaded <= 3
    assert read(f"SELECT count FROM {route.dataset}.items ORDER BY id")[-1] == ("n3",)


@BOTH
@pytest.mark.parametrize("mode", ["replace", "merge", "append"])
def test_replaced_table_takes_any_type(
    items: psycopg.Connection[Any], route: Route, read: Read, kind: str, mode: Mode
) -> None:
    plan = replace(MERGED, mode=mode)
    route.sync(plan)
    items.execute("ALTER TABLE items ALTER note TYPE date USING date '2024-01-01' + id, ALTER amount TYPE text")

    route.sync(replace(plan, generation=1))

    found = read(f"SELECT note::text, amount::text FROM {route.dataset}.items ORDER BY id")
    assert found == [("2024-01-02", "10.50"), ("2024-01-03", "20.25")]
