"""Sessions as rows of a list: who, how far, and what stands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connectors.ids import short_id
from dashboard.formatting import duration, elapsed_time
from dashboard.pages.session_facts import pips_of, stage_of, took_words
from dashboard.pages.session_words import Told, manifest_of, status_at, told_findings
from sessions_log.models import Origin, Session, SessionKind, SessionStatus
from sessions_log.stages import STAGES


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session, ready to print. `place` says where in the funnel it is, for those who do not see the marks."""

    pk: UUID
    href: str
    status: str
    status_at: str
    who: str
    kind: str
    provider: str
    tile: str
    hue: int
    pips: tuple[str, ...]
    stage: str
    place: str
    found: tuple[Told, ...]
    at: datetime
    took: str


def row_of(session: Session, now: datetime) -> ListedSession:
    """Return the row of a session."""
    manifest, stage = manifest_of(session.provider), stage_of(session)
    return ListedSession(
        pk=session.pk,
        href=session.get_absolute_url(),
        status=session.status,
        status_at=status_at(session, stage=stage),
        who=who_of(session),
        kind=kind_of(session),
        provider=manifest.name if manifest else session.provider,
        tile=manifest.tile if manifest else "",
        hue=manifest.tile_hue if manifest else 6,
        pips=pips_of(session),
        stage=f"{stage.label} now" if session.status == SessionStatus.OPENED else str(stage.label),
        place=f"Stage {session.furthest + 1} of {len(STAGES)}, {stage.label}",
        found=told_findings(session) or _note(session, now),
        at=session.opened_at or session.created_at,
        took=took_words(session),
    )


def who_of(session: Session) -> str:
    """Return whom a session is for: the end user's name, your reference, the connection, or its short ID."""
    named = session.end_user_name or session.reference or (session.connection.name if session.connection else "")
    return named or f"Session {short_id(session.pk)}"


def kind_of(session: Session) -> str:
    """Return what kind of session it is, in words."""
    words = str(SessionKind(session.kind).label)
    return f"{words}, own front end" if session.origin == Origin.EMBEDDED else words


def _note(session: Session, now: datetime) -> tuple[Told, ...]:
    """Return what is said of a session in which nothing stands out."""
    if session.status == SessionStatus.CREATED:
        return (Told(f"Link not opened for {elapsed_time(session.created_at, now)}", is_quiet=True),)
    if session.status == SessionStatus.EXPIRED:
        lived = duration((session.ended_at or session.expires_at) - session.created_at)
        return (Told(f"Link ended after {lived}, never opened", is_quiet=True),)
    return ()
