"""The sessions of one connection: their list, and the story of the one that is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from dashboard.pages.connection import Subject
from dashboard.pages.session_rows import ListedSession, row_of
from sessions_log.models import Session, SessionStatus

SESSIONS_PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class ListedHere:
    """A session of the list: its row, its address on this tab, and whether it is the one that is shown."""

    row: ListedSession
    href: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ConnectionSessions:
    """The list beside the story. `chosen` is the session that is shown, None where there is none.

    `is_asked` says that the address names it, so that a telephone shows it alone.
    """

    rows: tuple[ListedHere, ...]
    count: int
    outcomes: tuple[tuple[str, str, bool], ...]
    outcome: str
    chosen: UUID | None
    is_asked: bool
    list_href: str
    told_href: str
    raw_href: str
    older_href: str
    all_href: str
    is_filtered: bool
    days: int


def sessions_of(subject: Subject, asked: Mapping[str, Any]) -> ConnectionSessions:
    """Return the list that is `asked` for, newest first. Two queries."""
    address = reverse("connections:sessions", args=[subject.connection.pk])
    outcome = str(asked.get("outcome", ""))
    of_connection = Session.objects.filter(connection=subject.connection)
    matching = of_connection.filter(status=outcome) if outcome else of_connection
    count, older_than = matching.count(), asked.get("older_than")
    here = matching.filter(pk__lt=older_than) if older_than else matching
    found = list(here.for_list()[: SESSIONS_PER_PAGE + 1])
    shown = found[:SESSIONS_PER_PAGE]
    chosen: UUID | None = asked.get("session") or (shown[0].pk if shown else None)
    kept = {name: str(asked[name]) for name in ("outcome", "older_than") if name in asked}

    def to(**changes: str) -> str:
        query = urlencode({**kept, **changes})
        return f"{address}?{query}" if query else address

    return ConnectionSessions(
        rows=tuple(ListedHere(row_of(one, subject.now), to(session=str(one.pk)), one.pk == chosen) for one in shown),
        count=count,
        outcomes=tuple((status.value, str(status.label), status.value == outcome) for status in SessionStatus),
        outcome=outcome,
        chosen=chosen,
        is_asked="session" in asked,
        list_href=to(),
        told_href=to(session=str(chosen)),
        raw_href=to(session=str(chosen), view="raw"),
        older_href=to(older_than=str(shown[-1].pk)) if len(found) > SESSIONS_PER_PAGE else "",
        all_href=address,
        is_filtered=bool(outcome or older_than),
        days=settings.PATCHBAY_SESSION_DAYS,
    )
