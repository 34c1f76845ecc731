"""Row filters, protected and chosen columns: the same rows and texts from a database as from an API."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors import protect
from connectors.engine.shaping import shaped
from connectors.plan import Endpoint, Operator, RowFilter, SyncError, TablePlan
from connectors.providers.feed import Chunk, Column, Feed, ReadRequest, RowChunk
from connectors.providers.postgres import access
from tests.connectors.recorder import Recorder, Route, table

COLUMNS = (
    Column("id", "bigint", nullable=False, postgres_type="bigint"),
    Column("name", "text", postgres_type="text"),
    Column("amount", "decimal", postgres_type="numeric"),
    Column("is_open", "bool", postgres_type="boolean"),
    Column("day", "date", postgres_type="date"),
    Column("at", "timestamp", postgres_type="timestamp with time zone"),
)
_FIELDS = [column.name for column in COLUMNS]
ROWS: list[dict[str, Any]] = [
    dict(zip(_FIELDS, values, strict=True))
    for values in (
        (1, "Ada", Decimal("10.50"), True, "2024-01-01", "2024-01-01T00:00:00Z"),
        (2, "ada's", Decimal(9), False, "2023-12-31", "2024-01-02T00:00:00Z"),
        (3, None, None, None, None, None),
        (4, "", Decimal(-1), True, "2025-06-01", "2024-01-01T01:00:00+02:00"),
    )
]
# Column, operator, value, and the rows that meet it.
FILTERS: list[tuple[str, Operator, str, list[int]]] = [
    ("name", "eq", "Ada", [1]),
    ("name", "ne", "Ada", [2, 3, 4]),
    ("name", "contains", "da", [1, 2]),
    ("name", "contains", "'", [2]),
    ("name", "starts_with", "A", [1]),
    ("name", "in", "Ada\nada's\n", [1, 2]),
    ("name", "eq", "", [4]),
    ("name", "is_null", "", [3]),
    ("name", "is_not_null", "", [1, 2, 4]),
    ("name", "eq", "'; DROP TABLE people; --", []),
    ("amount", "gt", "9", [1]),
    ("amount", "ge", "9.0", [1, 2]),
    ("amount", "lt", "0", [4]),
    ("amount", "ne", "9", [1, 3, 4]),
    ("amount", "in", "9\n10.5", [1, 2]),
    ("id", "le", "2", [1, 2]),
    ("is_open", "eq", "true", [1, 4]),
    ("is_open", "ne", "true", [2, 3]),
    ("day", "ge", "2024-01-01", [1, 4]),
    ("at", "lt", "2024-01-01T00:00:00+00:00", [4]),
]
WRONG = [("amount", "much"), ("id", "1.5"), ("is_open", "perhaps"), ("day", "2024-02-30"), ("at", "noon")]


def read(plan: TablePlan) -> tuple[tuple[Column, ...], list[dict[str, Any]]]:
    def give(_: ReadRequest) -> Iterator[Chunk]:
        yield RowChunk(ROWS[:2], 10, "a")
        yield RowChunk(ROWS[2:], 10, "b")

    feed = shaped(Feed(plan, COLUMNS, give))
    chunks = [chunk for chunk in feed.read(ReadRequest(None, Path())) if isinstance(chunk, RowChunk)]
    return feed.columns, [row for chunk in chunks for row in chunk.rows]


@pytest.mark.parametrize(("column", "operator", "value", "expected"), FILTERS)
def test_rows_of_an_api_are_filtered_by_their_type(
    column: str, operator: Operator, value: str, expected: list[int]
) -> None:
    plan = TablePlan("people", keys=("id",), filters=(RowFilter(column, operator, value),))

    assert [row["id"] for row in read(plan)[1]] == expected


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_value_of_another_type_is_told_before_anything_is_read(column: str, value: str) -> None:
    plan = TablePlan("people", filters=(RowFilter(column, "eq", value),))

    with pytest.raises(SyncError) as caught:
        read(plan)

    assert caught.value.code == "misconfigured"
    assert f"“{column}” compares with “{value}”, which is no" in caught.value.detail


def test_all_filters_must_be_met_and_only_chosen_columns_come() -> None:
    filters = (RowFilter("amount", "gt", "0"), RowFilter("is_open", "eq", "false"))

    columns, rows = read(TablePlan("people", keys=("id",), columns=("name",), filters=filters))

    assert [column.name for column in columns] == ["id", "name"]
    assert [row["id"] for row in rows] == [2]


def test_masks_and_digests() -> None:
    assert [protect.masked(text) for text in ("4711 0815", "12345", "1234", "x", "")] == [
        "•••••0815", "•2345", "••••", "•", ""
    ]  # fmt: skip
    # The digest of sha256sum over “k” and “Zoë”.
    assert protect.hashed("Zoë", "k") == "fc77b5d0b2ca29350b041879bbdb6707db7fa2923acbe452cdd882f426c77594"
    assert protect.hashed("Zoë", "k") != protect.hashed("Zoë", "other")
    assert protect.protected(None, "hash", "k") is protect.protected(None, "mask", "k") is None


@pytest.fixture
def people(source_db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    source_db.execute(
        "CREATE TABLE people (id bigint PRIMARY KEY, name text, amount numeric, is_open bool, day date, at timestamptz)"
    )
    with source_db.cursor() as cursor:
        cursor.executemany("INSERT INTO people VALUES (%s, %s, %s, %s, %s, %s)", [tuple(row.values()) for row in ROWS])
    return source_db


def rows_there(warehouse_db: psycopg.Connection[Any], route: Route, columns: str) -> list[tuple[Any, ...]]:
    return warehouse_db.execute(f"SELECT {columns} FROM {route.dataset}.people ORDER BY id".encode()).fetchall()


def test_database_filters_the_same_rows(people: psycopg.Connection[Any], source: Endpoint, to_postgres: Route) -> None:
    """Through the provider alone: one run per filter would tell no more."""
    from connectors.providers import registry  # noqa: PLC0415 - loads drivers

    filtered = [
        TablePlan("people", "public", keys=("id",), filters=(RowFilter(column, operator, value),))
        for column, operator, value, _ in FILTERS
    ]
    found = []
    for plan in filtered:
        whole = to_postgres.plan(plan)
        with registry.source("postgres").open_feeds(whole, Recorder(), arrays_as_json=False) as (feed,):
            (file,) = feed.read(ReadRequest(None, whole.workdir))
            lines = file.path.read_text().splitlines()[1:]  # type: ignore[union-attr]
            found.append([int(line.split(",")[0].strip('"')) for line in lines])

    assert found == [expected for *_, expected in FILTERS]


def test_database_counts_what_a_filter_keeps(people: psycopg.Connection[Any], source: Endpoint) -> None:
    counted = [
        access.count_kept(source, "public", ("public", "people"), [RowFilter(column, operator, value)])
        for column, operator, value, _ in FILTERS
    ]

    assert counted == [(len(ROWS), len(expected)) for *_, expected in FILTERS]
    with pytest.raises(SyncError, match="misconfigured"):
        access.count_kept(source, "public", ("public", "people"), [RowFilter("id", "eq", "none")])
    with pytest.raises(SyncError, match="source_object_missing"):
        access.count_kept(source, "public", ("public", "nobody"), [])


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_database_refuses_the_same_values(
    people: psycopg.Connection[Any], to_postgres: Route, column: str, value: str
) -> None:
    plan = TablePlan("people", "public", keys=("id",), filters=(RowFilter(column, "eq", value),))

    with pytest.raises(SyncError) as caught:
        to_postgres.sync(plan)

    assert (caught.value.code, caught.value.step) == ("misconfigured", "extract")
    assert f"“{column}” compares with “{value}”, which is no" in caught.value.detail


def test_protected_values_leave_the_source_hidden_and_a_change_reads_all_again(
    people: psycopg.Connection[Any], warehouse_db: psycopg.Connection[Any], to_postgres: Route
) -> None:
    merged = table("people", "id", mode="merge", cursor="at")
    to_postgres.sync(merged)
    hidden = TablePlan(
        **{
            **{name: getattr(merged, name) for name in ("name", "keys", "mode", "cursor")},
            "protected": (("name", "hash"), ("amount", "mask")),
            "protection_key": "k",
            "generation": 1,
        }
    )

    to_postgres.sync(hidden)

    assert rows_there(warehouse_db, to_postgres, "name, amount") == [
        (None if row["name"] is None else protect.hashed(row["name"], "k"), mask)
        for row, mask in zip(ROWS, ("•0.50", "•", None, "••"), strict=True)
    ]
