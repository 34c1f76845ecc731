"""Sessions in the database, made by the real services from events as `telling` has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sessions_log.events import EventName, Source
from sessions_log.models import Session, SessionEvent
from sessions_log.services.record import NewEvent, record
from tests.sessions_log.telling import NOON, event, exits, make_link, opened


def tell(session: Session, *events: SessionEvent) -> Session:
    """Record events in a session, noon being five minutes after its link was made; that exists already."""
    shift = session.created_at + timedelta(minutes=5) - NOON
    for one in events:
        if one.name == EventName.LINK_CREATED:
            continue
        told = NewEvent(
            EventName(one.name),
            stage=one.stage,
            page=one.page,
            provider=one.provider,
            error_code=one.error_code,
            words=one.words,
            exit_reason=one.exit_reason,
            detail=one.detail,
            source=Source(one.source),
            occurred_at=one.occurred_at + shift,
            sequence=one.sequence,
        )
        session = record(session, told, now=one.received_at + shift)
    return session


def make_session(*events: SessionEvent, **values: Any) -> Session:
    """A session with these events, for Halden Foods at Sandbox Payroll."""
    defaults = {"end_user_name": "Halden Foods, payroll team", "provider": "sandbox_payroll"}
    session, _ = make_link(**{**defaults, **values})
    return tell(session, *events)


def refused(after: float, code: str = "invalid_credentials", name: str = "login.failed", **values: Any) -> SessionEvent:
    """A refusal at the sign-in."""
    return event(name, after, error_code=code, words="Your sign-in was refused.", **values)


def accepted(at: float = 150) -> list[SessionEvent]:
    """The terms are accepted, and the sign-in of the sandbox is on the screen."""
    return [
        event("terms.accepted", at - 2, stage="terms"),
        event("page.viewed", at, stage="authentication", page="sign_in", provider="sandbox_payroll"),
    ]


def tries(*moments: float) -> list[SessionEvent]:
    """Refused sign-ins as the flow records them: sent, refused, the form again."""
    return [
        one
        for at in moments
        for one in (
            event("credentials.submitted", at, stage="authentication", page="sign_in"),
            refused(at + 1),
            event("page.viewed", at + 1.2, stage="authentication", page="sign_in"),
        )
    ]


def connected(at: float = 200) -> list[SessionEvent]:
    """From a sign-in that is accepted to the end."""
    return [
        event("credentials.submitted", at, stage="authentication", page="sign_in"),
        event("login.succeeded", at + 1),
        event("entity.listed", at + 1.5, detail={"count": 5}),
        event("page.viewed", at + 2, stage="entity_selection", page="companies"),
        event("entity.selected", at + 20, detail={"count": 3}),
        event("page.viewed", at + 21, stage="verification", page="check"),
        event("permissions.verified", at + 25),
        event("session.completed", at + 26),
    ]


def abandoned(after: float) -> SessionEvent:
    """The silence that the server finds, `after` the last thing that happened."""
    return event("session.abandoned", after + 15 * 60)


def six_exits_and_three_refusals() -> list[SessionEvent]:
    """The story of the text: six exits from the terms in two minutes, back, refused three times, gone."""
    return [
        *opened(),
        *exits(6, first=31, every=23.8),
        *accepted(180),
        *tries(250, 300, 380),
        abandoned(381.2),
    ]
