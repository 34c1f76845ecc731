"""The list of all sessions: one page of it, newest first, by key, with the counts of its period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from dashboard.formatting import percent
from dashboard.forms.session_criteria import PERIODS, SessionCriteria, midnight, period_start
from dashboard.forms.session_list import SessionFilterForm
from dashboard.pages.chips import Chip
from dashboard.pages.patience import TooLateError, patience
from dashboard.pages.session_filters import chips_of, matching
from dashboard.pages.session_rows import ListedSession, row_of
from dashboard.pages.session_words import STATUS_NOTES, finding_label, provider_name
from sessions_log.counts import counts_since
from sessions_log.funnel import Finding
from sessions_log.models import LEFT, Session, SessionStatus

SESSIONS_PER_PAGE = 50
# Seconds between two looks at the newest page: what one person does another one sees within five.
_POLL = 4
_CARDS = (SessionStatus.COMPLETED, SessionStatus.ABANDONED, SessionStatus.EXITED, SessionStatus.FAILED)
_MOST_FINDINGS = 4
TOO_LATE = (
    "Looking for these sessions took longer than two seconds, so none is shown. A shorter time or fewer filters help."
)


@dataclass(frozen=True, slots=True)
class Card:
    """How many sessions of the period have a status: its address is the list with that filter, or without it."""

    status: str
    count: int
    note: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class FindingCard:
    """A finding of the period, in how many sessions, and what more is to say of those."""

    label: str
    count: int
    note: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What the period's sessions have in common."""

    cards: tuple[Card, ...]
    findings: tuple[FindingCard, ...]


@dataclass(frozen=True, slots=True)
class SessionList:
    """The whole page. `seconds` is 0 on older pages, which do not renew themselves."""

    rows: tuple[ListedSession, ...]
    is_late: bool
    reaches: datetime | None
    notes: tuple[str, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[tuple[str, str], ...]
    q: str
    period: str
    address: str
    newest_url: str
    newer_url: str
    older_url: str
    seconds: int
    is_filtered: bool
    is_all: bool
    days: int


def session_list(asked: Mapping[str, str], now: datetime) -> SessionList:
    """Return the page of the list that is `asked` for in the address. One query; a connection that is named costs one
    more.
    """
    form = SessionFilterForm(asked)
    criteria, notes = form.criteria(), form.notes()
    kept = criteria.newest()
    found, is_late = _found(criteria, now), False
    if found is None:
        found, is_late = [], True
        notes.append(TOO_LATE)
    is_back = criteria.newer_than is not None and criteria.older_than is None
    if is_back and len(found) <= SESSIONS_PER_PAGE:
        # The newest page, and not only what is newer than that session.
        criteria, found, is_back = kept, _found(kept, now) or [], False
    is_more = len(found) > SESSIONS_PER_PAGE
    shown = found[:SESSIONS_PER_PAGE][::-1] if is_back else found[:SESSIONS_PER_PAGE]
    is_newest = criteria == kept
    has_older = bool(shown) and (is_back or is_more)
    newer = replace(kept, newer_than=shown[0].pk if shown else criteria.older_than)
    return SessionList(
        rows=tuple(row_of(session, now) for session in shown),
        is_late=is_late,
        reaches=shown[-1].created_at if shown else None,
        notes=tuple(notes),
        chips=tuple(chips_of(kept)),
        hidden=tuple((name, text) for name, text in kept.parameters().items() if name != "q"),
        q=kept.q,
        period=PERIODS[kept.period][0],
        address=criteria.address(),
        newest_url=kept.address(),
        newer_url="" if is_newest else newer.address(),
        older_url=replace(kept, older_than=shown[-1].pk).address() if has_older else "",
        seconds=_POLL if is_newest and not is_late else 0,
        is_filtered=kept.is_filtered,
        is_all=kept.period == "all",
        days=settings.PATCHBAY_SESSION_DAYS,
    )


def counts_of(asked: Mapping[str, str], now: datetime) -> Counts:
    """Return the counts above the list, those of its whole period. Three to five queries."""
    kept = SessionFilterForm(asked).criteria().newest()
    oldest = midnight(now - timedelta(days=settings.PATCHBAY_SESSION_DAYS))
    counts = counts_since(period_start(kept.period, now) or oldest, now)
    findings = tuple(_finding(one, kept) for one in counts.findings[:_MOST_FINDINGS])
    return Counts(tuple(_cards(counts.statuses, kept)), findings)


def _found(criteria: SessionCriteria, now: datetime) -> list[Session] | None:
    """Return a page of sessions and one more, if there is one; None where looking for them took too long."""
    sessions = matching(criteria, Session.objects.for_list().made(period_start(criteria.period, now)))
    if criteria.older_than:
        sessions = sessions.filter(pk__lt=criteria.older_than)
    elif criteria.newer_than:
        sessions = sessions.filter(pk__gt=criteria.newer_than).order_by("pk")
    try:
        with patience() if criteria.is_filtered else nullcontext():
            return list(sessions[: SESSIONS_PER_PAGE + 1])
    except TooLateError:
        return None


def _cards(counts: Mapping[str, int], kept: SessionCriteria) -> Iterator[Card]:
    over = sum(counts.get(status, 0) for status in (SessionStatus.COMPLETED, *LEFT))
    for status in _CARDS:
        count, is_set = counts.get(status, 0), kept.status == status
        share = f"{percent(count, over)} of {over:,}" if over else "none has ended yet"
        note = share if status == SessionStatus.COMPLETED else STATUS_NOTES[status]
        yield Card(status, count, note, replace(kept, status="" if is_set else status).address(), is_set)


def _finding(one: Finding, kept: SessionCriteria) -> FindingCard:
    is_set = kept.finding == one.code
    parts = [f"{one.of_provider:,} at {provider_name(one.provider)}"] if one.provider else []
    parts.append(f"{one.connected:,} connected anyway" if one.connected else "none connected")
    href = replace(kept, finding="" if is_set else one.code).address()
    return FindingCard(finding_label(one.code), one.sessions, ", ".join(parts), href, is_set)
