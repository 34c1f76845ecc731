"""What the events of a session say together: status, stages, times, findings."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ids import new_id
from sessions_log.events import EventName, Source
from sessions_log.findings import findings_of
from sessions_log.models import SessionEvent, SessionStatus
from sessions_log.order import ordered
from sessions_log.stages import Stage
from sessions_log.story import FINAL_CODES, Story, story_of
from tests.sessions_log.telling import NOON, event, exits, opened, told


def found(story: Story) -> dict[str, int]:
    return {finding.code: finding.count for finding in findings_of(story)}


def refused(after: float, code: str = "invalid_credentials", name: str = "login.failed") -> SessionEvent:
    return event(name, after, error_code=code, words="Your sign-in was refused.")


def signing_in(at: float = 150) -> list[SessionEvent]:
    return [
        event("terms.accepted", at - 2),
        event("page.viewed", at, stage="authentication", page="sign_in", provider="sandbox_payroll"),
    ]


def test_a_link_that_nobody_opened_is_created_and_then_expired() -> None:
    assert told(event("link.created", 0)).status == SessionStatus.CREATED
    story = told(event("link.created", 0), event("session.expired", 60))
    assert (story.status, story.furthest, story.took) == (SessionStatus.EXPIRED, Stage.INVITED, None)
    assert found(story) == {"never_opened": 1}


def test_six_exits_a_return_three_refusals_and_silence() -> None:
    story = told(
        *opened(),
        *exits(6),
        *signing_in(),
        refused(170),
        refused(200),
        refused(230),
        event("session.abandoned", 230 + 15 * 60),
    )
    assert story.status == SessionStatus.ABANDONED
    assert (story.stage, story.furthest) == (Stage.AUTHENTICATION, Stage.AUTHENTICATION)
    assert found(story) == {"terms_exited": 6, "sign_in_refused": 3, "refused_then_silent": 3}
    assert (story.stages[Stage.TERMS].exits, story.stages[Stage.TERMS].returns) == (6, 6)
    assert story.stages[Stage.TERMS].took == timedelta(seconds=147)
    assert story.stages[Stage.AUTHENTICATION].took == timedelta(seconds=80)
    assert story.took == timedelta(seconds=230)
    assert story.error_code == "invalid_credentials"


def test_two_refusals_are_no_finding_and_a_sign_in_after_them_is_no_error() -> None:
    story = told(*opened(), *signing_in(), refused(170), refused(180), event("login.succeeded", 200))
    assert found(story) == {}
    assert (story.error_code, story.stage, story.status) == ("", Stage.ENTITY_SELECTION, SessionStatus.OPENED)


@pytest.mark.parametrize("code", sorted(FINAL_CODES))
def test_what_no_further_try_helps_is_failed_and_stays_so_in_silence(code: str) -> None:
    story = told(*opened(), *signing_in(), refused(170, code), event("session.abandoned", 170 + 15 * 60))
    assert (story.status, story.ended_at) == (SessionStatus.FAILED, NOON + timedelta(seconds=170))


def test_who_goes_on_after_a_failure_is_in_it_again() -> None:
    story = told(*opened(), *signing_in(), refused(170, "account_locked"), event("login.succeeded", 300))
    assert (story.status, story.ended_at) == (SessionStatus.OPENED, None)


def test_leaving_on_purpose_is_exited_and_coming_back_opens_it_again() -> None:
    left = [*opened(), event("session.exited", 30, stage="terms")]
    assert told(*left).status == SessionStatus.EXITED
    back = told(*left, event("session.resumed", 8000), event("page.viewed", 8001, stage="terms"))
    assert back.status == SessionStatus.OPENED
    assert found(back) == {"came_back": 1}
    assert back.took == timedelta(seconds=31)


def test_nothing_opens_a_completed_session_again() -> None:
    story = told(*opened(), event("session.completed", 60), event("page.viewed", 70, stage="connected"))
    assert (story.status, story.stage, story.furthest) == (SessionStatus.COMPLETED, Stage.CONNECTED, Stage.CONNECTED)


def test_silence_that_was_none_is_left_out() -> None:
    late = event("page.viewed", 600, by=Source.API, stage="authentication")
    story = told(*opened(), event("session.abandoned", 1 + 15 * 60), late)
    assert story.status == SessionStatus.OPENED


def test_the_way_back_keeps_the_furthest_stage() -> None:
    story = told(*opened(), *signing_in(), event("page.viewed", 160, stage="provider_selection"))
    assert (story.stage, story.furthest) == (Stage.PROVIDER_SELECTION, Stage.AUTHENTICATION)


def test_other_findings() -> None:
    story = told(
        *opened(),
        event("provider.searched", 20, detail={"found": 0}),
        event("provider.searched", 25, detail={"found": 2}),
        event("provider.selected", 30, provider="postgres"),
        event("provider.selected", 40, provider="sandbox_payroll"),
        event("help.opened", 50, stage="authentication"),
        event("login.succeeded", 60),
        refused(70, "insufficient_scope", "permissions.missing"),
    )
    assert found(story) == {"provider_changed": 1, "provider_unknown": 1, "help_opened": 1, "permission_missing": 1}
    assert story.provider == "sandbox_payroll"


def test_a_skewed_clock_is_set_right_and_its_count_decides_the_order() -> None:
    at = NOON + timedelta(hours=5)
    theirs = [
        event(
            "page.viewed" if number % 2 else "page.exited",
            0,
            by=Source.API,
            stage="terms",
            sequence=number,
            occurred_at=at + timedelta(seconds=[0, 3, 2, 9][number]),
            received_at=NOON + timedelta(seconds=60),
        )
        for number in range(4)
    ]
    placed = ordered([*theirs, event("link.clicked", 1)], clock_offset_ms=-5 * 3600 * 1000 + 2000)
    assert [one.event.sequence for one in placed] == [None, 0, 1, 2, 3]
    assert [(one.at - NOON).total_seconds() for one in placed] == [1, 2, 5, 5, 11]


def test_no_device_tells_of_the_future() -> None:
    placed = ordered([event("page.exited", 5, by=Source.BROWSER, occurred_at=NOON + timedelta(days=400))])
    assert placed[0].at == NOON + timedelta(seconds=5)


_NAMES = st.sampled_from([name for name in EventName if name != EventName.LINK_CREATED])


@given(
    names=st.lists(st.tuples(_NAMES, st.sampled_from(["", *Stage.values]), st.integers(0, 5000)), max_size=30),
    seed=st.integers(0, 1000),
)
def test_the_story_depends_on_the_events_alone_and_not_on_how_they_came(
    names: list[tuple[EventName, str, int]], seed: int
) -> None:
    events = [event(name, after, stage=stage) for name, stage, after in names]
    for one in events:
        one.pk = new_id()
    mixed = events + events[: len(events) // 2]
    random.Random(seed).shuffle(mixed)
    story = story_of(ordered(events))
    assert story_of(ordered(mixed)) == story
    assert sum((one.took for one in story.stages.values()), timedelta()) == (story.took or timedelta())
    assert story.is_over == (story.ended_at is not None)
