"""A front end of somebody's own, which tells what many made-up people do, by a clock that is wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from connectors.ids import first_id_at
from sessions_log.models import Session, SessionEvent
from sessions_log.order import ordered
from sessions_log.story import story_of, under_stages

_PROVIDERS = ("postgres", "sandbox_payroll")


class Teller:
    """Draws sessions of some thirty events each: people leave the terms, are refused, change their mind, connect.

    `begin` is when the first of them began, by the true clock, and `ahead` how far that of the teller is wrong. All of
    them lie in the past, however many there are.
    """

    def __init__(self, chance: random.Random, *, sessions: int, ahead: timedelta) -> None:
        """Draw everything at once."""
        self._chance, self._ahead = chance, ahead
        now = datetime.now(UTC)
        self.begin = now - timedelta(minutes=10) - timedelta(minutes=1) * sessions
        self.sessions: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        for number in range(sessions):
            at = self.begin + timedelta(minutes=1) * number
            pk = self._id(at)
            self.sessions.append({"id": str(pk), "reference": f"customer-{number}"})
            self.events += self._told(pk, at)
        self.events.sort(key=lambda one: str(one["occurred_at"]))

    def call(self, events: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
        """Return the body of a call that tells some events, with the sessions that they belong to."""
        mine = {one["session"] for one in events}
        sent_at = (now + self._ahead).isoformat()
        return {"sent_at": sent_at, "sessions": [one for one in self.sessions if one["id"] in mine], "events": events}

    def _id(self, at: datetime) -> UUID:
        return UUID(int=first_id_at(at).int | self._chance.getrandbits(62))

    def _told(self, session: UUID, at: datetime) -> Iterator[dict[str, Any]]:
        for sequence, (name, values) in enumerate(self._happened()):
            # Two of one millisecond now and then: the count alone says which was first.
            at += timedelta(milliseconds=self._chance.choice((0, 1, 400, 3000, 9000)))
            yield {
                "id": str(UUID(int=self._chance.getrandbits(128), version=4)),
                "session": str(session),
                "name": name,
                "occurred_at": (at + self._ahead).isoformat(),
                "sequence": sequence,
                **values,
            }

    def _happened(self) -> Iterator[tuple[str, dict[str, Any]]]:
        chance = self._chance
        yield "session.opened", {}
        for _ in range(chance.randrange(7)):
            yield "page.viewed", {"stage": "terms", "page": "terms"}
            yield "page.exited", {"stage": "terms", "page": "terms"}
        yield "page.viewed", {"stage": "terms", "page": "terms"}
        yield "terms.accepted", {}
        for _ in range(chance.randrange(1, 4)):
            yield "page.viewed", {"stage": "provider_selection", "page": "providers"}
            yield "provider.selected", {"provider": chance.choice(_PROVIDERS)}
        for _ in range(chance.randrange(5)):
            yield "page.viewed", {"stage": "authentication", "page": "sign-in"}
            yield "credentials.submitted", {}
            yield "login.failed", {"error_code": "invalid_credentials", "words": "Name or password is wrong."}
        if chance.random() < 0.4:
            yield "help.opened", {"stage": "authentication"}
            yield "session.exited", {"exit_reason": "cancelled"}
            return
        yield "credentials.submitted", {}
        yield "mfa.requested", {}
        for _ in range(chance.randrange(3)):
            yield "mfa.submitted", {}
            yield "mfa.failed", {"error_code": "mfa_failed", "words": "The code is wrong."}
        yield "mfa.submitted", {}
        yield "login.succeeded", {}
        yield "entity.listed", {}
        yield "entity.selected", {}
        yield "permissions.verified", {}
        yield "session.completed", {}


def in_batches(told: Sequence[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    """Cut events into batches, in their order."""
    return [list(told[start : start + size]) for start in range(0, len(told), size)]


def shuffled(told: Sequence[dict[str, Any]], chance: random.Random, size: int) -> list[list[dict[str, Any]]]:
    """Cut events into batches in any order, a third of them twice."""
    twice = [*told, *chance.sample(told, len(told) // 3)]
    chance.shuffle(twice)
    return in_batches(twice, size)


def told_now() -> tuple[dict[UUID, Any], list[tuple[Any, ...]]]:
    """Return all that timelines show, and the facts of all sessions.

    Times are those since a session's begin: the begin itself is as exact as the clock is known.
    """
    events: dict[UUID, list[SessionEvent]] = {}
    for one in SessionEvent.objects.order_by("received_at", "pk"):
        events.setdefault(one.session_id, []).append(one)
    offsets = dict(Session.objects.values_list("pk", "clock_offset_ms"))
    names = ("pk", "status", "stage", "furthest", "provider", "took_ms", "stage_ms", "findings", "event_count")
    timelines = {pk: _timeline(some, offsets[pk]) for pk, some in events.items()}
    return timelines, list(Session.objects.order_by("pk").values_list(*names))


def _timeline(events: Sequence[SessionEvent], offset: int | None) -> Any:
    placed = ordered(events, offset)
    told = [(stage, one.event.name, one.event.words, one.at - placed[0].at) for stage, one in under_stages(placed)]
    whole = story_of(placed)
    stages = [(one.stage, one.took, one.exits, one.returns, one.refusals) for one in whole.stages.values()]
    return told, whole.status, whole.furthest, whole.took, whole.longest_away, stages, whole.providers
