"""Who did what: on one connection and everywhere, in words, with filters and pages that reach back."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.ids import first_id_at
from connectors.models import Activity, Connection
from connectors.services import activity
from dashboard.pages.activity import WORDS, words_of
from dashboard.pages.acts import ACTS_PER_PAGE
from sessions_log.services.links import withdraw
from tests.conftest import member
from tests.dashboard.connecting import make_link
from tests.dashboard.pages import flat
from tests.factories import make_connection

ROOT = Path(__file__).resolve().parents[2]
# Session, user, groups; people, acts; and the line of Patchbay's own health.
QUERIES = 6


def recorded() -> set[str]:
    """Return every action that is named where a service records an act, out of the code itself."""
    found = set()
    for app in ("connectors", "jobs", "sessions_log", "dashboard"):
        for path in (ROOT / app).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "services.activity" not in text and "import activity" not in text:
                continue
            names = {
                node.value
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            found |= {name for name in names if name.partition(".")[0] in SUBJECTS and name.count(".") == 1}
    return {name for name in found if name.replace(".", "").replace("_", "").isalpha()}


SUBJECTS = {code.partition(".")[0] for code in WORDS}


def test_every_act_that_is_recorded_has_words() -> None:
    found = recorded()

    assert found - set(WORDS) == set()
    assert {"connection.created", "connection.tagged"} <= found
    assert all(words.sentence.count("{subject}") == 1 for words in WORDS.values())


def test_act_of_an_older_version_is_told_by_its_code() -> None:
    assert words_of("connection.flown").sentence == "connection.flown: {subject}"


def act(connection: Connection, action: str = "connection.renamed", **values: object) -> Activity:
    """One act on a connection, by the operator."""
    return activity.record(action, **{"actor": member("operator"), "connection": connection, **values})  # type: ignore[arg-type]


def test_act_says_who_what_and_what_it_was(viewer: Client) -> None:
    connection = make_connection(name="Shop")
    changes = [
        {"field": "host", "before": "db-1", "after": "db-2"},
        {"field": "password", "before": None, "after": activity.REPLACED},
    ]
    made = act(connection, "connection.configured", changes=changes)

    page = flat(viewer.get(f"/connections/{connection.pk}/activity/"))

    assert 'Changed the setup of <span class="medium">Shop</span>' in page
    assert '<span class="medium">operator</span>' in page
    assert '<dt>host</dt><dd><del><span class="vh">was </span>db-1</del>' in page
    assert "db-2</ins>" in page
    assert '<dt>password</dt><dd><ins><span class="vh">is now </span>replaced, not recorded</ins></dd>' in page
    assert str(made.pk) in page
    assert "Today, " in page


def test_schedule_is_told_in_words(viewer: Client) -> None:
    connection = make_connection()
    changes = activity.differences(
        {"schedule_kind": "interval", "interval_seconds": 300}, {"schedule_kind": "manual", "interval_seconds": None}
    )
    act(connection, "connection.rescheduled", changes=changes)

    page = flat(viewer.get(f"/connections/{connection.pk}/activity/"))

    assert '<dt>schedule</dt><dd><del><span class="vh">was </span>fixed interval</del>' in page
    assert "only when asked</ins>" in page
    assert '<dt>interval</dt><dd><del><span class="vh">was </span>every 5 min</del>' in page


def test_connection_shows_its_own_acts_and_everything_is_for_admins(
    viewer: Client, operator: Client, admin: Client
) -> None:
    ours, other = make_connection(name="Ours"), make_connection(name="Other")
    act(ours), act(other)

    page = flat(viewer.get(f"/connections/{ours.pk}/activity/"))
    everything = flat(admin.get("/activity/"))

    assert 'Renamed <span class="medium">Ours</span>' in page
    assert "Other" not in page
    assert f'href="{ours.get_absolute_url()}">Ours</a>' in everything
    assert f'href="{other.get_absolute_url()}">Other</a>' in everything
    assert operator.get("/activity/").status_code == 403
    assert 'href="/activity/"' in everything
    assert 'href="/activity/"' not in flat(operator.get("/"))


def test_act_on_what_was_deleted_leads_nowhere(admin: Client) -> None:
    connection = make_connection(name="Gone", deleted_at=timezone.now())
    act(connection, "connection.deleted")

    page = flat(admin.get("/activity/"))

    assert 'Deleted <span class="medium">Gone</span>' in page


def test_act_on_a_connect_link_leads_to_its_session(admin: Client) -> None:
    session, _ = make_link()
    withdraw(session=session, actor=None)

    page = flat(admin.get("/activity/"))

    assert page.count(f'href="{session.get_absolute_url()}">Open the session</a>') == 2
    assert f"Session {session.pk}" not in page


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({}, {"one", "two", "three", "old"}),
        ({"who": "operator"}, {"one", "old"}),
        ({"who": "patchbay"}, {"two"}),
        ({"what": "connection.paused"}, {"three"}),
        ({"day": "today"}, {"one", "two", "three"}),
        ({"day": "2020-01-01"}, set()),
        ({"who": "operator", "day": "today"}, {"one"}),
    ],
)
def test_filters_keep_what_fits(admin: Client, filters: dict[str, str], shown: set[str]) -> None:
    connection = make_connection(name="Shop")
    act(connection, note="note one")
    act(connection, note="note two", actor=None)
    act(connection, "connection.paused", note="note three", actor=member("admin"))
    long_ago = timezone.now() - timedelta(days=3)
    Activity.objects.create(
        id=first_id_at(long_ago), action="connection.renamed", actor=member("operator"), subject="Shop", note="note old"
    )
    asked = {**filters}
    if asked.get("who") == "operator":
        asked["who"] = str(member("operator").pk)
    if asked.get("day") == "today":
        asked["day"] = timezone.localdate().isoformat()

    page = flat(admin.get("/activity/", asked))

    assert {word for word in ("one", "two", "three", "old") if f": note {word}" in page} == shown
    assert ("Nothing was done that fits" in page) == (not shown)


@pytest.mark.parametrize(
    "asked",
    [{"who": "nobody"}, {"what": "fly"}, {"day": "soon"}, {"older_than": "x"}, {"who": "1\0"}, {"day": "0000-00-00"}],
)
def test_what_the_page_does_not_know_is_ignored_and_said(admin: Client, asked: dict[str, str]) -> None:
    act(make_connection(name="Shop"))

    page = flat(admin.get("/activity/", asked))

    assert f"“{next(iter(asked))}” in this address is not a value that the page knows" in page
    assert "Shop</a>" in page


def test_pages_reach_back_and_lead_to_newer_ones(admin: Client) -> None:
    connection = make_connection(name="Shop")
    for number in range(ACTS_PER_PAGE + 2):
        act(connection, note=f"note {number:02}.")

    first = flat(admin.get("/activity/"))
    older = first.partition('id="acts-older"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = flat(admin.get("/activity/" + older.removeprefix("/activity/")))
    newer = second.partition('id="acts-newer"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    back = flat(admin.get("/activity/" + newer.removeprefix("/activity/")))

    assert "Reaches back to" in first
    assert 'id="acts-newer"' not in first
    assert [f"note {number:02}." in first for number in (0, 1, 2, 51)] == [False, False, True, True]
    assert [f"note {number:02}." in second for number in (0, 1, 2)] == [True, True, False]
    assert 'id="acts-older"' not in second
    assert [f"note {number:02}." in back for number in (0, 1, 2, 51)] == [False, False, True, True]


@pytest.mark.parametrize("count", [1, 3])
def test_activity_takes_the_same_queries_whatever_it_shows(
    admin: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        act(make_connection(name=f"Shop {number}"))

    with django_assert_num_queries(QUERIES):
        admin.get("/activity/")
