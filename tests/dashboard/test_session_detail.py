"""The page of one session: the story in a sentence, the timeline event by event, raw events, the text for support."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from connectors.ids import new_id
from jobs.models import JobStatus
from sessions_log.models import Session, SessionStatus
from sessions_log.services.links import withdraw
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_job, make_ready_connection
from tests.sessions_log.recorded import (
    abandoned,
    accepted,
    connected,
    make_session,
    refused,
    six_exits_and_three_refusals,
    tell,
    tries,
)
from tests.sessions_log.telling import event, exits, opened

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from sessions_log.models import SessionEvent

HTMX = {"HX-Request": "true"}
DETAIL_QUERIES = 7
X = "\N{MULTIPLICATION SIGN}"
REFUSED = (
    f"+4:11 Sign-in refused by Sandbox Payroll {X}3 They read: “Your sign-in was refused.” "
    "invalid_credentials Renew the credentials over 2 m 10 s"
)
SILENT = (
    "drop: +21:21 Fell silent No word for 15 minutes. Refused three times before, last with invalid_credentials: "
    "sign-in refused."
)
LOCKED = (
    "drop: +2:50 Sign-in refused by Sandbox Payroll They read: “Your sign-in was refused.” account_locked "
    "Unlock the account No further try in this session could help."
)
ROW = re.compile(r"<li class=\"([^\"]*)\">(.*?)</li>(?=<li class|</ol>)")


def page(client: Client, session: Session, query: str = "") -> str:
    response = client.get(f"{session.get_absolute_url()}{query}")
    assert response.status_code == 200
    return flat(response)


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def timeline(text: str) -> list[str]:
    """The lines of all stages, each as words, with what it is before it: drop, gap."""
    inside = text[text.index('<div class="tl">') : text.index('class="card-foot"')]
    found = []
    for stage in inside.split('<div class="tl-stage">')[1:]:
        head, _, lines = stage.partition('<ol role="list">')
        found.append(f"# {plain(head)}")
        for kind, line in ROW.findall(lines):
            mark = next((f"{one}: " for one in ("drop", "gap") if one in kind.split()), "")
            found.append(mark + plain(re.sub(r"<ul>.*?</ul>", "", line)))
    return found


def sentence(text: str) -> str:
    found = re.search(r'id="sentence">([^<]*)<', text)
    assert found is not None
    return unescape(found[1])


def test_the_six_exits_are_told_as_in_the_text(viewer: Client) -> None:
    text = page(viewer, make_session(*six_exits_and_three_refusals()))

    assert sentence(text) == (
        "Opened the link, left the terms six times in two minutes, came back, was refused three times, then silence."
    )
    assert [line.partition(" 1 Dec")[0] for line in timeline(text)[2:]] == [
        "# 2 Opened Done took 1 s",
        "+0:00 Opened the link",
        "# 3 Terms Accepted took 2 m 57 s",
        "+0:01 Saw the terms",
        "gap: 30 s without activity",
        f"+0:31 Left the terms {X}6 over 1 m 59 s",
        "+2:58 Accepted the terms",
        "# 5 Sign-in Abandoned here spent 3 m 21 s",
        "+3:00 Saw the sign-in of Sandbox Payroll",
        "gap: 1 m 11 s without activity",
        REFUSED,
        SILENT,
    ]
    assert timeline(text)[0] == "# 1 Invited Opened opened after 5 m 00 s"
    assert "Not reached: MFA, Entities, Check, Connected" in text
    folded = re.findall(r"<li>([^<]+)</li>", text)
    assert folded[:6] == [f"{at}, back after 12 s" for at in ("+0:31", "+0:54", "+1:18", "+1:42", "+2:06", "+2:30")]


def test_one_exit_and_its_return_are_two_lines_with_the_gap_between(viewer: Client) -> None:
    text = page(viewer, make_session(*opened(), *exits(1, every=100)))

    assert [line for line in timeline(text) if line[0] in "+g"] == [
        "+0:00 Opened the link",
        "+0:01 Saw the terms",
        "+0:10 Left the terms",
        "gap: 50 s away",
        "+1:00 Came back to the terms",
    ]


@pytest.mark.parametrize(
    ("events", "status", "word", "said", "last"),
    [
        ([], "created", "Created", "The link has not been opened yet.", "Link created"),
        (
            opened(),
            "opened",
            "Opened, at the terms",
            "Opened the link, and is at the terms now.",
            "+0:01 Saw the terms",
        ),
        (
            [*opened(), *accepted(), *connected()],
            "completed",
            "Completed",
            "Opened the link, signed in, and connected in 3 m 46 s.",
            "+3:46 Connected",
        ),
        (
            [*opened(), event("session.exited", 60, stage="terms", exit_reason="not_now")],
            "exited",
            "Exited at the terms",
            "Opened the link, then left on purpose.",
            "drop: +1:00 Left on purpose “I will do it later”.",
        ),
        (
            [*opened(), event("page.exited", 30, stage="terms"), abandoned(30)],
            "abandoned",
            "Abandoned at the terms",
            "Opened the link, left the terms, then silence.",
            "drop: +15:30 Left and did not come back No word for 15 minutes. Nothing was refused before that.",
        ),
        (
            [*opened(), *accepted(), refused(170, "account_locked")],
            "failed",
            "Failed at sign-in",
            "Opened the link, was refused, and could go no further.",
            LOCKED,
        ),
        (
            [event("session.expired", 3600)],
            "expired",
            "Expired",
            "The link was never opened.",
            "drop: The link ended without having been opened",
        ),
    ],
)
def test_every_status_says_how_it_ended(
    viewer: Client, events: list[SessionEvent], status: str, word: str, said: str, last: str
) -> None:
    session = make_session(*events)
    text = page(viewer, session)

    assert session.status == status
    assert f"{word}</span>" in text
    assert sentence(text) == said
    assert timeline(text)[-1].startswith(last)
    assert ("drop:" in " ".join(timeline(text))) == (status in {"exited", "abandoned", "failed", "expired"})
    page(viewer, session, "?view=raw")


def test_every_status_was_tried() -> None:
    assert len(SessionStatus.values) == 7


def test_a_failure_that_is_followed_by_more_gets_a_line_of_its_own(viewer: Client) -> None:
    events = [*opened(), *accepted(), refused(170, "account_locked"), event("page.exited", 180, stage="authentication")]
    text = page(viewer, make_session(*events))

    assert timeline(text)[-1].startswith("drop: Could go no further here Refused before, last with account_locked")


def test_who_came_back_after_a_silence_is_told_with_the_time_away(viewer: Client) -> None:
    hours = 2 * 3600
    events = [
        *opened(),
        abandoned(1),
        event("page.viewed", hours + 1, stage="terms", page="terms"),
        *accepted(hours + 30),
        *connected(hours + 60),
    ]
    text = page(viewer, make_session(*events))

    assert sentence(text).startswith("Opened the link, came back after two hours, signed in, and connected in ")
    lines = timeline(text)
    assert "+15:01 15 minutes without a word" in lines
    assert "gap: 2 h 00 m away" in lines
    assert "+2:00:01 Came back" in lines


def test_going_back_is_a_stage_again(viewer: Client) -> None:
    events = [
        *opened(),
        *accepted(100),
        event("page.viewed", 110, stage="terms", page="terms"),
        event("terms.accepted", 120, stage="terms"),
    ]
    text = page(viewer, make_session(*events))

    assert [line for line in timeline(text) if line.startswith("#")][2:] == [
        "# 3 Terms Accepted took 1 m 47 s",
        "# 5 Sign-in Left spent 10 s",
        "# 3 Terms, again Here now",
    ]


def test_usual_times_are_the_medians_of_completed_sessions(viewer: Client) -> None:
    for extra in (0, 10, 20, 30):
        make_session(*opened(), *accepted(100 + extra), *connected(200 + extra))
    session = make_session(*opened(), *accepted(300))
    assert "usual time" not in page(viewer, session)
    make_session(*opened(), *accepted(140), *connected(240))

    assert "usual time 1 m 57 s, took 4 m 57 s" in page(viewer, session)


def test_it_goes_on_into_the_first_job(viewer: Client) -> None:
    connection = make_ready_connection(name="Halden")
    session = make_session(*opened(), *accepted(), *connected(), connection=connection)
    job = make_job(connection, rows_loaded=51230)
    Session.objects.filter(pk=session.pk).update(first_job_id=job.pk)
    text = page(viewer, session)

    assert f'href="{job.get_absolute_url()}"' in text
    assert "Success, 51,230 rows loaded" in text
    assert 'hx-trigger="every 2s"' not in text
    Session.objects.filter(pk=session.pk).update(first_job_id=new_id())
    assert "The first sync is no longer kept." in page(viewer, session)


def test_raw_shows_each_event_with_all_its_columns(viewer: Client) -> None:
    session = make_session(*opened(), *accepted(), refused(170), event("help.opened", 180, detail={"topic": "keys"}))
    text = page(viewer, session, "?view=raw")

    rows = re.findall(r'<td class="nowrap mono">([a-z_.]+)</td>', text)
    assert rows == [
        "link.created", "link.clicked", "session.opened", "page.viewed", "terms.accepted", "page.viewed",
        "login.failed", "help.opened",
    ]  # fmt: skip
    assert '<td class="mono">invalid_credentials</td>' in text
    assert "topic keys" in text
    assert '<div class="tl">' not in text


def test_an_unknown_id_offers_the_search(viewer: Client) -> None:
    unknown = new_id()
    response = viewer.get(f"/sessions/{unknown}/")

    assert response.status_code == 404
    assert f'value="{unknown}"' in flat(response)


def test_the_text_for_support_says_all_and_names_nobody(viewer: Client) -> None:
    connection = make_ready_connection(name="Halden Foods Ltd")
    session = make_session(
        *six_exits_and_three_refusals(),
        connection=connection,
        end_user_name="Halden Foods",
        end_user_email="pay@halden.example",
        reference="acct-17",
        actor=member("operator"),
    )
    text = page(viewer, session)
    support = unescape(re.search(r'<pre [^>]*id="support-text"[^>]*>(.*?)</pre>', text)[1])  # type: ignore[index]

    assert support.startswith("Patchbay: session abandoned at sign-in, invalid_credentials")
    assert "left the terms six times in two minutes" in support
    for held in (
        str(session.pk),
        str(connection.pk),
        f"Left the terms {X}6 over 1 m 59 s",
        "http://testserver/sessions/",
    ):
        assert held in support
    for name in ("Halden", "pay@", "acct-17"):
        assert name not in support


def test_the_link_says_who_made_it_and_how_it_went_out(viewer: Client) -> None:
    session = make_session(*opened(), actor=member("operator"))

    assert "Link created by operator" in page(viewer, session)


def test_only_who_may_make_links_is_offered_one(viewer: Client, operator: Client) -> None:
    session = make_session(*six_exits_and_three_refusals())

    assert "next-link" not in page(viewer, session)
    assert f'href="/sessions/new/?from={session.pk}"' in page(operator, session)
    assert "next-link" not in page(operator, make_session(*opened()))
    assert "next-link" not in page(operator, make_session(*opened(), *accepted(), *connected()))


@pytest.mark.usefixtures("same_minute")
def test_a_live_page_asks_for_news_and_stops_when_it_is_over(viewer: Client) -> None:
    session = make_session(*opened())
    address = session.get_absolute_url()
    text = page(viewer, session)
    assert f'hx-get="{address}"' in text
    assert 'hx-trigger="every 2s"' in text

    first = viewer.get(address, headers=HTMX)
    again = viewer.get(address, headers={**HTMX, "If-None-Match": first["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert "<html" not in flat(first)

    tell(session, *exits(1))
    news = viewer.get(address, headers={**HTMX, "If-None-Match": first["ETag"]})
    assert news.status_code == 200
    assert "Left the terms" in flat(news)

    tell(session, event("session.exited", 90, stage="terms"))
    last = viewer.get(address, headers={**HTMX, "If-None-Match": news["ETag"]})
    assert last.status_code == 286
    assert "Exited at the terms" in flat(last)
    assert 'hx-trigger="every' not in flat(last)


def test_a_page_lives_while_the_first_job_does(viewer: Client) -> None:
    connection = make_ready_connection()
    session = make_session(*opened(), *accepted(), *connected(), connection=connection)
    job = make_job(connection, status=JobStatus.RUNNING)
    Session.objects.filter(pk=session.pk).update(first_job_id=job.pk)

    assert 'hx-trigger="every 2s"' in page(viewer, session)
    assert viewer.get(session.get_absolute_url(), headers=HTMX).status_code == 200


def test_the_number_of_queries_is_the_same_for_one_event_and_for_many(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    few = make_session(*opened())
    many = make_session(*six_exits_and_three_refusals(), connection=make_ready_connection())
    many = tell(many, *tries(*range(500, 600, 10)))
    for session in (few, many):
        with django_assert_num_queries(DETAIL_QUERIES):
            page(viewer, session)


def test_how_a_page_was_left_and_what_the_link_was_opened_with(viewer: Client) -> None:
    events = [
        event("link.clicked", 0, detail={"browser": "Firefox", "system": "Windows"}),
        event("session.opened", 0.001),
        event("page.viewed", 1, stage="terms", page="terms"),
        event("page.exited", 13, stage="terms", page="terms", detail={"how": "hidden", "seconds": 12}),
    ]
    lines = timeline(page(viewer, make_session(*events)))

    assert "+0:00 Opened the link Firefox on Windows" in lines
    assert "+0:13 Left the terms Switched to another tab or app, after 12 s on the page" in lines


def test_a_code_that_is_accepted_stays_with_its_stage(viewer: Client) -> None:
    events = [
        *opened(),
        *accepted(100),
        event("credentials.submitted", 110, stage="authentication", page="sign-in"),
        event("mfa.requested", 111),
        event("page.viewed", 112, stage="mfa", page="code"),
        event("mfa.submitted", 130, stage="mfa", page="code"),
        refused(131, "mfa_failed", "mfa.failed"),
        event("mfa.submitted", 140, stage="mfa", page="code"),
        event("login.succeeded", 141),
        event("entity.listed", 141.1, detail={"count": 5}),
        event("page.viewed", 141.2, stage="entity_selection", page="companies"),
    ]
    lines = timeline(page(viewer, make_session(*events)))

    assert [line.partition(" ")[2] for line in lines[5:] if line.startswith("#")] == [
        "5 Sign-in Signed in took 11 s",
        "6 MFA Accepted took 30 s",
        "7 Entities Here now spent 200 ms",
    ]
    assert [line for line in lines if line.startswith("+2")] == [
        (
            "+2:11 Code refused by Sandbox Payroll They read: “Your sign-in was refused.” mfa_failed "
            "Connect again with the newest code"
        ),
        "+2:21 Signed in to Sandbox Payroll",
        "+2:21 Was shown 5 companies",
    ]


def test_a_link_that_was_withdrawn_says_by_whom(viewer: Client) -> None:
    session = make_session()
    withdraw(session=session, actor=member("operator"))

    assert timeline(page(viewer, session))[-1].startswith("drop: The link was withdrawn by operator")
