"""Sessions that came as far as a test wants, told through the real services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from connectors.ids import first_id_at, new_id
from sessions_log.events import EventName
from sessions_log.models import Session, SessionStatus
from sessions_log.services.record import NewEvent, record
from sessions_log.stages import STAGES, Stage, number_of

_E = EventName
# What leads to each stage, and after how many seconds at the one before.
_WAY: tuple[tuple[Stage, int, EventName], ...] = (
    (Stage.OPENED, 0, _E.SESSION_OPENED),
    (Stage.TERMS, 2, _E.PAGE_VIEWED),
    (Stage.PROVIDER_SELECTION, 20, _E.TERMS_ACCEPTED),
    (Stage.AUTHENTICATION, 10, _E.PROVIDER_SELECTED),
    (Stage.MFA, 40, _E.MFA_REQUESTED),
    (Stage.ENTITY_SELECTION, 30, _E.LOGIN_SUCCEEDED),
    (Stage.VERIFICATION, 15, _E.ENTITY_SELECTED),
    (Stage.CONNECTED, 8, _E.SESSION_COMPLETED),
)
_ENDS = {
    SessionStatus.EXITED: _E.SESSION_EXITED,
    SessionStatus.ABANDONED: _E.SESSION_ABANDONED,
    SessionStatus.EXPIRED: _E.SESSION_EXPIRED,
}


def walk(to: Stage, at: datetime, *, provider: str = "postgres", mfa: bool = True, **values: Any) -> Session:
    """A session made at `at` whose person came to a stage and left there; `end` says how, None that he is there."""
    end = values.pop("end", SessionStatus.EXPIRED if to == Stage.INVITED else SessionStatus.EXITED)
    extra: list[NewEvent] = values.pop("extra", [])
    session = Session.objects.create(
        pk=_id_at(at), provider="", expires_at=at + timedelta(hours=24), changed_at=at, **values
    )
    events = list(_events(to, at, provider, mfa=mfa))
    last = (events[-1].occurred_at or at) if events else at
    if end and to != Stage.CONNECTED:
        extra = [*extra, NewEvent(_ENDS[end], occurred_at=last + timedelta(minutes=20))]
    return record(session, NewEvent(_E.LINK_CREATED, occurred_at=at), *events, *extra, now=last + timedelta(minutes=21))


def _events(to: Stage, at: datetime, provider: str, *, mfa: bool) -> Iterator[NewEvent]:
    moment = at
    for stage, seconds, name in _WAY:
        if number_of(stage) > number_of(to):
            return
        moment += timedelta(seconds=seconds)
        if stage == Stage.MFA and not mfa:
            continue
        if name == _E.LOGIN_SUCCEEDED and mfa:
            yield NewEvent(_E.MFA_SUBMITTED, occurred_at=moment - timedelta(seconds=1))
        yield NewEvent(
            name,
            occurred_at=moment,
            stage=stage if name == _E.PAGE_VIEWED else "",
            provider=provider if name == _E.PROVIDER_SELECTED else "",
        )


def walk_everywhere(at: datetime, **values: Any) -> list[Session]:
    """One session that ended at each stage, the last of them connected."""
    return [walk(stage, at, **values) for stage in STAGES]


def _id_at(at: datetime) -> UUID:
    return UUID(int=first_id_at(at).int | (new_id().int & ((1 << 62) - 1)))
