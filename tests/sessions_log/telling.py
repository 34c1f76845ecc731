"""Sessions whose events a test tells, second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from sessions_log.events import EventName, Source
from sessions_log.models import Session, SessionEvent
from sessions_log.order import ordered
from sessions_log.services import links
from sessions_log.story import Story, story_of

NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


def make_link(hours: float = 24, *, actor: User | None = None, **values: Any) -> tuple[Session, str]:
    """A link as an operator makes it, and its secret."""
    invitation = links.Invitation(expires_at=timezone.now() + timedelta(hours=hours), **values)
    return links.create_link(invitation=invitation, actor=actor)


def event(name: str, after: float, *, by: Source = Source.SERVER, **values: Any) -> SessionEvent:
    """An unsaved event `after` so many seconds."""
    at = NOON + timedelta(seconds=after)
    return SessionEvent(name=EventName(name), source=by, **{"occurred_at": at, "received_at": at, **values})


def told(*events: SessionEvent, offset: int | None = None) -> Story:
    """The story of these events."""
    return story_of(ordered(events, offset))


def opened() -> list[SessionEvent]:
    """A link that was made and opened, with the terms on the screen."""
    return [
        event("link.created", -3600),
        event("link.clicked", 0),
        event("session.opened", 0.001),
        event("page.viewed", 1, stage="terms", page="terms"),
    ]


def exits(count: int, *, first: float = 10, every: float = 20) -> list[SessionEvent]:
    """So many exits from the terms, each followed by a return after half of the time."""
    return [
        one
        for number in range(count)
        for one in (
            event("page.exited", first + number * every, by=Source.BROWSER, stage="terms", page="terms"),
            event("page.viewed", first + number * every + every / 2, stage="terms", page="terms"),
        )
    ]
