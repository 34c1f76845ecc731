"""`POST session-events`: what somebody's own front end tells of its connect flow, many events at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.security import HttpBearer
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from sessions_log.events import EventName, Source
from sessions_log.models import MOST_WORDS, IngestKey
from sessions_log.services.ingest import NewSession, ToldEvent, ingest
from sessions_log.services.ingest_keys import enter
from sessions_log.services.record import NewEvent
from sessions_log.stages import Stage

MOST_AT_ONCE = 1000
_MOST_BIG = 2**63 - 1
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


def _storable(text: str) -> str:
    if "\0" in text:
        kind, words = "not_storable", "A text holds no NUL"
        raise PydanticCustomError(kind, words)
    return text


def _possible(moment: datetime) -> datetime:
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        kind, words = "no_time", "A time lies between 1970 and 2200"
        raise PydanticCustomError(kind, words)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_possible)]
# A name of the front end's own, such as that of a page: a word or two that somebody typed is none.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_./-]{0,40}$")]
Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(_storable)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndUserIn(_Strict):
    """Who goes through the flow."""

    name: Text = ""
    email: Annotated[str, StringConstraints(pattern=r"^([^@\s\x00]+@[^@\s\x00]+)?$", max_length=254)] = ""


class SessionIn(_Strict):
    """A session of the front end; it is made when it is named first, and what is known stays."""

    id: UUID
    kind: Literal["first", "reconnect"] | None = None
    provider: Name = ""
    connection: UUID | None = None
    end_user: EndUserIn = EndUserIn()
    reference: Text = ""


class EventIn(_Strict):
    """One thing that happened. There is no field for what was typed."""

    id: UUID
    session: UUID
    name: EventName
    occurred_at: Moment
    sequence: Annotated[int, Field(ge=0, le=_MOST_BIG)] | None = None
    stage: Stage | None = None
    page: Name = ""
    provider: Name = ""
    error_code: Name = ""
    words: Annotated[str, StringConstraints(max_length=MOST_WORDS), AfterValidator(_storable)] = ""
    exit_reason: Name = ""


class BatchIn(_Strict):
    """One call. `sent_at` is the time of its sending by the clock that the events' times are of."""

    sent_at: Moment
    sessions: Annotated[list[SessionIn], Field(max_length=MOST_AT_ONCE, default_factory=list)]
    events: Annotated[list[EventIn], Field(max_length=MOST_AT_ONCE, default_factory=list)]


class RefusalOut(Schema):
    """What was not taken, and why."""

    place: str
    id: UUID
    reason: str


class ReceivedOut(Schema):
    """What became of a call."""

    accepted: int
    duplicates: int
    sessions_created: int
    refused: list[RefusalOut]


class _IngestAuth(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> IngestKey | None:
        """Return the key that lets the call in. Raises `TooManyCallsError`."""
        del request
        return enter(token)


router = Router(auth=_IngestAuth())


@router.post("session-events", response=ReceivedOut)
def session_events(request: HttpRequest, batch: BatchIn) -> Any:
    """Store what is new, and say what was not taken and why."""
    del request
    return ingest(
        sessions=[_session(one) for one in batch.sessions],
        events=[ToldEvent(one.session, _event(one)) for one in batch.events],
        sent_at=batch.sent_at,
    )


def _session(one: SessionIn) -> NewSession:
    return NewSession(
        id=one.id,
        kind=one.kind or "",
        provider=one.provider,
        connection=one.connection,
        end_user_name=one.end_user.name,
        end_user_email=one.end_user.email,
        reference=one.reference,
    )


def _event(one: EventIn) -> NewEvent:
    return NewEvent(
        one.name,
        stage=one.stage or "",
        page=one.page,
        provider=one.provider,
        error_code=one.error_code,
        words=one.words,
        exit_reason=one.exit_reason,
        source=Source.API,
        occurred_at=one.occurred_at,
        sequence=one.sequence,
        id=one.id,
    )
