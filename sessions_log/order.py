"""The order in which events happened, whatever order they came in and whatever the clocks of the devices say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sessions_log.events import Source
from sessions_log.models import SessionEvent

_RANK = {Source.SERVER: 0, Source.API: 1, Source.BROWSER: 2}


@dataclass(frozen=True, slots=True)
class Placed:
    """An event, and when it happened by our clock."""

    event: SessionEvent
    at: datetime


def ordered(events: Iterable[SessionEvent], clock_offset_ms: int | None = None) -> list[Placed]:
    """Return the events in the order in which they happened, each once.

    What our server saw has its time. What a device told has its own clock's, to which `clock_offset_ms` is added, and
    never a time after the one at which we received it; where it counts what it tells, that count decides among its own
    events. So the result depends on what the events say, and not on how they came.
    """
    known = {event.pk: event for event in events}
    told = [event for event in known.values() if event.source != Source.SERVER]
    placed = [Placed(event, event.occurred_at) for event in known.values() if event.source == Source.SERVER]
    offset = timedelta(milliseconds=clock_offset_ms or 0)
    for source in (Source.API, Source.BROWSER):
        placed += _corrected([event for event in told if event.source == source], offset)
    return sorted(placed, key=_place)


def _corrected(told: list[SessionEvent], offset: timedelta) -> list[Placed]:
    """Return what one device told, with its times set right and never running backwards against its own count."""
    counted = sorted(told, key=lambda event: (event.sequence is None, event.sequence or 0, event.occurred_at, event.pk))
    placed: list[Placed] = []
    latest: datetime | None = None
    for event in counted:
        at = min(event.occurred_at + offset, event.received_at)
        if event.sequence is not None:
            latest = at = max(at, latest) if latest else at
        placed.append(Placed(event, at))
    return placed


def _place(placed: Placed) -> tuple[datetime, int, int, str]:
    event = placed.event
    return placed.at, _RANK[Source(event.source)], event.sequence or 0, str(event.pk)
