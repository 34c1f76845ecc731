"""Bulk actions from the list: what they are for, the questions, roles, and the page with the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection
from jobs.models import Bulk, BulkAction, ItemStatus, Job, Worker
from jobs.services.bulk import start_bulk, work_off
from jobs.services.pausing import pause_connection
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_ready_connection

if TYPE_CHECKING:
    from django.test import Client

HTMX = {"HX-Request": "true"}
ANSWERS: dict[str, dict[str, str]] = {
    "sync": {},
    "test": {},
    "resume": {},
    "pause": {"answered": "yes", "reason": "Audit"},
    "tag": {"answered": "yes", "tag": "north", "how": "tag"},
    "delete": {"answered": "yes", "number": "2"},
}
QUESTIONS = ("pause", "tag", "delete")
# Session, user, groups; the bulk action with its actor; counts, refused, done; health.
REPORT_QUERIES = 8


@pytest.fixture
def shops(db: None) -> list[Connection]:
    """Two connections that are set up."""
    del db
    found = [make_ready_connection(name=name) for name in ("Alpha", "Beta")]
    for one in found:
        make_entity(one)
    return found


def ids(connections: list[Connection]) -> dict[str, Any]:
    return {"ids": [one.pk.hex for one in connections]}


@pytest.mark.parametrize("action", ANSWERS)
def test_action_on_ticked_rows_leads_to_its_report(admin: Client, shops: list[Connection], action: str) -> None:
    make_ready_connection(name="Not ticked")

    response = admin.post(f"/bulk/{action}/", {**ids(shops), **ANSWERS[action], "query": "sort=name"})

    bulk = Bulk.objects.get()
    assert (response.status_code, response["Location"]) == (302, bulk.get_absolute_url())
    assert (bulk.action, bulk.actor, bulk.total) == (action, member("admin"), 2)
    assert [item.connection for item in bulk.items.order_by("number")] == shops
    page = flat(admin.get(bulk.get_absolute_url()))
    assert "0 of 2 looked at" in page
    assert 'hx-trigger="every 1s"' in page
    assert 'href="/?sort=name"' in page


@pytest.mark.parametrize("action", QUESTIONS)
def test_question_has_an_address_and_works_without_scripts(admin: Client, shops: list[Connection], action: str) -> None:
    chosen = {**ids(shops), "query": "status=active"}
    asked = [admin.get(f"/bulk/{action}/", chosen), admin.post(f"/bulk/{action}/", chosen)]

    for page in map(flat, asked):
        assert "2 connections" in page
        assert "Alpha, Beta" in page
        assert page.count('name="ids"') == 2
        assert 'href="/?status=active"' in page
    assert "<html" not in flat(admin.get(f"/bulk/{action}/", chosen, headers=HTMX))
    assert not Bulk.objects.exists()


@pytest.mark.parametrize(
    ("action", "answer", "said"),
    [
        ("pause", {"reason": ""}, "required"),
        ("pause", {"reason": "Audit", "until": "2001-01-01T10:00"}, "This time has passed"),
        ("tag", {"tag": "", "how": "tag"}, "required"),
        ("tag", {"tag": "a, b", "how": "tag"}, "Name one tag at a time"),
        ("tag", {"tag": "north", "how": "paint"}, "not one of the available choices"),
        ("delete", {"number": "3"}, "This is not the number. 2 connections would be deleted: type 2."),
        ("delete", {"number": "Alpha"}, "This is not the number"),
    ],
)
def test_unusable_answer_is_asked_again(
    admin: Client, shops: list[Connection], action: str, answer: dict[str, str], said: str
) -> None:
    response = admin.post(f"/bulk/{action}/", {**ids(shops), "answered": "yes", **answer})

    assert response.status_code == 422
    assert said in flat(response)
    assert not Bulk.objects.exists()


@pytest.mark.parametrize("action", ANSWERS)
@pytest.mark.parametrize("chosen", [{}, {"ids": ["nonsense", ""]}, {"everything": "yes", "query": "q=nobody"}])
def test_nothing_selected_starts_nothing(admin: Client, action: str, chosen: dict[str, Any]) -> None:
    make_connection()

    response = admin.post(f"/bulk/{action}/", {**chosen, **ANSWERS[action]})

    assert response.status_code == 422
    assert "No connection is selected" in flat(response)
    assert not Bulk.objects.exists()


def test_all_that_match_are_those_that_match_now(admin: Client, shops: list[Connection]) -> None:
    chosen = {"everything": "yes", "query": "status=active&sort=-name", "expected": "2", **ids(shops[:1])}
    make_connection(name="Stopped", status="paused")

    admin.post("/bulk/sync/", chosen)

    assert [item.connection.name for item in Bulk.objects.get().items.order_by("number")] == ["Beta", "Alpha"]


def test_other_number_than_was_shown_is_asked_again_with_the_new_one(admin: Client, shops: list[Connection]) -> None:
    del shops
    chosen = {"everything": "yes", "query": "status=active", "expected": "5"}

    response = admin.post("/bulk/sync/", chosen)

    page = flat(response)
    assert response.status_code == 422
    assert "2 connections match now, 5 were shown when you chose them. Nothing was started yet." in page
    hidden = dict(re.findall(r'name="(everything|query|expected)" value="([^"]*)"', page))
    assert hidden == {"everything": "yes", "query": "status=active", "expected": "2"}
    assert admin.post("/bulk/sync/", hidden).status_code == 302
    assert Bulk.objects.get().total == 2


def test_filter_that_is_not_known_any_more_takes_nobody_else(admin: Client, shops: list[Connection]) -> None:
    del shops

    response = admin.post("/bulk/sync/", {"everything": "yes", "query": "status=nonsense", "expected": "0"})

    assert response.status_code == 422
    assert not Bulk.objects.exists()


@pytest.mark.parametrize(("role", "allowed"), [("viewer", set()), ("operator", set(ANSWERS) - {"delete"})])
def test_roles(request: pytest.FixtureRequest, shops: list[Connection], role: str, allowed: set[str]) -> None:
    client: Client = request.getfixturevalue(role)
    statuses = {
        action: client.post(f"/bulk/{action}/", {**ids(shops), **answer}).status_code
        for action, answer in ANSWERS.items()
    }

    assert {action for action, status in statuses.items() if status == 302} == allowed
    assert {action for action, status in statuses.items() if status == 403} == set(ANSWERS) - allowed
    assert Bulk.objects.count() == len(allowed)
    page = flat(client.get("/"))
    assert ("bulk-form" in page) == ('name="ids"' in page) == bool(allowed)
    assert "/bulk/delete/" not in page


def test_report_says_what_was_not_done_why_and_what_next(
    admin: Client, viewer: Client, shops: list[Connection]
) -> None:
    pause_connection(connection=shops[1], reason="Holiday", actor=None)
    unfinished = make_connection(name="Gamma", status="incomplete", status_reason="missing_credentials")
    bulk = finished(BulkAction.SYNC, [*shops, unfinished])

    response = admin.get(bulk.get_absolute_url(), headers=HTMX)

    page = flat(response)
    assert response.status_code == 286
    assert "Sync now: 1 of 3 started" in page
    assert 'aria-label="1 started, 2 not started, 0 to come"' in page
    assert "Beta is paused: Holiday. Resume it first, then sync." in page
    assert f'href="/connections/{shops[1].pk}/resume/" data-dialog' in page
    assert "missing_credentials" in page
    assert f'href="{Job.objects.get().get_absolute_url()}"' in page
    assert "hx-trigger" not in page
    assert "Beta: Beta is paused: Holiday." in page
    seen = flat(viewer.get(bulk.get_absolute_url()))
    assert "Beta is paused" in seen
    assert "/resume/" not in seen


def finished(action: BulkAction, connections: list[Connection]) -> Bulk:
    bulk = start_bulk(action=action, connection_ids=[one.pk for one in connections], actor=member("admin"), options={})
    while work_off(bulk.pk):
        pass
    bulk.refresh_from_db()
    return bulk


def test_report_shows_a_page_of_refusals_and_leads_on(admin: Client, db: None) -> None:
    del db
    bulk = finished(BulkAction.RESUME, [make_connection() for _ in range(103)])

    first = flat(admin.get(bulk.get_absolute_url()))
    last = flat(admin.get(f"{bulk.get_absolute_url()}?after=100"))

    assert f'href="{bulk.get_absolute_url()}?after=100"' in first
    assert (first.count("not_stopped</span>"), last.count("not_stopped</span>")) == (100, 3)


@pytest.mark.parametrize("count", [1, 3])
def test_report_takes_the_same_queries_whatever_it_holds(
    admin: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bulk = finished(BulkAction.TEST, [make_ready_connection() for _ in range(count)])
    assert bulk.items.filter(status=ItemStatus.DONE).count() == count

    with django_assert_num_queries(REPORT_QUERIES):
        admin.get(bulk.get_absolute_url())


def test_bulk_that_nobody_works_on_says_so(admin: Client) -> None:
    bulk = start_bulk(
        action=BulkAction.RESUME, connection_ids=[make_connection().pk], options={}, actor=member("operator")
    )

    waiting = flat(admin.get(bulk.get_absolute_url()))
    now = timezone.now()
    Worker.objects.create(
        identity="1", name="system", queue="system", slots=1, version="1", started_at=now, seen_at=now
    )

    assert "It waits: no worker of the queue system is alive." in waiting
    assert "It goes on by itself; this page may be closed." in flat(admin.get(bulk.get_absolute_url()))
