"""What the list of connections can be asked for: each filter, the search, columns, and every kind of nonsense."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import EXPIRING_SOON, Connection, Status, Tag
from jobs.models import JobStatus
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job

START = "The place named in this address is not in the list. This is its start."


def page(client: Client, query: str = "") -> str:
    response = client.get(f"/{query}")
    assert response.status_code == 200
    return flat(response)


def names(text: str) -> list[str]:
    return re.findall(r'<div><a href="/connections/[^"]+">([^<]+)</a>', text)


def notes(text: str) -> list[str]:
    return [unescape(note) for note in re.findall(r'role="note">.*?</svg>(.*?)</p>', text)]


def tag(connection: Connection, *words: str) -> None:
    connection.tags.add(*(Tag.objects.get_or_create(name=word)[0] for word in words))


def flagged() -> None:
    """One connection per flag, named after it, and one without any."""
    make_connection(name="none")
    for name, status in (("syncing", JobStatus.RUNNING), ("queued", JobStatus.PENDING)):
        connection = make_connection(name=name)
        make_job(connection, make_entity(connection), status=status)
    make_entity(make_connection(name="partial"), status=Status.BROKEN, status_reason="unreachable")
    make_connection(name="stale", interval_seconds=3600, last_success_at=timezone.now() - timedelta(hours=3))
    make_connection(name="provider_outage", last_error_code="provider_unavailable", failure_streak=1)
    make_connection(name="expiring_soon", credentials_end_on=timezone.now().date() + EXPIRING_SOON)
    make_connection(name="long", credentials_end_on=timezone.now().date() + EXPIRING_SOON + timedelta(days=1))
    # What a paused one last met says nothing of now.
    late = timezone.now() - timedelta(days=9)
    paused = make_connection(
        name="off", status=Status.PAUSED, last_success_at=late, last_error_code="provider_unavailable"
    )
    make_entity(paused, status=Status.BROKEN)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("flag=syncing", ["syncing"]),
        ("flag=queued", ["queued"]),
        ("flag=partial", ["partial"]),
        ("flag=stale", ["stale"]),
        ("flag=provider_outage", ["provider_outage"]),
        ("flag=expiring_soon", ["expiring_soon"]),
        ("flag=stale&flag=partial", ["partial", "stale"]),
        ("flag=stale&status=paused", []),
    ],
)
def test_each_flag_finds_its_connections(viewer: Client, query: str, expected: list[str]) -> None:
    flagged()

    assert names(page(viewer, f"?{query}")) == expected


def test_running_job_hides_the_one_that_waits_from_the_flags(viewer: Client) -> None:
    connection = make_connection()
    for status in (JobStatus.RUNNING, JobStatus.PENDING):
        make_job(connection, make_entity(connection), status=status)

    assert names(page(viewer, "?flag=queued")) == []


def test_outage_is_said_in_the_row(viewer: Client) -> None:
    make_connection(last_error_code="provider_maintenance", failure_streak=1)

    assert '<span class="sub block">In maintenance</span>' in page(viewer)


def test_tags_owners_types_and_several_values(viewer: Client) -> None:
    north = make_connection(name="north", owner=member("operator"))
    south = make_connection(name="south", provider="sandbox_payroll")
    make_connection(name="west")
    tag(north, "Finance", "EU")
    tag(south, "EU, south")

    assert names(page(viewer, "?tag=Finance")) == ["north"]
    assert names(page(viewer, f"?tag=EU&tag={quote('EU, south')}")) == ["north", "south"]
    assert names(page(viewer, "?owner=operator&provider=postgres&type=automated")) == ["north"]
    assert names(page(viewer, "?provider=postgres&provider=sandbox_payroll&tag=EU")) == ["north"]


def test_tags_stand_in_the_row_and_those_of_no_connection_are_no_choice(viewer: Client) -> None:
    connection = make_connection(name="north")
    tag(connection, "Finance", "<b>")
    Tag.objects.create(name="unused")

    text = page(viewer)

    assert (
        'title="&lt;b&gt;, Finance">PostgreSQL <span class="tag">&lt;b&gt;</span><span class="tag">Finance</span>'
        in text
    )
    assert 'href="/?tag=Finance"' in text
    assert "tag=unused" not in text
    assert "Owner</button>" not in text


def test_choices_add_and_take_away_and_the_cross_clears(viewer: Client) -> None:
    north, south = make_connection(name="north"), make_connection(name="south")
    tag(north, "a")
    tag(south, "b")

    text = page(viewer, "?tag=a&status=active&sort=name&after=name~x")

    assert 'href="/?status=active&amp;tag=a&amp;tag=b&amp;sort=name">b' in text
    assert '<a href="/?status=active&amp;sort=name" aria-current="true">a' in text
    assert 'href="/?status=active&amp;sort=name" aria-label="Tag: a. Remove this filter"' in text
    assert '<input type="hidden" name="tag" value="a">' in text


def test_filters_that_are_set_come_first(viewer: Client) -> None:
    tag(make_connection(), "a")

    order = re.findall(r'popovertarget="filter-(\w+)"', page(viewer, "?tag=a&flag=stale"))

    assert order == ["flag", "tag", "provider", "destination", "type"]


def found_by(client: Client, text: str) -> list[str]:
    return names(page(client, f"?q={quote(text)}"))


def test_search_finds_names_tags_and_ids(viewer: Client) -> None:
    north, south = make_connection(name="100% north"), make_connection(name="south_")
    tag(south, "Payroll")
    make_entity(south, ref="kestrel-drivers")
    make_entity(south, ref="7")
    make_connection(name="other")

    assert found_by(viewer, "payr") == ["south_"]
    assert found_by(viewer, str(north.pk)) == ["100% north"]
    assert found_by(viewer, north.pk.hex[:13].upper()) == ["100% north"]
    assert found_by(viewer, str(north.pk)[:14]) == ["100% north"]
    assert found_by(viewer, str(north.pk)[:7]) == []
    assert found_by(viewer, "KESTREL-DR") == ["south_"]
    assert found_by(viewer, "kestrel") == []
    assert found_by(viewer, "7") == ["south_"]
    assert found_by(viewer, "%") == ["100% north"]
    assert found_by(viewer, "_") == ["south_"]


UNKNOWN = [
    (f"{name}={quote(value)}", f"The list knows no {words} “{shown}”, so that filter was left out.")
    for name, words in (
        ("status", "status"),
        ("provider", "provider"),
        ("destination", "destination"),
        ("type", "integration type"),
        ("flag", "flag"),
        ("tag", "tag"),
        ("owner", "owner"),
    )
    for value, shown in (
        ("<script>", "<script>"),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("01a1f376-a902", "01a1f376-a902"),
        ("\0", "\ufffd"),
        ("é" * 50, "é" * 40 + "…"),
    )
]
PLACES = (
    "nonsense", "~", "~~", "active~x", "0~name~not-an-id", "0~\ud7ff~01a1f376", "99999999999999999999~a~" + "0" * 32,
    "1e3~a~01a1f376-a902-7000-8000-000000000000", "-1.5~a~01a1f376-a902-7000-8000-000000000000", "0~a", "0~\0~a",
    "x" * 401,
)  # fmt: skip
TIMES = ("yesterday", "2026-11-19", "2026-11-19T10:00:00", "99999-01-01T00:00:00+00:00", "0")
BAD: list[tuple[str, str]] = [
    *UNKNOWN,
    *((f"after={quote(place)}", START) for place in PLACES),
    *((f"before={quote(place)}", START) for place in PLACES),
    *((f"sort=last&after={quote(time)}~01a1f376-a902-7000-8000-000000000000", START) for time in TIMES),
    *((f"sort=-next&before={quote(time)}~01a1f376-a902-7000-8000-000000000000", START) for time in TIMES),
    ("sort=rows", "The list cannot sort by “rows”. It shows what needs attention first."),
    ("sort=--name", "The list cannot sort by “--name”. It shows what needs attention first."),
    ("sort=name;drop", "The list cannot sort by “name;drop”. It shows what needs attention first."),
    ("q=" + "x" * 101, "The text to look for is longer than 100 characters, so it was left out."),
    ("q=a%00b", "The text to look for holds a character that no name can hold, so it was left out."),
]


@pytest.mark.parametrize(("query", "sentence"), BAD, ids=[query[:40] for query, _ in BAD])
def test_nonsense_is_left_out_and_said(viewer: Client, query: str, sentence: str) -> None:
    make_connection(name="Only", owner=member("operator"))

    text = page(viewer, f"?{query}")

    assert names(text) == ["Only"]
    assert notes(text) == [sentence]
    fragment = viewer.get(f"/?{query}&rows=x,,.&status=active", headers={"HX-Request": "true"})
    assert fragment.status_code == 200


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=%FF%FE", 0),
        ("q=%20%20", 1),
        ("q=\U0001f9ea", 0),
        ("status=&provider=&q=&sort=&after=", 1),
        ("status=active&status=active", 1),
        ("after=0~%20~00000000-0000-0000-0000-000000000000", 1),
        ("sort=next&after=9999-12-31T23:59:59-12:00~01a1f376-a902-7000-8000-000000000000", 0),
        ("sort=last&after=0001-01-01T00:00:00%2B14:00~01a1f376-a902-7000-8000-000000000000", 1),
        ("colour=blue&status[]=x", 1),
    ],
)
def test_odd_but_readable_is_taken_as_it_is(viewer: Client, query: str, shown: int) -> None:
    make_connection(name="Only")

    text = page(viewer, f"?{query}")

    assert len(names(text)) == shown
    assert notes(text) == []


def heads(text: str) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*class="c-(\w+)"', text)


def choose(client: Client, columns: Iterable[str], **more: str) -> None:
    response = client.post("/connections/columns/", {"column": list(columns), "next": "/?q=a", **more})
    assert (response.status_code, response.headers["Location"]) == (302, "/?q=a")


def test_columns_are_chosen_per_browser(viewer: Client, operator: Client) -> None:
    connection = make_connection(name="a", owner=member("operator"))
    usual = ["status", "flow", "ent", "runs", "last", "next", "sched"]
    assert heads(page(viewer)) == usual

    choose(viewer, ["owner", "last", "nonsense"])

    text = page(viewer)
    assert heads(text) == ["status", "last", "own"]
    assert '<td class="c-own nowrap muted">operator</td>' in text
    assert f'id="runs-{connection.pk.hex}"' not in text
    assert heads(page(operator)) == usual
    choose(viewer, [])
    assert heads(page(viewer)) == ["status"]
    choose(viewer, ["last"], usual="1")
    assert heads(page(viewer)) == usual


def test_poll_brings_only_the_chosen_cells(viewer: Client) -> None:
    connection = make_connection()
    choose(viewer, ["last"])

    response = viewer.get("/", {"rows": f"{connection.pk.hex}.old"}, headers={"HX-Request": "true"})

    assert re.findall(r'<td class="c-(\w+)"', flat(response)) == ["status", "last"]


@pytest.mark.parametrize("cookie", ["x" * 3000, "flow.<script>", "....", "None", "flow;last", "\x01"])
def test_spoilt_cookie_is_no_harm(viewer: Client, cookie: str) -> None:
    make_connection()
    viewer.cookies["connection_columns"] = cookie

    assert "status" in heads(page(viewer))
