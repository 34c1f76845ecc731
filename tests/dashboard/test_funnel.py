"""The funnel page: what it says of sessions that walked to each stage, where its numbers lead, and what it costs."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sessions_log.events import EventName
from sessions_log.models import Session
from sessions_log.services.record import NewEvent
from sessions_log.services.rollup import rollup
from sessions_log.stages import Stage
from tests.dashboard.pages import flat
from tests.factories import make_connection
from tests.sessions_log.walks import walk, walk_everywhere

PAGE, FILE = reverse("sessions:funnel"), reverse("sessions:funnel-csv")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Session, user, groups; the days that are added up; outcomes, times, weeks, findings; the line of Patchbay's health.
QUERIES = 9
# The mark of the last roll-up, and what changed since.
WHEN_ADDED_UP = 2


def leave(stage: Stage, count: int, at: datetime, provider: str = "postgres") -> None:
    for number in range(count):
        walk(stage, at - timedelta(seconds=number), provider=provider)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("is_added_up", [False, True])
def test_the_page_takes_the_same_queries_whatever_it_shows(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int, *, is_added_up: bool
) -> None:
    now = timezone.now()
    for number in range(count):
        walk_everywhere(now - number * DAY - HOUR, provider=("postgres", "sandbox_payroll")[number % 2])
    if is_added_up:
        rollup()

    with django_assert_num_queries(QUERIES + WHEN_ADDED_UP * is_added_up):
        page = flat(viewer.get(PAGE))

    assert f'<b><a href="/sessions/?period=30d" title="Sessions that came to this stage">{9 * count}</a></b>' in page


def test_each_stage_says_who_reached_it_who_left_and_who_is_there(viewer: Client) -> None:
    at = timezone.now() - HOUR
    walk_everywhere(at)
    walk(Stage.INVITED, at, end=None)
    walk(Stage.AUTHENTICATION, at, end=None)

    page = flat(viewer.get(PAGE))
    cells = re.findall(r'<span class="sub">([^<]+)</span><b>(?:<a[^>]*>)?(\d+)', page)

    assert cells == [
        ("Invited", "11"), ("Opened", "9"), ("Terms", "8"), ("Provider", "7"), ("Sign-in", "6"), ("MFA", "4"),
        ("Entities", "3"), ("Check", "2"), ("Connected", "1"),
    ]  # fmt: skip
    assert "Still under way, and in no share below: 1 link not opened yet and 1 person inside now." in page
    assert ">1 never opened</a>" in page
    assert ">of 11 links</span>" in page
    assert "<li>of previous <span>9 of 10</span></li><li>of all <span>9 of 10</span></li>" in page
    assert re.search('title="[^"]+half took no longer">median <span>20 s</span>', page)
    # A share of fewer than thirty is no percentage.
    assert not re.search(r"\d%", page.partition("Where they leave")[0])


def test_the_biggest_leak_is_told_beside_the_other_providers(viewer: Client) -> None:
    at = timezone.now() - HOUR
    leave(Stage.AUTHENTICATION, 15, at)
    leave(Stage.CONNECTED, 20, at)
    leave(Stage.AUTHENTICATION, 3, at, "sandbox_payroll")
    leave(Stage.CONNECTED, 27, at, "sandbox_payroll")

    page = flat(viewer.get(PAGE))

    assert "Biggest leak: the PostgreSQL sign-in, where 15 of 35 leave" in page
    assert "15 of the 18 lost at the sign-in are lost there. At the rate of the other providers (3 of 30)" in page
    assert "about 11 more would have connected in these 30 days" in page
    shown = 'href="/sessions/?period=30d&amp;left=authentication&amp;provider=postgres">Show the 15 sessions</a>'
    assert shown in page
    assert '<a class="heat-hot" href="/sessions/?period=30d&amp;left=authentication&amp;provider=postgres"' in page
    assert 'title="PostgreSQL, Sign-in: 15 of 35 left here, 42.9%"' in page
    assert '<span class="ln-key"></span>All</li><li><span class="ln-key ln-key--2"></span>PostgreSQL' in page


def test_one_session_is_told_without_a_comparison(viewer: Client) -> None:
    walk(Stage.TERMS, timezone.now() - HOUR)

    page = flat(viewer.get(PAGE))

    assert "Biggest leak: the terms, where 1 of 1 leaves" in page
    assert "At the rate of" not in page
    assert 'href="/sessions/?period=30d&amp;left=terms">Show the session</a>' in page
    assert "No week of the last 13 has 10 sessions" in page
    assert "Nothing stood out" in page
    assert '<span class="normal muted">Not chosen yet</span>' in page


def test_without_sessions_the_page_says_what_they_are(viewer: Client) -> None:
    empty = flat(viewer.get(PAGE))
    walk(Stage.TERMS, timezone.now() - HOUR)
    filtered = flat(viewer.get(PAGE, {"kind": "reconnect"}))

    assert "pass through the connect flow" in empty
    assert "funnel-csv" not in empty
    assert "No session matches" in filtered
    assert "No sessions in this time" not in filtered


def test_findings_are_counted_with_who_connected_all_the_same(viewer: Client) -> None:
    at = timezone.now() - HOUR
    helped = [NewEvent(EventName.HELP_OPENED, stage="terms", occurred_at=at)]
    walk(Stage.CONNECTED, at, extra=helped)
    walk(Stage.CONNECTED, at, extra=helped, provider="sandbox_payroll")
    walk(Stage.AUTHENTICATION, at, extra=helped)

    page = flat(viewer.get(PAGE))

    assert '<a class="item" href="/sessions/?period=30d&amp;finding=help_opened">' in page
    assert "2 of them PostgreSQL" in page
    assert "2 of 3 connected anyway" in page


def test_filters_are_in_the_address_and_what_is_none_is_said(viewer: Client) -> None:
    owner = make_connection(name="Halden Foods")
    now = timezone.now()
    walk(Stage.CONNECTED, now - HOUR, connection=owner)
    walk(Stage.TERMS, now - HOUR, kind="reconnect")
    walk(Stage.TERMS, now - 60 * DAY)

    def invited(**asked: str) -> str:
        found = re.search(r"<b>(?:<a[^>]*>)?(\d+)", flat(viewer.get(PAGE, asked)))
        return found[1] if found else ""

    assert (invited(), invited(period="90d"), invited(period="7d")) == ("2", "3", "2")
    assert (invited(provider="postgres"), invited(provider="none")) == ("1", "1")
    assert (invited(kind="reconnect"), invited(type="automated"), invited(type="assisted")) == ("1", "1", "")
    assert invited(connection=str(owner.pk)) == "1"
    page = flat(viewer.get(PAGE, {"connection": str(owner.pk), "period": "7d"}))
    assert "Sessions of Halden Foods, from link to connection" in page
    assert "Connection: Halden Foods" in page
    assert f'/sessions/?connection={owner.pk}"' in page
    wrong = flat(viewer.get(PAGE, {"period": "1y", "provider": "adp", "kind": "x", "connection": "y", "type": "z"}))
    assert wrong.count("so that filter was left out.") == 5
    assert "There is no provider “adp”, so that filter was left out." in wrong


def test_each_number_leads_to_as_many_sessions(viewer: Client) -> None:
    at = timezone.now() - HOUR
    walk_everywhere(at)
    walk_everywhere(at, provider="sandbox_payroll", kind="reconnect")
    walk(Stage.TERMS, at, end=None)

    for query in ({}, {"kind": "reconnect"}, {"provider": "postgres"}, {"provider": "none"}, {"type": "automated"}):
        page = viewer.get(PAGE, query).content.decode()
        links = re.findall(r'href="(/sessions/\?[^"]+)"[^>]*>\s*(\d+)(?: never opened| left)?\s*<', page)
        assert len(links) > 5
        for href, number in links:
            listed = viewer.get(html.unescape(href)).content.decode()
            assert len(set(re.findall(r'href="/sessions/([0-9a-f-]{36})/"', listed))) == int(number), (query, href)


def test_the_file_has_a_line_per_provider_and_stage(viewer: Client) -> None:
    walk_everywhere(timezone.now() - HOUR)

    answer = viewer.get(FILE, {"kind": "first"})
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["provider"] for row in rows] == ["all"] * 9 + ["postgres"] * 9 + ["Not chosen yet"] * 9
    assert rows[2] == {
        "provider": "all", "stage": "terms", "reached": "7", "left": "1", "still_here": "0", "asked": "", "base": "7",
        "median_s": rows[2]["median_s"], "p90_s": rows[2]["p90_s"],
    }  # fmt: skip
    assert float(rows[2]["median_s"]) == pytest.approx(20, rel=0.025)
    assert viewer.get(FILE, {"period": "1y"}).status_code == 400


def test_what_somebody_does_shows_at_once_although_days_are_added_up(viewer: Client) -> None:
    walk(Stage.TERMS, timezone.now() - HOUR)
    rollup()
    before = flat(viewer.get(PAGE))
    walk(Stage.TERMS, timezone.now() - HOUR)
    Session.objects.update(changed_at=timezone.now())

    assert "where 1 of 1 leaves" in before
    assert "where 2 of 2 leave" in flat(viewer.get(PAGE))
