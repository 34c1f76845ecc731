"""A session in one sentence: “Opened the link, left the terms six times in two minutes, came back, was refused three
times, then silence.”
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from dashboard.formatting import duration
from dashboard.pages.session_units import Fold
from dashboard.pages.session_words import PLACES, provider_name
from dashboard.pages.spoken import spoken, times
from sessions_log.events import EventName
from sessions_log.models import SessionStatus
from sessions_log.story import SILENCE, Story

_E = EventName
# A longer sentence is none; its middle is left out, which stands below anyway.
_MOST = 9
_KEPT = 4
_DELIVERED = "delivered a file"
_PLAIN = {
    _E.TERMS_DECLINED: "declined the terms",
    _E.LOGIN_SUCCEEDED: "signed in",
    _E.FILE_ACCEPTED: _DELIVERED,
}
_REPEATED = {
    _E.LOGIN_FAILED: "was refused",
    _E.MFA_FAILED: "had the code refused",
    _E.FILE_REFUSED: "had a file refused",
    _E.OAUTH_FAILED: "came back from the provider without a sign-in",
    _E.PERMISSIONS_MISSING: "lacked a permission",
    _E.HELP_OPENED: "opened help",
}


def sentence_of(story: Story, folds: Sequence[Fold]) -> str:
    """Return the whole story of a session in a sentence."""
    if story.status == SessionStatus.CREATED:
        return "The link has not been opened yet."
    if story.opened_at is None:
        return "The link was never opened."
    clauses = ["opened the link" if story.counts[_E.LINK_CLICKED] else "began"]
    clauses += _counted(_clauses(folds))
    if len(clauses) > _MOST:
        clauses = [*clauses[:_KEPT], "and so on", *clauses[-_KEPT:]]
    told = ", ".join([*clauses, _end(story)])
    return f"{told[:1].upper()}{told[1:]}."


def _counted(clauses: Iterable[str]) -> Iterator[str]:
    """Give the clauses; files that were delivered one after the other are counted."""
    for clause, same in groupby(clauses):
        count = len(list(same))
        if clause == _DELIVERED and count > 1:
            yield f"delivered {count} files"
        else:
            yield from [clause] * count


def _clauses(folds: Sequence[Fold]) -> Iterator[str]:
    chosen = ""
    was_away = False
    for place, fold in enumerate(folds):
        unit, before = fold.first, folds[place - 1].last if place else None
        passed = unit.at - before.end if before else None
        if passed and passed >= SILENCE and before and before.name != _E.LINK_CREATED and unit.name not in _SILENT:
            away = passed + SILENCE if before.name == _E.SESSION_ABANDONED else passed
            yield f"came back after {spoken(away)}"
            was_away = False
        elif was_away and unit.name not in _SILENT:
            yield "came back"
            was_away = False
        if unit.name == _E.PAGE_EXITED:
            span = f" in {spoken(fold.span)}" if fold.count > 1 else ""
            often = f" {times(fold.count)}" if fold.count > 1 else ""
            yield f"left {PLACES[unit.stage]}{often}{span}"
            was_away = True
        elif unit.name == _E.PROVIDER_SELECTED:
            if unit.event.provider != chosen:
                yield f"{'changed to' if chosen else 'chose'} {provider_name(unit.event.provider)}"
            chosen = unit.event.provider
        elif unit.name == _E.PROVIDER_SEARCHED and unit.event.detail.get("found") == 0:
            yield "searched for a provider that we do not have"
        elif unit.name in _REPEATED:
            often = f" {times(fold.count)}" if fold.count > 1 else ""
            yield f"{_REPEATED[EventName(unit.name)]}{often}"
        elif unit.name in _PLAIN:
            yield _PLAIN[EventName(unit.name)]


_SILENT = frozenset({_E.SESSION_ABANDONED, _E.SESSION_EXPIRED})


def _end(story: Story) -> str:
    if story.status == SessionStatus.COMPLETED:
        return f"and connected in {duration(story.took)}" if story.took else "and connected"
    return {
        SessionStatus.ABANDONED: "then silence",
        SessionStatus.EXITED: "then left on purpose",
        SessionStatus.FAILED: "and could go no further",
        SessionStatus.EXPIRED: "and ran out of time",
    }.get(story.status, f"and is at {PLACES[story.stage]} now")
