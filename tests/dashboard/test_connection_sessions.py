"""The session history of one connection: its list beside the story of one, on telephones one after the other."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from connectors.ids import new_id
from connectors.models import Connection
from sessions_log.models import Session
from tests.dashboard.pages import flat
from tests.factories import make_ready_connection
from tests.sessions_log.recorded import (
    accepted,
    connected,
    make_session,
    six_exits_and_three_refusals,
    tell,
)
from tests.sessions_log.telling import event, opened

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

HTMX = {"HX-Request": "true"}
TAB_QUERIES = 12


def page(client: Client, connection: Connection, query: str = "") -> str:
    response = client.get(f"/connections/{connection.pk}/sessions/{query}")
    assert response.status_code == 200
    return flat(response)


def listed(text: str) -> list[str]:
    return re.findall(r'id="session-([0-9a-f-]{36})"', text)


def chosen(text: str) -> str:
    found = re.search(r'id="told-([0-9a-f-]{36})"', text)
    return found[1] if found else ""


def ids(*sessions: Session) -> list[str]:
    return [str(session.pk) for session in sessions]


def test_it_lists_its_own_sessions_and_tells_the_newest(viewer: Client) -> None:
    connection, other = make_ready_connection(), make_ready_connection()
    old = make_session(*six_exits_and_three_refusals(), connection=connection)
    new = make_session(*opened(), *accepted(), *connected(), connection=connection)
    make_session(connection=other)
    text = page(viewer, connection)

    assert listed(text) == ids(new, old)
    assert chosen(text) == str(new.pk)
    assert "signed in, and connected in" in text
    assert "data-chosen" not in text
    assert '<span class="tag">2</span>' in text


def test_the_address_chooses_a_session_and_how_it_is_told(viewer: Client) -> None:
    connection = make_ready_connection()
    old = make_session(*six_exits_and_three_refusals(), connection=connection)
    make_session(*opened(), connection=connection)
    text = page(viewer, connection, f"?session={old.pk}")

    assert chosen(text) == str(old.pk)
    assert "left the terms six times in two minutes" in text
    assert "data-chosen" in text
    raw = re.search(r'id="view-raw" href="([^"]+)"', text)
    assert raw is not None
    assert "session.abandoned" in flat(viewer.get(unescape(raw[1])))


def test_the_outcome_filters_and_stays_while_one_is_chosen(viewer: Client) -> None:
    connection = make_ready_connection()
    left = make_session(*opened(), event("session.exited", 60, stage="terms"), connection=connection)
    make_session(*opened(), *accepted(), *connected(), connection=connection)
    text = page(viewer, connection, "?outcome=exited")

    assert listed(text) == ids(left)
    assert f"?outcome=exited&amp;session={left.pk}" in text
    assert '<option value="exited" selected>' in text
    assert "No session matches" in page(viewer, connection, "?outcome=failed")
    assert "“outcome” in this address is not a value" in page(viewer, connection, "?outcome=lost")


def test_older_sessions_are_on_further_pages(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.connection_sessions.SESSIONS_PER_PAGE", 2)
    connection = make_ready_connection()
    sessions = [make_session(connection=connection) for _ in range(3)][::-1]
    text = page(viewer, connection)
    older = re.search(r'id="sessions-older" href="([^"]+)"', text)

    assert listed(text) == ids(*sessions[:2])
    assert older is not None
    assert listed(flat(viewer.get(unescape(older[1])))) == ids(sessions[2])


def test_a_session_of_another_connection_is_not_told_here(viewer: Client) -> None:
    connection = make_ready_connection()
    make_session(connection=connection)
    other = make_session(connection=make_ready_connection())

    for pk in (other.pk, new_id()):
        assert viewer.get(f"/connections/{connection.pk}/sessions/?session={pk}").status_code == 404
    assert viewer.get(f"/connections/{new_id()}/sessions/").status_code == 404


def test_without_a_session_it_says_what_one_is_and_offers_a_link(viewer: Client, operator: Client) -> None:
    connection = make_ready_connection()

    assert "A session begins when somebody opens a connect link" in page(viewer, connection)
    assert "first-link" not in page(viewer, connection)
    assert f"/sessions/new/?connection={connection.pk}" in page(operator, connection)


@pytest.mark.usefixtures("same_minute")
def test_a_poll_brings_the_story_alone_and_ends_with_it(viewer: Client) -> None:
    connection = make_ready_connection()
    session = make_session(*opened(), connection=connection)
    address = f"/connections/{connection.pk}/sessions/?session={session.pk}"
    assert f'hx-get="{address}"' in page(viewer, connection)

    first = viewer.get(address, headers=HTMX)
    assert first.status_code == 200
    assert "listed-sessions" not in flat(first)
    assert viewer.get(address, headers={**HTMX, "If-None-Match": first["ETag"]}).status_code == 304
    tell(session, event("session.exited", 90, stage="terms"))
    last = viewer.get(address, headers={**HTMX, "If-None-Match": first["ETag"]})
    assert last.status_code == 286
    assert "Exited at the terms" in flat(last)


def test_the_number_of_queries_is_the_same_for_one_and_for_many(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connection = make_ready_connection()
    make_session(*six_exits_and_three_refusals(), connection=connection)
    with django_assert_num_queries(TAB_QUERIES):
        page(viewer, connection)
    for _ in range(3):
        make_session(*six_exits_and_three_refusals(), connection=connection)
    with django_assert_num_queries(TAB_QUERIES):
        page(viewer, connection)
