"""How far one person came, what to do next, and how far all come: each figure is a link to the sessions behind it."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from connectors.ids import new_id
from connectors.models import Connection
from tests.dashboard.pages import flat
from tests.factories import make_ready_connection
from tests.sessions_log.recorded import (
    abandoned,
    accepted,
    connected,
    make_session,
    refused,
    six_exits_and_three_refusals,
    tell,
)
from tests.sessions_log.telling import event, opened

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from sessions_log.models import SessionEvent

AUTH_QUERIES = 15


def page(client: Client, connection: Connection, query: str = "") -> str:
    response = client.get(f"/connections/{connection.pk}/auth/{query}")
    assert response.status_code == 200
    return flat(response)


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def steps(text: str) -> list[str]:
    found = re.search(r'<ol class="auth-steps"[^>]*>(.*?)</ol>', text)
    assert found is not None
    return [plain(step) for step in re.findall(r"<li[^>]*>(.*?)</li>", found[1])]


def rows(text: str) -> list[str]:
    found = re.search(r'<ol class="funnel"[^>]*>(.*?)</ol>', text)
    assert found is not None
    return [plain(row) for row in re.findall(r"<li[^>]*>(.*?)</li>", found[1])[1:]]


def link(text: str, id_: str) -> str:
    found = re.search(rf'<a (?=[^>]*id="{id_}")[^>]*href="([^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def count_at(client: Client, address: str) -> int:
    return len(re.findall(r'id="of-[0-9a-f-]{36}"', flat(client.get(address))))


def of_sandbox() -> Connection:
    return make_ready_connection(provider="sandbox_payroll")


def test_it_says_what_is_done_what_was_refused_and_what_was_not_reached(viewer: Client) -> None:
    connection = of_sandbox()
    make_session(*six_exits_and_three_refusals(), connection=connection)
    text = page(viewer, connection)

    assert steps(text) == [
        "1 Invited Opened",
        "2 Opened Done 1 s",
        "3 Terms Accepted left 6 times 2 m 57 s",
        "4 Provider Chosen 2 s",
        (
            "5 Sign-in They read: “Your sign-in was refused.” invalid_credentials Refused, then left 3 times refused "
            "3 m 21 s"
        ),
        "6 MFA Not reached",
        "7 Entities Not reached",
        "8 Check Not reached",
        "9 Connected Not reached",
    ]
    assert 'aria-current="step"' in text


@pytest.mark.parametrize(
    ("events", "step", "title"),
    [
        ([], "1 Invited Waits to be opened", "Wait, or send the link again"),
        (opened(), "3 Terms Here now 0 s", "Wait"),
        ([*opened(), *accepted(), *connected()], "6 MFA Not asked for", "Nothing to do"),
        ([*opened(), abandoned(1)], "3 Terms Left here 0 s", "Ask, then send a new link"),
        ([event("session.expired", 60)], "1 Invited Never opened", "Send a new link"),
        ([*opened(), *accepted(), refused(160, "account_locked")], "Refused, then left", "Help, then send a new link"),
    ],
)
def test_what_to_do_next_follows_from_where_it_stands(
    operator: Client, events: list[SessionEvent], step: str, title: str
) -> None:
    connection = of_sandbox()
    session = make_session(*events, connection=connection)
    text = page(operator, connection)

    assert step in " ".join(steps(text))
    assert f'<h3 class="medium">{title}</h3>' in text
    is_offered = title not in {"Wait", "Nothing to do"}
    assert (f'href="/sessions/new/?from={session.pk}"' in text) == is_offered


def test_another_session_can_be_asked_for_and_only_one_of_this_connection(viewer: Client) -> None:
    connection = of_sandbox()
    old = make_session(*six_exits_and_three_refusals(), connection=connection, end_user_name="The first")
    make_session(*opened(), connection=connection, end_user_name="The second")
    other = make_session(connection=of_sandbox())

    assert '<h2 id="whose">The second</h2>' in page(viewer, connection)
    assert '<h2 id="whose">The first</h2>' in page(viewer, connection, f"?session={old.pk}")
    for pk in (other.pk, new_id()):
        assert viewer.get(f"/connections/{connection.pk}/auth/?session={pk}").status_code == 404


def test_every_figure_leads_to_as_many_sessions(viewer: Client) -> None:
    connection, other = of_sandbox(), of_sandbox()
    for where in (connection, other):
        make_session(*six_exits_and_three_refusals(), connection=where)
        make_session(*opened(), *accepted(), *connected(), connection=where)
    make_session(*opened(), *accepted(), refused(160, "account_locked"), connection=other)
    make_session(*opened(), *accepted(), abandoned(150), connection=other)
    make_session(*opened(), abandoned(1), provider="postgres")
    text = page(viewer, connection)

    assert [row.partition(" ")[0] for row in rows(text)] == [
        "Opened", "Terms", "Provider", "Sign-in", "MFA", "Entities", "Check", "Connected",
    ]  # fmt: skip
    assert rows(text)[3].startswith("Sign-in 4 left here 6 went on 33%")
    assert "Why 4 sessions stopped at sign-in" in text
    assert count_at(viewer, link(text, "left-4")) == 4
    assert count_at(viewer, link(text, "reached-8")) == 2
    reasons = {1: ("Sign-in refused", 2), 2: ("No word for 15 minutes", 1), 3: ("Account locked", 1)}
    for number, (words, count) in reasons.items():
        assert count_at(viewer, link(text, f"reason-{number}")) == count, words
    for words, _ in reasons.values():
        assert words in text
    assert "33% 2 of 6 who opened" in plain(text)


def test_the_scope_and_the_period_are_in_the_address(viewer: Client) -> None:
    connection, other = of_sandbox(), of_sandbox()
    make_session(*opened(), *accepted(), *connected(), connection=connection)
    make_session(*six_exits_and_three_refusals(), connection=other)
    text = page(viewer, connection)

    assert "All Sandbox Payroll connections" in text
    assert rows(text)[0].startswith("Opened 2 ")
    alone = flat(viewer.get(link(text, "scope-1")))
    assert rows(alone)[0].startswith("Opened 1 ")
    assert "Nobody left" in alone
    assert link(alone, "period-1").endswith("?scope=connection&period=7d")
    assert count_at(viewer, link(alone, "reached-1")) == 1
    assert "“scope” in this address is not a value" in page(viewer, connection, "?scope=world")


def test_without_a_session_it_says_what_one_is(viewer: Client) -> None:
    text = page(viewer, of_sandbox())

    assert "A session begins when somebody opens a connect link" in text
    assert "No session in this time" in text


@pytest.mark.usefixtures("same_minute")
def test_it_lives_while_somebody_is_in_it(viewer: Client) -> None:
    connection = of_sandbox()
    session = make_session(*opened(), connection=connection)
    address = f"/connections/{connection.pk}/auth/"
    assert f'hx-get="{address}"' in page(viewer, connection)
    first = viewer.get(address, headers={"HX-Request": "true"})
    assert "<html" not in flat(first)
    known = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert viewer.get(address, headers=known).status_code == 304
    tell(session, event("session.exited", 60, stage="terms"))
    last = viewer.get(address, headers=known)
    assert "Left here" in flat(last)
    assert "hx-get" not in flat(last)


def test_the_number_of_queries_is_the_same_for_one_and_for_many(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connection = of_sandbox()
    make_session(*six_exits_and_three_refusals(), connection=connection)
    with django_assert_num_queries(AUTH_QUERIES):
        page(viewer, connection)
    for _ in range(3):
        make_session(*six_exits_and_three_refusals(), connection=connection)
    with django_assert_num_queries(AUTH_QUERIES):
        page(viewer, connection)
