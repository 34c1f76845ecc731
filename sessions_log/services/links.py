"""Connect links: made once, shown once, exchanged once.

A link holds 256 random bits, of which only the SHA-256 is stored (RELIABILITY: connect links). To look at a link
changes nothing, whoever does it: mail scanners open every link of a message. The person's press exchanges it, in one
conditional update, for a visit: another 256 bits, which his browser alone holds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.models import Connection, Destination
from sessions_log.events import EventName
from sessions_log.models import RESUMABLE, Session, SessionKind, SessionStatus
from sessions_log.services.record import NewEvent, record

_BYTES = 32
# How long somebody may come back to a session that he began, whatever his link's time was.
VISIT = timedelta(hours=24)


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


@transaction.atomic
def create_link(*, invitation: Invitation, actor: User | None) -> tuple[Session, str]:
    """Store a session that waits for its person, and return it with the link's secret, which nobody can read again."""
    secret = secrets.token_urlsafe(_BYTES)
    connection = invitation.connection
    provider = connection.provider if connection else invitation.provider
    session = Session.objects.create(
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
    return record(session, NewEvent(EventName.LINK_CREATED)), secret


def find(secret: str) -> Session | None:
    """Return the session of a link, or None where there is none. Changes nothing."""
    return Session.objects.filter(link_hash=hash_of(secret)).first()


def redeem(secret: str, *, detail: Mapping[str, Any] | None = None) -> Visit:
    """Exchange a link for a visit, once. `detail` tells of the browser, in words.

    Raises `Session.DoesNotExist`, `LinkExpiredError`, `LinkUsedError`.
    """
    now = timezone.now()
    visit = secrets.token_urlsafe(_BYTES)
    waiting = Session.objects.filter(link_hash=hash_of(secret), redeemed_at=None, expires_at__gt=now)
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


def hash_of(secret: str) -> bytes:
    """Return the SHA-256 that is stored of a secret of 256 random bits; a slow hash would add nothing to those."""
    return hashlib.sha256(secret.encode()).digest()
