"""Chosen columns, row filters and protected columns of SQL sources, read without the engine."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from connectors import protect
from connectors.plan import RowFilter, SyncError, SyncPlan, TablePlan
from connectors.providers import registry
from connectors.providers.feed import FileChunk, ReadRequest
from tests.connectors.recorder import Recorder, table
from tests.connectors.sql_sources import SqlSource
from tests.connectors.test_sql_syncs import COUNT, shop

__all__ = ("shop",)


def read(source: SqlSource, folder: Path, *tables: TablePlan) -> list[list[dict[str, str]]]:
    """Read tables of a source; the rows of each, as texts. NULL is the text of its mark, since no value here is it."""
    endpoint = source.endpoint
    plan = SyncPlan(endpoint, endpoint, uuid4(), source.entity, "pipeline", "dataset", tables, folder)
    with registry.source(endpoint.kind).open_feeds(plan, Recorder(), arrays_as_json=True) as feeds:
        chunks = [list(feed.read(ReadRequest(None, folder))) for feed in feeds]
    return [[row for chunk in found for row in _rows(chunk)] for found in chunks]


def _rows(chunk: object) -> Sequence[dict[str, str]]:
    assert isinstance(chunk, FileChunk)
    with chunk.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == chunk.row_count
    return rows


FILTERS: tuple[tuple[str, str, str, str], ...] = (
    ("id", "gt", "1400", "id > 1400"),
    ("id", "in", "1\n2\n 3 \n", "id IN (1, 2, 3)"),
    ("amount", "le", "2.50", "amount <= 2.5"),
    ("amount", "eq", "0.25", "amount = 0.25"),
    ("note", "is_null", "", "note IS NULL"),
    ("note", "is_not_null", "", "note IS NOT NULL"),
    ("note", "ne", 'order "8", ☕', "id <> 8"),
    ("note", "eq", 'ORDER "8", ☕', "1 = 0"),
    ("note", "starts_with", 'order "15', "note LIKE 'order \"15%'"),
    ("note", "contains", '0", ☕', "note LIKE '%0\", ☕%'"),
    ("note", "eq", "'; DROP TABLE orders; --", "1 = 0"),
    ("updated_at", "lt", "2024-01-02T00:00:00+00:00", "id < 24"),
    ("updated_at", "ge", "2024-03-03T14:00:00+02:00", "id >= 1500"),
)  # fmt: skip


def test_filters_keep_what_they_say(shop: SqlSource, tmp_path: Path) -> None:
    for column, operator, value, condition in FILTERS:
        asked = RowFilter(column, operator, value)  # type: ignore[arg-type]

        (found,) = read(shop, tmp_path, replace(table("orders", "id"), filters=(asked,)))

        expected = {str(row[0]) for row in shop.rows(f"SELECT id FROM orders WHERE {condition}")}
        assert {row["id"] for row in found} == expected, (column, operator, value)


def test_a_row_meets_all_filters(shop: SqlSource, tmp_path: Path) -> None:
    asked = (RowFilter("id", "ge", "5"), RowFilter("id", "lt", "9"), RowFilter("note", "is_not_null"))

    (found,) = read(shop, tmp_path, replace(table("orders", "id"), filters=asked))

    assert [row["id"] for row in found] == ["5", "6", "8"]


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (RowFilter("id", "eq", "many"), "misconfigured", "“id” compares with “many”, which is no whole number"),
        (RowFilter("updated_at", "lt", "soon"), "misconfigured", "which is no time such as"),
        (RowFilter("gone", "eq", "1"), "source_object_missing", "names the column gone"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused(
    shop: SqlSource, tmp_path: Path, asked: RowFilter, code: str, said: str
) -> None:
    with pytest.raises(SyncError, match=said) as caught:
        read(shop, tmp_path, replace(table("orders", "id"), filters=(asked,)))

    assert caught.value.code == code


def test_chosen_columns_only_are_read_and_protected_ones_hidden(shop: SqlSource, tmp_path: Path) -> None:
    hidden = replace(
        table("orders", "id", columns=("note", "amount")),
        protected=(("note", "hash"), ("amount", "mask")),
        protection_key="key",
    )

    (plain,), (found,) = read(shop, tmp_path, table("orders")), read(shop, tmp_path, hidden)

    assert len(found) == COUNT
    assert found == [
        {
            "id": row["id"],
            "note": "\\N" if row["note"] == "\\N" else protect.hashed(row["note"], "key"),
            "amount": protect.masked(row["amount"]),
        }
        for row in plain
    ]


def test_a_chosen_column_that_is_gone_is_told(shop: SqlSource, tmp_path: Path) -> None:
    with pytest.raises(SyncError, match="orders has no column gone") as caught:
        read(shop, tmp_path, table("orders", "id", columns=("gone",)))

    assert caught.value.code == "source_object_missing"
