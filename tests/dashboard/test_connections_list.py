"""The list of connections: what its rows say, filters, sort, pages, and how an open page stays up to date."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Pause, Status
from jobs.models import JobStatus, Lease
from tests.conftest import member
from tests.factories import make_connection, make_destination, make_entity, make_job

# Session, user, groups; destinations, tags and owners to filter by; the rows, their tags and their count; entities,
# leases, pauses; five for the head; health.
FULL_PAGE_QUERIES = 18
# Session, user, groups; the rows and their tags; entities, leases, pauses; five for the head; what a fresh page shows.
POLL_QUERIES = 15


def page(client: Client, query: str = "") -> str:
    response = client.get(f"/{query}")
    assert response.status_code == 200
    return flat(response)


def flat(response: Any) -> str:
    """The text in one line, as the formatter of templates is free to break it."""
    return re.sub(r"\s+", " ", response.content.decode())


def names(text: str) -> list[str]:
    return re.findall(r'<div><a href="/connections/[^"]+">([^<]+)</a>', text)


def seen(text: str) -> str:
    found = re.search(r'name="rows" value="([^"]*)"', text)
    assert found is not None
    return found[1]


def poll(client: Client, rows: str, **headers: str) -> Any:
    return client.get("/", {"rows": rows}, headers={"HX-Request": "true", **headers})


def cell(text: str, name: str, connection: Connection) -> str:
    found = re.search(rf'<td[^>]* id="{name}-{connection.pk.hex}"[^>]*>(.*?)</td>', text, re.DOTALL)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


def test_row_says_what_is_known(viewer: Client) -> None:
    connection = make_connection(name="Halden", last_run_at=timezone.now() - timedelta(hours=2))
    make_entity(connection, last_success_at=timezone.now() - timedelta(hours=2))
    make_entity(connection, last_success_at=timezone.now() - timedelta(hours=30))

    text = page(viewer)

    assert names(text) == ["Halden"]
    assert cell(text, "status", connection) == "Active"
    assert cell(text, "ent", connection) == "1 / 2"
    assert cell(text, "last", connection) == "2 h ago"
    assert cell(text, "next", connection) == "Not scheduled Every 6 h"
    assert f'<span class="sub mono t-11">{connection.dataset}</span>' in text
    assert "Every 6 h" in text


def test_broken_connection_says_why_and_is_on_hold(viewer: Client) -> None:
    connection = make_connection(status=Status.BROKEN, status_reason="invalid_credentials")

    text = page(viewer)

    assert cell(text, "status", connection) == "Broken Sign-in refused"
    assert cell(text, "next", connection) == "On hold Every 6 h"


def test_paused_connection_says_who_and_since_when(viewer: Client) -> None:
    connection = make_connection(status=Status.PAUSED, status_reason="paused_by_user")
    pause = Pause.objects.create(connection=connection, reason="Audit", created_by=member("operator"))
    Pause.objects.filter(pk=pause.pk).update(created_at=timezone.now() - timedelta(days=3, minutes=1))

    text = page(viewer)

    assert cell(text, "status", connection) == "Paused By operator, 3 d"
    assert cell(text, "next", connection) == "Paused Every 6 h"


def test_active_connection_with_a_failing_entity_says_so(viewer: Client) -> None:
    connection = make_connection()
    make_entity(connection, status=Status.BROKEN, status_reason="entity_access_lost")
    make_entity(connection)

    assert cell(page(viewer), "status", connection) == "Active 1 entity failing"


def test_active_connection_without_success_for_two_intervals_says_so(viewer: Client) -> None:
    connection = make_connection(interval_seconds=3600, last_success_at=timezone.now() - timedelta(hours=5, minutes=1))

    assert cell(page(viewer), "status", connection) == "Active No success for 5 h"


def test_running_connection_counts_its_rows(viewer: Client) -> None:
    connection = make_connection(next_run_at=timezone.now() + timedelta(hours=1))
    for _ in range(2):
        job = make_job(connection, make_entity(connection), status=JobStatus.RUNNING)
        Lease.objects.filter(pk=job.pk).update(progress={"tables": {"orders": [6000, 10], "items": [200, 0]}})

    text = page(viewer)

    assert cell(text, "status", connection) == "Active Syncing now, 12,400 rows"
    assert cell(text, "next", connection) == "After this run Every 6 h"
    assert "1 syncing now" in text
    assert 'hx-trigger="every 2s"' in text


def test_waiting_connection_is_queued_and_between_attempts_says_when(viewer: Client) -> None:
    first, second = make_connection(name="A"), make_connection(name="B")
    make_job(first, make_entity(first), status=JobStatus.PENDING)
    job = make_job(second, make_entity(second), status=JobStatus.PENDING)
    Lease.objects.filter(pk=job.pk).update(attempt=1, available_at=timezone.now() + timedelta(minutes=2, seconds=30))

    text = page(viewer)

    assert cell(text, "status", first) == "Active Queued"
    assert cell(text, "status", second) == "Active Tries again in 2 min"


def test_cards_count_and_state_facts(viewer: Client) -> None:
    make_connection(status=Status.BROKEN, status_reason="unreachable", status_since=timezone.now())
    paused = make_connection(status=Status.PAUSED, status_reason="paused_by_rule")
    Pause.objects.create(connection=paused, reason="The provider is in maintenance.", is_by_rule=True)
    make_entity(make_connection())

    text = page(viewer)

    counts = dict(re.findall(r'id="count-(\w+)">(\d+)<', text))
    subs = dict(re.findall(r'id="sub-(\w+)">([^<]+)<', text))
    assert counts == {"active": "1", "broken": "1", "incomplete": "0", "paused": "1"}
    assert subs == {
        "active": "None syncing",
        "broken": "1 since midnight",
        "incomplete": "All set up",
        "paused": "1 by Patchbay",
    }
    assert "3 connections, 1 entity" in text


def test_strip_counts_jobs_of_the_last_day_by_outcome(viewer: Client) -> None:
    connection = make_connection()
    for status in (JobStatus.SUCCESS, JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELLED):
        make_job(connection, status=status)

    text = page(viewer)

    assert "2 success, 1 failed. Failures peaked at " in text
    assert re.findall(r'class="r-ok" x="(\d+)"', text) == ["470"]


def test_default_order_needs_attention_first(viewer: Client) -> None:
    failing = make_connection(name="flag")
    make_entity(failing, status=Status.BROKEN)
    for name, status in (("z fine", "active"), ("stop", "paused"), ("open", "incomplete"), ("bad", "broken")):
        make_connection(name=name, status=status)

    assert names(page(viewer)) == ["bad", "open", "flag", "z fine", "stop"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["alpha", "Beta", "gamma"]),
        ("-name", ["gamma", "Beta", "alpha"]),
        ("-last", ["gamma", "alpha", "Beta"]),
        ("next", ["Beta", "alpha", "gamma"]),
    ],
)
def test_sort(viewer: Client, sort: str, expected: list[str]) -> None:
    now = timezone.now()
    make_connection(name="alpha", last_run_at=now - timedelta(days=1), next_run_at=now + timedelta(days=2))
    make_connection(name="Beta", next_run_at=now + timedelta(days=1))
    make_connection(name="gamma", last_run_at=now)

    assert names(page(viewer, f"?sort={sort}")) == expected


def test_filters_narrow_and_their_cards_ignore_each_other(viewer: Client) -> None:
    warehouse = make_destination(name="Lake")
    make_connection(name="Orders north", destination=warehouse)
    make_connection(name="orders south", status=Status.BROKEN, status_reason="unreachable")
    make_connection(name="Payroll", provider="sandbox_payroll", destination=warehouse, dataset="pay")

    assert names(page(viewer, "?q=ORDERS")) == ["orders south", "Orders north"]
    assert names(page(viewer, "?provider=sandbox_payroll")) == ["Payroll"]
    assert names(page(viewer, f"?destination={warehouse.pk}&q=north")) == ["Orders north"]
    text = page(viewer, "?status=broken")
    assert names(text) == ["orders south"]
    assert '<a class="filter-card" href="/" aria-current="true"' in text
    assert '<span class="big" id="count-active">2</span>' in text


def test_invalid_filter_is_ignored_with_a_note(viewer: Client) -> None:
    make_connection(name="Only")

    text = page(viewer, "?status=wrong&after=nonsense")

    assert names(text) == ["Only"]
    assert text.count('role="note"') == 2


def test_pages_by_key_meet_every_row_once(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.connections.PAGE_SIZE", 2)
    for number, status in enumerate(("paused", "active", "broken", "active", "incomplete")):
        make_connection(name=f"~ {number}", status=status)

    met, address, shown = [], "", []
    while True:
        text = page(viewer, address)
        met.append(names(text))
        shown.append(re.findall(r'<span class="num">([^<]+)</span>', text)[0])
        following = re.search(r'href="/(\?[^"]+)" rel="next"', text)
        if following is None:
            break
        address = following[1].replace("&amp;", "&")

    assert met == [["~ 2", "~ 4"], ["~ 1", "~ 3"], ["~ 0"]]
    assert shown == ["1 to 2 of 5", "3 to 4 of 5", "5 to 5 of 5"]
    back = re.search(r'href="/(\?[^"]+)" rel="prev"', text)
    assert back is not None
    assert names(page(viewer, back[1].replace("&amp;", "&"))) == ["~ 1", "~ 3"]


def test_empty_states_say_what_to_do(viewer: Client) -> None:
    assert "Connect the first source" in page(viewer)

    make_connection(name="Halden")
    text = page(viewer, "?q=haldn&provider=postgres")

    assert "Nothing matches “haldn”" in text
    assert "Check the spelling. One filter is also active." in text
    assert "No connection is broken" in page(viewer, "?status=broken")


@pytest.mark.parametrize("count", [1, 300])
def test_queries_do_not_grow_with_rows(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _ in range(count):
        connection = make_connection()
        make_job(connection, make_entity(connection), status=JobStatus.RUNNING)
        make_entity(connection)
    rows = seen(page(viewer))

    with django_assert_num_queries(FULL_PAGE_QUERIES):
        page(viewer)
    with django_assert_num_queries(POLL_QUERIES):
        poll(viewer, rows)


def test_fragment_has_no_shell_and_a_history_restore_has_it(viewer: Client) -> None:
    make_connection()
    rows = seen(page(viewer))

    fragment = poll(viewer, rows)
    restored = poll(viewer, rows, **{"HX-History-Restore-Request": "true"})

    assert b"<html" not in fragment.content
    assert b'<div id="live"' in fragment.content
    assert b"<html" in restored.content
    assert "HX-Request" in fragment.headers["Vary"]


@pytest.mark.usefixtures("same_minute")
def test_unchanged_page_gets_304_without_a_body(viewer: Client) -> None:
    connection = make_connection(last_run_at=timezone.now() - timedelta(hours=3))
    make_entity(connection)
    rows = seen(page(viewer))
    first = poll(viewer, rows)

    again = poll(viewer, rows, **{"If-None-Match": first.headers["ETag"]})

    assert first.status_code == 200
    assert b"<td" not in first.content
    assert (again.status_code, again.content) == (304, b"")


def test_poll_brings_only_the_cells_of_the_row_that_changed(viewer: Client) -> None:
    still, moving = make_connection(), make_connection()
    entity = make_entity(moving)
    before = page(viewer)
    version = re.findall(r'If-None-Match": "\\"(\w+)\\""', before.replace("&quot;", '"'))[0]
    make_job(moving, entity, status=JobStatus.RUNNING)

    response = poll(viewer, seen(before), **{"If-None-Match": f'"{version}"'})

    text = flat(response)
    assert response.status_code == 200
    assert cell(text, "status", moving) == "Active Syncing now"
    assert still.pk.hex not in re.sub(r'value="[^"]*"', "", text)
    assert '<span class="sub" id="sub-active" hx-swap-oob="true">1 syncing now</span>' in text
    assert 'hx-trigger="every 2s"' in text


def test_poll_reads_no_more_than_its_ids(viewer: Client) -> None:
    make_connection()

    text = flat(poll(viewer, "nonsense,head.1,x.y"))

    assert "<td" not in text


def test_viewer_has_no_menu_on_a_row_and_an_operator_has(viewer: Client, operator: Client) -> None:
    make_connection(name="Ready")

    assert "Actions for" not in page(viewer)
    assert 'aria-label="Actions for Ready"' in page(operator)


def test_stranger_is_sent_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/")

    assert response.status_code == 302
    assert response.headers["Location"] == "/accounts/login/?next=/"
