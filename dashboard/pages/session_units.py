"""The events of a session as units of its story: what belongs together is one, and what repeats is folded.

A page that was left and come back to is one unit; a refusal takes in what was sent before it and the form that was
shown again after it. Units that repeat without anything between them become one with all their times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from sessions_log.events import REFUSALS, SILENT, EventName
from sessions_log.models import SessionEvent
from sessions_log.order import Placed
from sessions_log.stages import Stage
from sessions_log.story import SILENCE, under_stages

_E = EventName
# What follows within this is the page's answer, not another step of the person.
_AT_ONCE = timedelta(seconds=5)
_SENT = frozenset({_E.CREDENTIALS_SUBMITTED, _E.MFA_SUBMITTED, _E.FILE_SUBMITTED})
_ANSWERS = frozenset({*REFUSALS, _E.LOGIN_SUCCEEDED, _E.FILE_ACCEPTED})


@dataclass(slots=True)
class Unit:
    """One thing that happened: its event, the stage it is told under, the provider chosen then.

    `back` is the return to a page that was left, and `is_return` says that it is one.
    """

    stage: Stage
    event: SessionEvent
    at: datetime
    provider: str
    back: Unit | None = None
    is_return: bool = False

    @property
    def name(self) -> str:
        """The event's name."""
        return self.event.name

    @property
    def end(self) -> datetime:
        """When it was over."""
        return self.back.at if self.back else self.at

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same as another one."""
        return self.stage, self.event.name, self.event.error_code, self.provider, str(self.event.detail.get("file", ""))


@dataclass(slots=True)
class Fold:
    """The same unit once or several times in a row."""

    units: list[Unit] = field(default_factory=list)

    @property
    def first(self) -> Unit:
        """The first one."""
        return self.units[0]

    @property
    def last(self) -> Unit:
        """The last one."""
        return self.units[-1]

    @property
    def count(self) -> int:
        """How often it happened."""
        return len(self.units)

    @property
    def span(self) -> timedelta:
        """The time from the first one to the last one."""
        return self.last.at - self.first.at


def folds_of(placed: Sequence[Placed], provider: str = "") -> list[Fold]:
    """Return what ordered events say, folded; `provider` is the one that was fixed before."""
    units = _joined(_units(placed, provider))
    return list(_folded(units))


def _units(placed: Sequence[Placed], provider: str) -> Iterator[Unit]:
    last: datetime | None = None
    for stage, one in under_stages(placed):
        name = one.event.name
        if name == _E.SESSION_ABANDONED and last and one.at - last < SILENCE:
            # Something came in late: nobody was silent then, and the story does not say so either.
            continue
        if name not in SILENT:
            last = one.at
        provider = one.event.provider or provider
        yield Unit(stage, one.event, one.at, provider)


def _joined(units: Iterable[Unit]) -> list[Unit]:
    """Take away what its neighbour says already."""
    kept: list[Unit] = []
    for unit in units:
        before = kept[-1] if kept else None
        if before is None:
            kept.append(unit)
        elif before.name in _SENT and unit.name in _ANSWERS:
            kept[-1] = unit
        elif not _is_said(before, unit):
            kept.append(unit)
    return kept


def _is_said(before: Unit, unit: Unit) -> bool:
    """Whether a unit is the page's answer to the one before it: the form again, the error that it was refused with."""
    if before.name == _E.LINK_CLICKED and unit.name == _E.SESSION_OPENED:
        return True
    if before.name == _E.ENTITY_LISTED and unit.name == _E.PAGE_VIEWED:
        return unit.at - before.at <= _AT_ONCE
    if before.name not in REFUSALS or unit.at - before.at > _AT_ONCE:
        return False
    if unit.name == _E.ERROR_SHOWN:
        return unit.event.error_code in {"", before.event.error_code}
    return unit.name == _E.PAGE_VIEWED and unit.stage == before.stage


def _folded(units: Sequence[Unit]) -> Iterator[Fold]:
    """Give what repeats as one. A page that was left once and seen again stays two: each may be followed by a gap."""
    for key, group in groupby(_with_returns(units), key=lambda unit: unit.key):
        found = list(group)
        if len(found) == 1 and key[1] == _E.PAGE_EXITED and found[0].back:
            yield from (Fold([one]) for one in _apart(found[0]))
        else:
            yield Fold(found)


def _with_returns(units: Sequence[Unit]) -> Iterator[Unit]:
    """Join each page that was left with its return."""
    waiting: Unit | None = None
    for unit in units:
        if waiting and unit.name == _E.PAGE_VIEWED and unit.stage == waiting.stage:
            yield replace(waiting, back=replace(unit, is_return=True))
            waiting = None
            continue
        if waiting:
            yield waiting
        waiting = unit if unit.name == _E.PAGE_EXITED else None
        if waiting is None:
            yield unit
    if waiting:
        yield waiting


def _apart(unit: Unit) -> Iterator[Unit]:
    yield replace(unit, back=None)
    if unit.back:
        yield unit.back
