"""Records what happened in a session, and keeps the session's facts in line with its events.

Every write ends in `_refresh`, in the same transaction, with the session's row locked.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.ids import new_id
from sessions_log.events import EventName, Source
from sessions_log.findings import findings_of
from sessions_log.models import MOST_WORDS, Session, SessionEvent, SessionStatus
from sessions_log.order import ordered
from sessions_log.stages import number_of
from sessions_log.story import Story, story_of

# A person makes some thirty; more than this in one session is a program that has lost its way.
MOST_EVENTS = 2000
# The facts with their types. Hundreds of sessions are stored by one statement: an expression for each of their values,
# as `bulk_update` writes it, costs more than all the rest of a call.
_FACTS = {
    "status": "text", "provider": "text", "stage": "text", "furthest": "smallint", "opened_at": "timestamptz",
    "last_event_at": "timestamptz", "ended_at": "timestamptz", "took_ms": "bigint", "stage_ms": "jsonb",
    "error_code": "text", "findings": "jsonb", "event_count": "int", "clock_offset_ms": "bigint",
    "changed_at": "timestamptz",
}  # fmt: skip
_STORE = f"""
UPDATE sessions_log_session AS session SET {", ".join(f"{name} = told.{name}" for name in _FACTS)}
FROM jsonb_to_recordset(%s::jsonb) AS told (id uuid, {", ".join(f"{name} {kind}" for name, kind in _FACTS.items())})
WHERE session.id = told.id
"""  # noqa: S608 - every part is a text of ours
_AWAY = frozenset({SessionStatus.ABANDONED, SessionStatus.EXITED, SessionStatus.FAILED})
_ENDING = frozenset(
    {EventName.SESSION_ABANDONED, EventName.SESSION_EXPIRED, EventName.SESSION_COMPLETED, EventName.SESSION_EXITED}
)
_MILLISECOND, _INSTANT = timedelta(milliseconds=1), timedelta(microseconds=1)


class TooManyEventsError(Exception):
    """A session has as many events as one may have. Nothing of the call was stored."""

    def __init__(self, session_id: UUID) -> None:
        super().__init__(f"The session {session_id} has {MOST_EVENTS} events, and no more are taken.")
        self.session_id = session_id


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to store. Without `occurred_at` it happens now; without an `id` it gets one.

    `words` is what the person saw, never what he typed.
    """

    name: EventName
    stage: str = ""
    page: str = ""
    provider: str = ""
    error_code: str = ""
    words: str = ""
    exit_reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    source: Source = Source.SERVER
    occurred_at: datetime | None = None
    sequence: int | None = None
    id: UUID | None = None

    def made(self, session_id: UUID, now: datetime) -> SessionEvent:
        """Return the unsaved record, received `now`."""
        return SessionEvent(
            id=self.id or new_id(),
            session_id=session_id,
            name=self.name,
            source=self.source,
            occurred_at=self.occurred_at or now,
            received_at=now,
            sequence=self.sequence,
            stage=self.stage,
            page=self.page,
            provider=self.provider,
            error_code=self.error_code,
            words=self.words[:MOST_WORDS],
            exit_reason=self.exit_reason,
            detail=dict(self.detail),
        )


def in_order(*events: NewEvent, now: datetime) -> list[NewEvent]:
    """Return events that our server saw in one moment, each a microsecond after the one before it."""
    return [replace(event, occurred_at=now + number * _INSTANT) for number, event in enumerate(events, start=1)]


def record(session: Session, *events: NewEvent, now: datetime | None = None) -> Session:
    """Store events of one session and return it as it is then. Raises `TooManyEventsError`."""
    return record_all({session.pk: events}, now=now)[session.pk]


@transaction.atomic
def record_all(
    events: Mapping[UUID, Sequence[NewEvent]],
    *,
    offsets: Mapping[UUID, int] | None = None,
    now: datetime | None = None,
) -> dict[UUID, Session]:
    """Store events of several sessions; those whose id is known already change nothing. Return the sessions.

    `offsets` are, in milliseconds, how far the server's clock was ahead of the device's when its events came: the
    smallest of a session stays. Raises `TooManyEventsError`; unknown sessions are left out.
    """
    now = now or timezone.now()
    # Always in the same order, so that two batches cannot wait for each other.
    locked = {
        one.pk: one for one in Session.objects.select_for_update(no_key=True).filter(pk__in=events).order_by("pk")
    }
    for pk, session in locked.items():
        _learn_offset(session, (offsets or {}).get(pk))
    made = [event.made(pk, now) for pk in locked for event in _with_return(locked[pk], events[pk], now)]
    SessionEvent.objects.bulk_create(made, ignore_conflicts=True)
    _refresh(list(locked.values()), now)
    return locked


def _learn_offset(session: Session, seen: int | None) -> None:
    known = session.clock_offset_ms
    if seen is not None and (known is None or seen < known):
        session.clock_offset_ms = seen


def _with_return(session: Session, events: Sequence[NewEvent], now: datetime) -> Iterable[NewEvent]:
    """Put the return of a person who was gone before what he does, where our own server sees it."""
    is_seen = any(event.source == Source.SERVER and event.name not in _ENDING for event in events)
    if is_seen and session.status in _AWAY:
        yield NewEvent(EventName.SESSION_RESUMED, occurred_at=now)
    yield from events


def _refresh(sessions: Sequence[Session], now: datetime) -> None:
    """Derive the facts of locked sessions from all their events and store them."""
    kept: dict[UUID, list[SessionEvent]] = defaultdict(list)
    for event in SessionEvent.objects.of([session.pk for session in sessions]):
        kept[event.session_id].append(event)
    for session in sessions:
        if len(kept[session.pk]) > MOST_EVENTS:
            raise TooManyEventsError(session.pk)
        story = story_of(ordered(kept[session.pk], session.clock_offset_ms))
        _write(session, story, len(kept[session.pk]), now)
    rows = [{"id": session.pk, **{name: getattr(session, name) for name in _FACTS}} for session in sessions]
    with database.cursor() as cursor:
        cursor.execute(_STORE, [json.dumps(rows, default=str)])


def _write(session: Session, story: Story, count: int, now: datetime) -> None:
    session.status, session.stage, session.furthest = story.status, story.stage, number_of(story.furthest)
    session.provider = story.provider or session.provider
    session.opened_at, session.last_event_at, session.ended_at = story.opened_at, story.last_at, story.ended_at
    session.took_ms = None if story.took is None else _milliseconds(story.took)
    session.stage_ms = {stage: _milliseconds(one.took) for stage, one in story.stages.items()}
    session.error_code = story.error_code if story.status != SessionStatus.COMPLETED else ""
    session.findings = [finding.stored() for finding in findings_of(story)]
    session.event_count, session.changed_at = count, now


def _milliseconds(span: timedelta) -> int:
    return span // _MILLISECOND
