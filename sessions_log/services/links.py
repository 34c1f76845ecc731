"""Connect links: made once, shown once, exchanged once.

A link holds 256 random bits, of which only the SHA-256 is stored (RELIABILITY: connect links). To look at a link
changes nothing, whoever does it: mail scanners open every link of a message. The person's press exchanges it, in one
conditional update, for a visit: another 256 bits, which his browser alone holds.

A form draws its key of 256 random bits before it is sent, and the link follows from that key and ours: the same form
sent twice is the same link, which can be shown again to who sent it and to nobody else.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from connectors.models import Connection, Destination
from connectors.services import activity
from sessions_log.events import EventName
from sessions_log.models import RESUMABLE, Origin, Session, SessionKind, SessionStatus
from sessions_log.services.record import NewEvent, record

_BYTES = 32
# Why the link ended, in its last event.
WITHDRAWN = "withdrawn"
# What a browser holds from before its press on; whatever else it sends is not taken for that.
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
# How long somebody may come back to a session that he began, whatever his link's time was.
VISIT = timedelta(hours=24)


# Hands a link over and says whether that went well; it raises nothing.
Send = Callable[[Session, str], bool]


class LinkMadeError(Exception):
    """A link was made of this key before: by the same form, sent twice. Nothing was made."""

    def __init__(self, session: Session, secret: str) -> None:
        super().__init__("This link was made already.")
        self.session, self.secret = session, secret


class LinkGoneError(Exception):
    """The link was used, has expired or was withdrawn, so there is nothing to withdraw. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__("This link was used or has ended already. Nothing was changed.")


class LinkUsedError(Exception):
    """The link was exchanged before, by somebody else or by another browser."""

    def __init__(self, session: Session) -> None:
        super().__init__("This link was used already.")
        self.session = session


class LinkExpiredError(Exception):
    """The link's time is over."""

    def __init__(self, session: Session) -> None:
        super().__init__("This link has expired.")
        self.session = session


@dataclass(frozen=True, slots=True)
class Invitation:
    """For whom a link is, and what it leads to. `connection` is set to mend that one."""

    expires_at: datetime
    connection: Connection | None = None
    provider: str = ""
    products: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    destination: Destination | None = None
    end_user_name: str = ""
    end_user_email: str = ""
    reference: str = ""
    return_url: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A session, and the secret that its browser holds from now on."""

    session: Session
    secret: str = field(repr=False)


def new_key() -> str:
    """Draw what a form holds so that it makes one link, however often it is sent."""
    return secrets.token_urlsafe(_BYTES)


def create_link(
    *, invitation: Invitation, actor: User | None, key: str = "", send: Send | None = None
) -> tuple[Session, str]:
    """Store a session that waits for its person, and return it with the link's secret, which nobody can read again.

    `key` comes from `new_key`; without one the link is drawn here. `send` is called with the stored session and the
    secret, outside of any transaction of ours, and what it says is recorded. Raises `LinkMadeError`.
    """
    secret = _secret_of(key, actor) if key else secrets.token_urlsafe(_BYTES)
    session = _stored(invitation, actor, secret)
    is_sent = send(session, secret) if send else False
    return _told(session, actor, is_sent=is_sent), secret


def _secret_of(key: str, actor: User | None) -> str:
    """Return the link that follows from a key, for one member: without our own key nobody can tell it."""
    of = f"{actor.pk if actor else ''}:{key}"
    return base64.urlsafe_b64encode(salted_hmac("connect link", of, algorithm="sha256").digest()).decode().rstrip("=")


def _stored(invitation: Invitation, actor: User | None, secret: str) -> Session:
    connection = invitation.connection
    provider = connection.provider if connection else invitation.provider
    try:
        with transaction.atomic():
            return Session.objects.create(
                kind=SessionKind.RECONNECT if connection else SessionKind.FIRST,
                connection=connection,
                provider=provider,
                is_provider_fixed=bool(provider),
                products=list(invitation.products),
                config=dict(invitation.config),
                destination=connection.destination if connection else invitation.destination,
                end_user_name=invitation.end_user_name,
                end_user_email=invitation.end_user_email,
                reference=invitation.reference,
                return_url=invitation.return_url,
                expires_at=invitation.expires_at,
                link_hash=hash_of(secret),
                created_by=actor,
            )
    except IntegrityError:
        known = find(secret)
        if known is None:
            raise
        raise LinkMadeError(known, secret) from None


@transaction.atomic
def _told(session: Session, actor: User | None, *, is_sent: bool) -> Session:
    """Record who made the link and how it went out. It was made when it was stored, however long sending took."""
    detail = {"by": actor.get_username() if actor else "", "sent": "email" if is_sent else "copied"}
    _act("link.created", session, actor, _note(session))
    if is_sent:
        _act("link.sent", session, actor, f"Session {session.pk}")
    return record(session, NewEvent(EventName.LINK_CREATED, occurred_at=session.created_at, detail=detail))


@transaction.atomic
def withdraw(*, session: Session, actor: User | None) -> Session:
    """End a link that nobody has used, at once. Raises `LinkGoneError`."""
    now = timezone.now()
    unused = _unused(now).filter(pk=session.pk)
    if unused.update(expires_at=now) != 1:
        raise LinkGoneError
    _act("link.withdrawn", session, actor, f"Session {session.pk}")
    detail = {"by": actor.get_username() if actor else ""}
    ended = NewEvent(EventName.SESSION_EXPIRED, occurred_at=now, exit_reason=WITHDRAWN, detail=detail)
    return record(session, ended, now=now)


def _act(action: str, session: Session, actor: User | None, note: str) -> None:
    activity.record(action, actor=actor, connection=session.connection, subject=str(session), note=note)


def _note(session: Session) -> str:
    whose = f"For {session.end_user_name}. " if session.connection and session.end_user_name else ""
    return f"{whose}It works until {session.expires_at:%Y-%m-%d %H:%M} UTC. Session {session.pk}"


def _unused(now: datetime) -> QuerySet[Session]:
    """The sessions whose links wait for their person.

    The status counts beside the time: of two who come at the same moment, each by his own clock, one is later.
    """
    waiting = Session.objects.filter(status=SessionStatus.CREATED, redeemed_at=None, expires_at__gt=now)
    return waiting.filter(link_hash__isnull=False)


def is_unused(session: Session) -> bool:
    """Whether the session's link waits for its person."""
    is_waiting = session.status == SessionStatus.CREATED and session.redeemed_at is None
    return is_waiting and session.origin == Origin.HOSTED and session.expires_at > timezone.now()


def was_withdrawn(session: Session) -> bool:
    """Whether an operator ended the session's link before its time."""
    return session.events.filter(name=EventName.SESSION_EXPIRED, exit_reason=WITHDRAWN).exists()


def find(secret: str) -> Session | None:
    """Return the session of a link, or None where there is none. Changes nothing."""
    return Session.objects.filter(link_hash=hash_of(secret)).first()


def new_visit_secret() -> str:
    """Draw what a browser holds once it is shown the link, so that a second press finds what the first one did."""
    return secrets.token_urlsafe(_BYTES)


def redeem(secret: str, *, visit: str = "", detail: Mapping[str, Any] | None = None) -> Visit:
    """Exchange a link for a visit, once. `detail` tells of the browser, in words.

    `visit` is what the browser holds already, of `new_visit_secret`; anything else is replaced by a new one. Raises
    `Session.DoesNotExist`, `LinkExpiredError`, `LinkUsedError`.
    """
    now = timezone.now()
    visit = visit if _SECRET.fullmatch(visit) else new_visit_secret()
    waiting = _unused(now).filter(link_hash=hash_of(secret))
    with transaction.atomic():
        if waiting.update(redeemed_at=now, visit_hash=hash_of(visit)) == 1:
            session = Session.objects.get(link_hash=hash_of(secret))
            clicked = NewEvent(EventName.LINK_CLICKED, occurred_at=now, detail=dict(detail or {}))
            opened = NewEvent(EventName.SESSION_OPENED, occurred_at=now + timedelta(microseconds=1))
            return Visit(record(session, clicked, opened, now=now), visit)
    session = Session.objects.get(link_hash=hash_of(secret))
    raise LinkUsedError(session) if session.redeemed_at else LinkExpiredError(session)


def visited(session_id: Any, secret: str) -> Session | None:
    """Return the session that a browser's secret opens while it can go on, else None.

    One that is completed is returned too, for its last page.
    """
    open_since = timezone.now() - VISIT
    found = Session.objects.filter(
        pk=session_id,
        visit_hash=hash_of(secret),
        redeemed_at__gt=open_since,
        status__in=[*RESUMABLE, SessionStatus.COMPLETED],
    )
    return found.select_related("connection", "destination").first()


def was_visited(session_id: Any, secret: str) -> bool:
    """Whether a browser's secret opened the session once, also where that is over by now."""
    return Session.objects.filter(pk=session_id, visit_hash=hash_of(secret)).exists()


def hash_of(secret: str) -> bytes:
    """Return the SHA-256 that is stored of a secret of 256 random bits; a slow hash would add nothing to those."""
    return hashlib.sha256(secret.encode()).digest()
