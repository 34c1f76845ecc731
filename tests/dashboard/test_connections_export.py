"""The list of connections as a file: exactly what is filtered, in its order, beyond the page, and harmless."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Status, Tag
from tests.conftest import member
from tests.factories import make_connection, make_destination, make_entity


def body(response: Any) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(client.get(f"/connections.csv{query}")))))


def records(client: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(body(client.get(f"/connections.json{query}")))
    return found


def crowd(count: int) -> None:
    """Many active connections at once, named so that their order is known."""
    lake = make_destination()
    Connection.objects.bulk_create(
        Connection(
            name=f"Shop {number:03}", provider="postgres", dataset=f"d{number}", destination=lake,
            status=Status.ACTIVE, status_reason="ok",
        )
        for number in range(count)
    )  # fmt: skip


def test_file_holds_what_matches_in_the_order_of_the_list_beyond_a_page(viewer: Client) -> None:
    crowd(301)
    make_connection(name="Shop paused", status=Status.PAUSED)

    query = "?status=active&q=shop&sort=-name&after=whatever"
    expected = [f"Shop {number:03}" for number in reversed(range(301))]
    assert [row["name"] for row in rows(viewer, query)] == expected
    assert [record["name"] for record in records(viewer, query)] == expected


def test_record_says_what_the_row_says(viewer: Client) -> None:
    connection = make_connection(name="Halden, “north”", owner=member("operator"), dataset="halden")
    make_entity(connection, status=Status.BROKEN, status_reason="unreachable")
    make_entity(connection)
    connection.tags.add(Tag.objects.create(name="Finance"), Tag.objects.create(name="EU"))

    (record,), (row,) = records(viewer), rows(viewer)

    assert record["id"] == row["id"] == str(connection.pk)
    assert record["name"] == row["name"] == "Halden, “north”"
    assert record["reason"] == row["reason"] == "1 entity failing"
    assert (record["entities"], row["entities"]) == (2, "2")
    assert (record["tags"], row["tags"]) == (["EU", "Finance"], "EU, Finance")
    assert (record["last_run_at"], row["last_run_at"]) == (None, "")
    assert row["owner"] == "operator"
    assert "password" not in "".join(row)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cells_that_a_spreadsheet_would_run_are_texts(viewer: Client, start: str) -> None:
    make_connection(name=f"{start}HYPERLINK(1)")

    assert rows(viewer)[0]["name"] == f"'{start}HYPERLINK(1)"
    assert records(viewer)[0]["name"] == f"{start}HYPERLINK(1)"


@pytest.mark.parametrize(("suffix", "content_type"), [("csv", "text/csv; charset=utf-8"), ("json", "application/json")])
def test_file_is_a_download_that_no_browser_interprets(viewer: Client, suffix: str, content_type: str) -> None:
    response: Any = viewer.get(f"/connections.{suffix}")

    assert response.streaming
    assert response.headers["Content-Type"] == content_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="connections-20')
    assert "no-store" in response.headers["Cache-Control"]


def test_empty_file_is_still_one(viewer: Client) -> None:
    assert rows(viewer) == []
    assert records(viewer) == []


@pytest.mark.parametrize(
    "query", ["status=wrong", "provider=x", "destination=7", "type=x", "flag=x", "tag=x", "owner=x", "sort=x", "q=%00"]
)
@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_file_of_a_filter_that_is_none_is_refused_in_words(viewer: Client, suffix: str, query: str) -> None:
    make_connection()

    response = viewer.get(f"/connections.{suffix}?{query}")

    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.content.decode().startswith("There is no file for this address:\nThe ")


@pytest.mark.parametrize("count", [1, 200])
def test_file_takes_as_many_queries_whatever_a_batch_holds(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    crowd(count)

    # Session, user, groups; what can be filtered by: 3; the order; of the batch: rows, tags, entities, leases, pauses.
    with django_assert_num_queries(12):
        rows(viewer)
