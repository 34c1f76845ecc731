"""Single facts of a session in words and marks, for its list, its page and the text for support."""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import REGISTRY, told
from connectors.errors.kinds import ErrorEntry
from dashboard.formatting import NOT_APPLICABLE, duration
from dashboard.pages.session_words import provider_name
from sessions_log.models import LEFT, Session, SessionStatus
from sessions_log.stages import STAGES, Stage


def pips_of(session: Session) -> tuple[str, ...]:
    """Return the look of each stage of a session as a row of marks: passed, now, left, not reached."""
    if session.status == SessionStatus.COMPLETED:
        return ("ok",) * len(STAGES)
    mark = "stop" if session.status in LEFT else "cur" if session.status == SessionStatus.OPENED else "on"
    return tuple(
        "on" if place < session.furthest else mark if place == session.furthest else "" for place in range(len(STAGES))
    )


def stage_of(session: Session) -> Stage:
    """Return the furthest stage of a session."""
    return STAGES[min(session.furthest, len(STAGES) - 1)]


def took_words(session: Session) -> str:
    """Return how long it took, without times away."""
    return NOT_APPLICABLE if session.took_ms is None else duration(session.took_ms / 1000)


def offset_words(span: timedelta) -> str:
    """Return the time since the opening: "+0:31", "+1:02:31", "+1 d 02:10"."""
    seconds = max(0, int(span.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"+{days} d {hours:02}:{minutes:02}"
    return f"+{hours}:{minutes:02}:{seconds:02}" if hours else f"+{minutes}:{seconds:02}"


def entry_of(code: str) -> ErrorEntry:
    """Return the registry's entry of a code; one that is gone is an unknown error."""
    return REGISTRY.get(code, REGISTRY["unknown_error"])


def filled(text: str, session: Session, provider: str = "") -> str:
    """Fill the names into a text of the registry."""
    destination = session.connection.destination if session.connection and session.connection.destination_id else None
    return told(
        text,
        source=provider_name(provider or session.provider) or "the provider",
        destination=destination.name if destination else "the destination",
    )
