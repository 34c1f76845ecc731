"""The list of all sessions: rows, cards, filters, pages by key, nonsense in the address."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from connectors.models import Connection
from sessions_log.findings import KINDS
from sessions_log.models import Session, SessionStatus
from sessions_log.stages import Stage
from tests.dashboard.pages import flat
from tests.factories import make_ready_connection
from tests.sessions_log.recorded import (
    abandoned,
    accepted,
    connected,
    make_session,
    refused,
    six_exits_and_three_refusals,
)
from tests.sessions_log.telling import event, opened

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

# Above the list: which days are summed up, statuses, findings.
LIST_QUERIES, POLL_QUERIES = 8, 4
HTMX = {"HX-Request": "true"}


def page(client: Client, query: str = "") -> str:
    response = client.get(f"/sessions/{query}")
    assert response.status_code == 200
    return flat(response)


def listed(text: str) -> list[str]:
    return re.findall(r'id="of-([0-9a-f-]{36})"', text)


def ids(*sessions: Session) -> list[str]:
    return [str(session.pk) for session in sessions]


def link(text: str, id_: str) -> str:
    found = re.search(rf'id="{id_}"[^>]*href="/sessions/([^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def one_of_each() -> dict[str, Session]:
    return {
        "created": make_session(end_user_name="Quarry Lane", provider=""),
        "opened": make_session(*opened(), event("help.opened", 20, stage="terms")),
        "completed": make_session(*opened(), *accepted(), *connected(), end_user_name="Larkspur Care"),
        "exited": make_session(*opened(), event("session.exited", 60, stage="terms"), provider=""),
        "abandoned": make_session(*six_exits_and_three_refusals()),
        "failed": make_session(*opened(), *accepted(), refused(160, "account_locked")),
        "expired": make_session(event("session.expired", 3600), provider="postgres"),
    }


def test_a_row_says_who_how_far_and_what_stands_out(viewer: Client) -> None:
    session = make_session(*six_exits_and_three_refusals(), end_user_name="Halden <Foods>")

    text = page(viewer)

    assert "Halden &lt;Foods&gt;</a>" in text
    six, three = (f'<span class="x">\N{MULTIPLICATION SIGN}{count}</span>' for count in (6, 3))
    assert f"Exited the terms {six}, sign-in refused {three}, then silence" in text
    assert 'aria-label="Stage 5 of 9, Sign-in"' in text
    assert text.count('<i class="on"></i>') == 4
    assert '<i class="stop"></i>' in text
    assert f'data-copy="{session.pk}"' in text
    assert '<td class="num s-took">6 m 21 s</td>' in text
    assert "1 session, back to" in text


def test_every_status_is_a_row_and_a_filter(viewer: Client) -> None:
    sessions = one_of_each()
    text = page(viewer)

    assert sorted(listed(text)) == sorted(ids(*sessions.values()))
    for status, session in sessions.items():
        assert session.status == status
        assert listed(page(viewer, f"?status={status}")) == ids(session)
    assert "Link not opened for" in text
    assert "never opened" in text
    assert set(sessions) == set(SessionStatus.values)


def test_the_cards_count_the_period_and_filter(viewer: Client) -> None:
    sessions = one_of_each()
    text = page(viewer)

    for status in ("completed", "abandoned", "exited", "failed"):
        card = re.search(rf'id="card-{status}"[^>]*>.*?<span class="big num">(\d+)</span>', text)
        assert card is not None
        assert card[1] == "1"
        assert listed(page(viewer, link(text, f"card-{status}"))) == ids(sessions[status])
    assert "20% of 5" in text
    assert 'title="Show all again"' in page(viewer, "?status=failed")
    assert link(page(viewer, "?status=failed"), "card-failed") == ""


def test_a_finding_is_counted_and_lists_its_sessions(viewer: Client) -> None:
    first = make_session(*six_exits_and_three_refusals())
    second = make_session(*opened(), *accepted(), refused(160, "account_locked"), *connected(300))
    text = page(viewer)

    assert listed(page(viewer, "?finding=terms_exited")) == ids(first)
    assert listed(page(viewer, "?finding=account_locked")) == ids(second)
    assert "1 at Sandbox Payroll, 1 connected anyway" in text
    assert "1 at Sandbox Payroll, none connected" in text
    for code in KINDS:
        page(viewer, f"?finding={code}")


def test_filters_by_stage_reached_and_by_where_they_left(viewer: Client) -> None:
    terms = make_session(*opened(), event("session.exited", 60, stage="terms"))
    silent = make_session(*opened(), *accepted(), abandoned(150))
    done = make_session(*opened(), *accepted(), *connected())

    assert listed(page(viewer, "?stage=terms")) == ids(done, silent, terms)
    assert listed(page(viewer, "?stage=authentication")) == ids(done, silent)
    assert listed(page(viewer, "?stage=connected")) == ids(done)
    assert listed(page(viewer, "?left=terms")) == ids(terms)
    assert listed(page(viewer, "?left=authentication")) == ids(silent)
    for stage in Stage.values:
        page(viewer, f"?stage={stage}&left={stage}")


def test_filters_by_provider_code_kind_connection_and_text(viewer: Client) -> None:
    owner = make_ready_connection(name="Halden")
    mended = make_session(*opened(), connection=owner, end_user_name="Bexley Paper", reference="acct-17")
    locked = make_session(*opened(), *accepted(), refused(160, "account_locked"), end_user_name="Ashdown")

    assert listed(page(viewer, "?provider=postgres")) == ids(mended)
    assert listed(page(viewer, "?code=account_locked")) == ids(locked)
    assert listed(page(viewer, "?kind=reconnect")) == ids(mended)
    assert listed(page(viewer, f"?connection={owner.pk}")) == ids(mended)
    assert "Connection: Halden" in page(viewer, f"?connection={owner.pk}")
    for text in ("bexley", "PAPER", "acct-17", str(mended.pk), str(mended.pk)[:13]):
        assert listed(page(viewer, f"?q={text}")) == ids(mended)
    assert "No session matches" in page(viewer, "?q=nobody")


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("?status=lost", "No session has the status “lost”"),
        ("?stage=heaven", "There is no stage “heaven”"),
        ("?left=heaven", "There is no stage “heaven”"),
        ("?provider=adp", "There is no provider “adp”"),
        ("?finding=gold", "There is no finding “gold”"),
        ("?code=nope", "There is no error code “nope”"),
        ("?kind=odd", "There is no kind of session “odd”"),
        ("?period=1y", "The list knows no period “1y”"),
        ("?connection=x%00y", "so that filter was left out"),
        ("?older_than=x", "These are the newest."),
        (f"?q={'x' * 201}", "has at most 200 letters"),
    ],
)
def test_nonsense_in_the_address_is_left_out_and_said(viewer: Client, query: str, note: str) -> None:
    session = make_session()
    text = page(viewer, query)

    assert listed(text) == ids(session)
    assert note in text


def test_pages_go_by_key_and_back(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.session_list.SESSIONS_PER_PAGE", 2)
    sessions = [make_session() for _ in range(5)][::-1]

    first = page(viewer)
    second = page(viewer, link(first, "sessions-older"))
    third = page(viewer, link(second, "sessions-older"))

    assert listed(first) == ids(*sessions[:2])
    assert listed(second) == ids(*sessions[2:4])
    assert listed(third) == ids(sessions[4])
    assert "sessions-older" not in third
    assert listed(page(viewer, link(third, "sessions-newer"))) == ids(*sessions[2:4])
    assert listed(page(viewer, link(second, "sessions-newer"))) == ids(*sessions[:2])
    assert 'hx-get="' in first
    assert 'hx-trigger="every' not in second[second.index('id="live"') :]


def test_sessions_of_before_the_period_are_found_in_a_longer_one(viewer: Client) -> None:
    old = "01900000-0000-7000-8000-000000000001"
    Session.objects.create(pk=old, expires_at=timezone.now())

    assert "No session in this time" in page(viewer)
    assert listed(page(viewer, "?period=all")) == [old]


def test_nothing_yet_says_what_a_session_is(viewer: Client, operator: Client) -> None:
    assert "A session begins when somebody opens a connect link" in page(viewer, "?period=all")
    assert "first-link" not in page(viewer, "?period=all")
    assert "first-link" in page(operator, "?period=all")
    assert "new-link" not in page(viewer)


def test_the_number_of_queries_is_the_same_for_one_and_for_many(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_session(*six_exits_and_three_refusals(), connection=make_ready_connection())
    with django_assert_num_queries(LIST_QUERIES):
        page(viewer)
    for _ in range(3):
        make_session(*six_exits_and_three_refusals(), connection=make_ready_connection())
    with django_assert_num_queries(LIST_QUERIES):
        page(viewer)


@pytest.mark.usefixtures("same_minute")
def test_the_newest_page_renews_itself_without_its_counts(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_session()
    first = viewer.get("/sessions/", headers=HTMX)
    assert "card-completed" not in flat(first)
    with django_assert_num_queries(POLL_QUERIES):
        again = viewer.get("/sessions/", headers={**HTMX, "If-None-Match": first["ETag"]})
    assert again.status_code in {200, 304}
    make_session()
    assert len(listed(flat(viewer.get("/sessions/", headers=HTMX)))) == 2


def test_sessions_of_a_deleted_connection_stay(viewer: Client) -> None:
    owner = make_ready_connection(name="Gone")
    session = make_session(connection=owner, end_user_name="")
    Connection.objects.filter(pk=owner.pk).update(deleted_at=session.created_at)

    assert listed(page(viewer)) == ids(session)
    assert "Connection: Gone (deleted)" in page(viewer, f"?connection={owner.pk}")
