"""What an open list is told of rows that came, went or moved: their number, and never by moving a row."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import Connection, Status
from tests.dashboard.pages import flat
from tests.factories import make_connection

HTMX = {"HX-Request": "true"}


def seen(text: str) -> str:
    found = re.search(r'name="rows" value="([^"]*)"', text)
    assert found is not None
    return found[1]


def told(client: Client, rows: str, query: str = "") -> tuple[str, str]:
    """Ask like an open page: what it is told of changes (empty when nothing new is), and the rows it then names."""
    response: Any = (
        client.get(f"/?{query}", {"rows": rows}, headers=HTMX)
        if not query
        else client.get(f"/?{query}&rows={rows}", headers=HTMX)
    )
    text = flat(response)
    found = re.search(r'id="changes"[^>]*>(.*?)</span>', text)
    words = re.sub("<[^>]+>", "", found[1]).strip() if found else "nothing new"
    return words, seen(text)


@pytest.fixture
def three(db: None) -> list[Connection]:
    return [make_connection(name=name) for name in ("a", "b", "c")]


def test_quiet_list_is_told_nothing(viewer: Client, three: list[Connection]) -> None:
    rows = seen(flat(viewer.get("/")))

    assert told(viewer, rows) == ("nothing new", rows)


def test_deleted_new_and_moved_rows_are_counted(viewer: Client, three: list[Connection]) -> None:
    rows = seen(flat(viewer.get("/")))

    Connection.objects.filter(pk=three[0].pk).update(deleted_at=timezone.now())
    words, rows = told(viewer, rows)
    assert words == "1 change: refresh"
    assert f"{three[0].pk.hex}.gone" in rows
    make_connection(name="aa")
    words, rows = told(viewer, rows)
    assert words == "2 changes: refresh"
    Connection.objects.filter(pk=three[2].pk).update(status=Status.BROKEN, status_reason="unreachable")
    words, rows = told(viewer, rows)
    assert words == "3 changes: refresh"
    assert told(viewer, rows)[0] == "nothing new"


def test_deleted_row_stays_in_its_place_and_says_so(operator: Client, three: list[Connection]) -> None:
    rows = seen(flat(operator.get("/")))
    Connection.objects.filter(pk=three[1].pk).update(deleted_at=timezone.now())

    text = flat(operator.get("/", {"rows": rows}, headers=HTMX))

    assert re.findall(rf'id="status-{three[1].pk.hex}".*?</svg>(\w+)', text) == ["Deleted"]
    assert f'<td class="act" id="act-{three[1].pk.hex}" hx-swap-oob="true"></td>' in text
    assert 'id="status-' not in flat(operator.get("/", {"rows": seen(text)}, headers=HTMX))


def test_change_that_is_undone_is_taken_back(viewer: Client, three: list[Connection]) -> None:
    rows = seen(flat(viewer.get("/")))
    Connection.objects.filter(pk=three[0].pk).update(status=Status.PAUSED)
    _, rows = told(viewer, rows)

    Connection.objects.filter(pk=three[0].pk).update(status=Status.ACTIVE)

    assert told(viewer, rows)[0] == ""


def test_row_that_no_longer_matches_is_told_on_a_filtered_page(viewer: Client, three: list[Connection]) -> None:
    query = "status=active&q=b"
    rows = seen(flat(viewer.get(f"/?{query}")))

    Connection.objects.filter(pk=three[0].pk).update(status=Status.PAUSED)
    assert told(viewer, rows, query)[0] == "nothing new"
    Connection.objects.filter(pk=three[1].pk).update(status=Status.PAUSED)
    assert told(viewer, rows, query)[0] == "1 change: refresh"


def test_first_match_of_an_empty_page_is_told(viewer: Client, three: list[Connection]) -> None:
    text = flat(viewer.get("/?q=new"))
    assert 'id="changes"' in text

    make_connection(name="new")

    assert told(viewer, seen(text), "q=new")[0] == "1 change: refresh"


def test_first_connection_of_all_is_told(viewer: Client) -> None:
    text = flat(viewer.get("/"))
    assert 'id="changes"' in text

    make_connection()

    assert told(viewer, seen(text))[0] == "1 change: refresh"


@pytest.mark.parametrize(
    ("names", "words"),
    [(["~z"], "nothing new"), (["0"], "1 change: refresh"), (["0", "1", "2"], "3 changes: refresh")],
)
def test_full_page_counts_what_comes_into_it_and_not_what_it_pushes_out(
    viewer: Client, monkeypatch: pytest.MonkeyPatch, three: list[Connection], names: list[str], words: str
) -> None:
    for module in ("connections", "connection_poll"):
        monkeypatch.setattr(f"dashboard.pages.{module}.PAGE_SIZE", 3)
    rows = seen(flat(viewer.get("/")))

    for name in names:
        make_connection(name=name)

    assert told(viewer, rows)[0] == words


def test_row_that_left_a_full_page_counts_once_though_another_fills_it(
    viewer: Client, monkeypatch: pytest.MonkeyPatch, three: list[Connection]
) -> None:
    for module in ("connections", "connection_poll"):
        monkeypatch.setattr(f"dashboard.pages.{module}.PAGE_SIZE", 2)
    rows = seen(flat(viewer.get("/")))

    Connection.objects.filter(pk=three[1].pk).update(deleted_at=timezone.now())

    assert told(viewer, rows)[0] == "1 change: refresh"


def test_press_on_a_filtered_page_keeps_its_filter_in_the_poll(operator: Client) -> None:
    connection = make_connection(name="b", status=Status.PAUSED)
    rows = seen(flat(operator.get("/?q=b")))
    headers = {**HTMX, "HX-Current-URL": "http://testserver/?q=b"}

    response = operator.post(f"/connections/{connection.pk}/sync/", {"rows": rows}, headers=headers)

    assert response.status_code == 409
    assert 'hx-get="/?q=b"' in flat(response)
