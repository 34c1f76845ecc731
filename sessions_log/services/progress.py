"""What a session keeps beside its events while somebody is in the flow: the consent, and what is sealed between steps.

What was accepted at sign-in lies sealed in the session's row until the connection holds it, and nowhere else.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors import secrets
from connectors.models import Connection
from sessions_log.events import EventName
from sessions_log.exits import ExitReason
from sessions_log.models import Session
from sessions_log.services.links import hash_of
from sessions_log.services.record import NewEvent, in_order, record

# Milliseconds. A source is given 25 seconds for an answer; whoever pressed twice waits for it, and gets the same one.
_TURN_MS, _USUAL_MS, _STATEMENT_MS = 40_000, 5_000, 30_000


@contextmanager
def turn(session_id: UUID) -> Iterator[Session]:
    """Let one request at a time act in a session; give the session as it is when it is its turn.

    The row is not locked meanwhile, so that events come in. Raises `Session.DoesNotExist`.
    """
    key = int.from_bytes(session_id.bytes[-8:], signed=True)
    with transaction.atomic():
        with database.cursor() as cursor:
            _limit(cursor, _TURN_MS)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
            _limit(cursor, _USUAL_MS)
        yield Session.objects.select_related("connection", "destination", "created_by").get(pk=session_id)


def agree(*, session: Session, version: str, stage: str) -> None:
    """Store that the terms were accepted, and in which version. A second press changes nothing."""
    now = timezone.now()
    waiting = Session.objects.filter(pk=session.pk, terms_accepted_at=None)
    with transaction.atomic():
        if waiting.update(terms_accepted_at=now, terms_version=version) == 1:
            record(session, NewEvent(EventName.TERMS_ACCEPTED, stage=stage, page=stage, occurred_at=now))


def carry(*, session: Session, values: Mapping[str, Any]) -> None:
    """Seal what the next step needs; nothing for an empty mapping, and then nothing is left of what was there."""
    sealed = secrets.seal(values, owner=f"session:{session.pk}") if values else b""
    Session.objects.filter(pk=session.pk).update(sealed=sealed)
    session.sealed = sealed


def begin_elsewhere(*, session: Session) -> str:
    """Return the state that a sign-in at the provider comes back with; an older one opens nothing any more."""
    state = f"{session.pk.hex}.{random.token_urlsafe(32)}"
    Session.objects.filter(pk=session.pk).update(oauth_state_hash=hash_of(state))
    return state


def came_back(*, session: Session, state: str) -> bool:
    """Take the state of a return, once. False for another one, or one that was taken."""
    waiting = Session.objects.filter(pk=session.pk, oauth_state_hash=hash_of(state))
    return waiting.update(oauth_state_hash=None) == 1


def session_of_state(state: str) -> UUID | None:
    """Return which session a state names; whether it is its own is for `came_back` to say."""
    try:
        return UUID(hex=state.partition(".")[0])
    except ValueError:
        return None


def leave(*, session: Session, reason: str, stage: str, page: str) -> None:
    """Store that the person left on purpose, and forget what was sealed."""
    events = [NewEvent(EventName.SESSION_EXITED, stage=stage, page=page, exit_reason=reason)]
    if reason == ExitReason.TERMS_DECLINED:
        events.insert(0, NewEvent(EventName.TERMS_DECLINED, stage=stage, page=page))
    now = timezone.now()
    with transaction.atomic():
        record(session, *in_order(*events, now=now), now=now)
        Session.objects.filter(pk=session.pk).update(sealed=b"", oauth_state_hash=None)


def complete(*, session: Session, connection: Connection, job_id: UUID | None, events: Sequence[NewEvent]) -> Session:
    """Store that the session came to its end, with what it made; nothing sealed stays. Returns it as it is then."""
    now = timezone.now()
    with transaction.atomic():
        done = record(session, *in_order(*events, NewEvent(EventName.SESSION_COMPLETED), now=now), now=now)
        Session.objects.filter(pk=session.pk).update(
            connection=connection, first_job_id=job_id, sealed=b"", oauth_state_hash=None
        )
    done.connection, done.first_job_id = connection, job_id
    return done


def _limit(cursor: Any, milliseconds: int) -> None:
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(milliseconds)])
    # A statement that waits for a lock is one that runs.
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(max(milliseconds, _STATEMENT_MS))])
