"""Takes what somebody's own front end tells of its connect flow: sessions on first sight, and their events.

Events may come in any order, several times, and by a clock that is wrong: the id removes duplicates, `sent_at` says how
wrong the clock is, and the story is told anew from all events (`sessions_log.order`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.models import Connection
from connectors.providers import registry as providers
from sessions_log.events import OF_SERVER
from sessions_log.models import Origin, Session, SessionEvent, SessionKind
from sessions_log.services.links import VISIT
from sessions_log.services.record import MOST_EVENTS, NewEvent, record_all

# How far the id of a session, or the time of an event beside its sending, may lie ahead.
_AHEAD = timedelta(days=1)
_UUID7 = 7
_TIME_BITS = 80
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that the front end began. `connection` is set to mend that one."""

    id: UUID
    kind: str = ""
    provider: str = ""
    connection: UUID | None = None
    end_user_name: str = ""
    end_user_email: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event and the session that it belongs to."""

    session: UUID
    event: NewEvent

    @property
    def id(self) -> UUID:
        """The teller's own id, which every event that is told has."""
        if self.event.id is None:
            message = "An event that is told has an id."
            raise ValueError(message)
        return self.event.id


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not taken: its place in the call, its id, and why."""

    place: str
    id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a call. Duplicates were taken before, and count for nothing."""

    accepted: int = 0
    duplicates: int = 0
    sessions_created: int = 0
    refused: list[Refusal] = field(default_factory=list)


@transaction.atomic
def ingest(
    *, sessions: Sequence[NewSession], events: Sequence[ToldEvent], sent_at: datetime, now: datetime | None = None
) -> Received:
    """Store the sessions that are new and the events that are, and return what became of each."""
    now = now or timezone.now()
    refused = list(_unfit_sessions(sessions, now))
    unfit = {refusal.id for refusal in refused}
    created = _create([one for one in sessions if one.id not in unfit], now)
    # Where the session itself was refused that says enough; its events are not told of one by one.
    told = [(place, one) for place, one in enumerate(events) if one.session not in unfit]
    known = _locked({one.session for _, one in told})
    reasons = [(place, one, _reason(one, known, sent_at)) for place, one in told]
    refused += [Refusal(f"events[{place}]{why[0]}", one.id, why[1]) for place, one, why in reasons if why]
    fit = [(place, one) for place, one, why in reasons if not why]
    fresh = _unknown([one for _, one in fit])
    duplicates = len(fit) - len(fresh)
    full = _full(fresh, known)
    refused += [
        Refusal(f"events[{place}].session", one.id, f"The session has {MOST_EVENTS} events, and no more are taken.")
        for place, one in fit
        if one.session in full and one.id in fresh
    ]
    taken: dict[UUID, list[NewEvent]] = defaultdict(list)
    for one in fresh.values():
        if one.session not in full:
            taken[one.session].append(one.event)
    if taken:
        offset = (now - sent_at) // _MILLISECOND
        record_all(taken, offsets=dict.fromkeys(taken, offset), now=now)
    return Received(sum(map(len, taken.values())), duplicates, created, refused)


def _unfit_sessions(sessions: Sequence[NewSession], now: datetime) -> Iterator[Refusal]:
    asked = {one.connection for one in sessions if one.connection}
    kept = set(Connection.objects.filter(pk__in=asked).values_list("pk", flat=True)) if asked else set()
    kinds = _providers()
    for place, one in enumerate(sessions):
        why = _unfit(one, kept, kinds, now)
        if why:
            yield Refusal(f"sessions[{place}]{why[0]}", one.id, why[1])


def _unfit(
    one: NewSession, connections: Collection[UUID], kinds: Collection[str], now: datetime
) -> tuple[str, str] | None:
    """Return the field and the reason for which a session is not taken."""
    if one.id.version != _UUID7 or not _is_of_our_time(one.id, now):
        days = settings.PATCHBAY_SESSION_DAYS
        return ".id", f"A session's id is a UUIDv7 (RFC 9562) whose time lies in the last {days} days."
    if one.provider and one.provider not in kinds:
        return ".provider", "There is no provider of this kind."
    if one.connection and one.connection not in connections:
        return ".connection", "There is no connection with this ID."
    return None


def _is_of_our_time(session_id: UUID, now: datetime) -> bool:
    made = session_id.int >> _TIME_BITS
    oldest = now - timedelta(days=settings.PATCHBAY_SESSION_DAYS)
    return oldest.timestamp() * 1000 <= made <= (now + _AHEAD).timestamp() * 1000


def _create(sessions: Sequence[NewSession], now: datetime) -> int:
    """Store the sessions that are new, and return how many. What is known of one already stays."""
    wanted = {one.id: one for one in sessions}
    known = set(Session.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    connections = Connection.objects.only("provider").in_bulk(
        [one.connection for one in wanted.values() if one.connection]
    )
    made = []
    # Always in the same order, so that two calls cannot wait for each other.
    for pk in sorted(wanted.keys() - known):
        one = wanted[pk]
        connection = connections.get(one.connection) if one.connection else None
        made.append(
            Session(
                id=pk,
                origin=Origin.EMBEDDED,
                kind=one.kind or (SessionKind.RECONNECT if connection else SessionKind.FIRST),
                connection=connection,
                provider=one.provider or (connection.provider if connection else ""),
                end_user_name=one.end_user_name,
                end_user_email=one.end_user_email,
                reference=one.reference,
                expires_at=now + VISIT,
            )
        )
    Session.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _locked(ids: Collection[UUID]) -> dict[UUID, Session]:
    """Lock the sessions and return what decides whether they take events."""
    found = Session.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {one.pk: one for one in found.only("pk", "origin", "event_count")}


def _reason(told: ToldEvent, known: dict[UUID, Session], sent_at: datetime) -> tuple[str, str] | None:
    """Return the field and the reason for which an event is not taken."""
    session = known.get(told.session)
    if session is None:
        return ".session", "No session has this id. Name it in sessions of the same call, or of an earlier one."
    if session.origin != Origin.EMBEDDED:
        return ".session", "This session takes place on Patchbay's own pages, which alone tell of it."
    return _unfit_event(told.event, sent_at)


def _unfit_event(event: NewEvent, sent_at: datetime) -> tuple[str, str] | None:
    if event.name in OF_SERVER:
        return ".name", f"Patchbay itself finds out {event.name}, and nobody else says so."
    if event.error_code and event.error_code not in REGISTRY:
        return ".error_code", "There is no such code. The registry of error codes lists them all."
    if event.provider and event.provider not in _providers():
        return ".provider", "There is no provider of this kind."
    oldest = sent_at - timedelta(days=settings.PATCHBAY_SESSION_DAYS)
    if event.occurred_at and not oldest <= event.occurred_at <= sent_at + _AHEAD:
        return ".occurred_at", "By the clock of sent_at this is in the future, or longer ago than sessions are kept."
    return None


def _unknown(told: Sequence[ToldEvent]) -> dict[UUID, ToldEvent]:
    """Return the events that nobody told before, each once."""
    first = {one.id: one for one in reversed(told)}
    known = set(SessionEvent.objects.filter(pk__in=first).values_list("pk", flat=True))
    return {pk: one for pk, one in first.items() if pk not in known}


def _full(fresh: dict[UUID, ToldEvent], known: dict[UUID, Session]) -> set[UUID]:
    """Return the sessions that would have more events than one may have."""
    more: dict[UUID, int] = defaultdict(int)
    for one in fresh.values():
        more[one.session] += 1
    return {pk for pk, count in more.items() if known[pk].event_count + count > MOST_EVENTS}


def _providers() -> frozenset[str]:
    return frozenset(one.kind for one in providers.all_manifests())
