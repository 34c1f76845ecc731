"""The search: one text in, the records it may mean out, or the one that it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from dashboard.formatting import as_typed
from dashboard.pages.search.asked import MOST_LETTERS, Asked, asked_of
from dashboard.pages.search.finders import FINDERS, jobs, related
from dashboard.pages.search.hits import MOST_COUNTED, Group, Hit, Search
from jobs.text import counted

__all__ = ("FINDERS", "MOST_LETTERS", "Asked", "Found", "asked_of", "look_up", "suggest")

# How an ID looks, for who found nothing.
EXAMPLE = "0197a3c2-1b3d-75f3-b08f-448cbd9c1e65"
_OF_PAGE, _OF_ONE_KIND, _OF_SUGGESTIONS = 20, 200, 5


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and for how many days jobs and sessions are kept.

    `exact` is the address of what was meant, empty where several things may be.
    """

    asked: Asked
    groups: tuple[Group, ...] = ()
    exact: str = ""
    days: int = field(default_factory=lambda: settings.PATCHBAY_RETENTION_DAYS)
    session_days: int = field(default_factory=lambda: settings.PATCHBAY_SESSION_DAYS)
    example: str = EXAMPLE

    @property
    def counted(self) -> str:
        """How many hits there are, in words."""
        told = counted(sum(group.count for group in self.groups), "hit")
        return f"more than {told}" if any(group.is_capped for group in self.groups) else told

    @property
    def said(self) -> str:
        """What was asked for, to be said back."""
        return as_typed(self.asked.text)


def look_up(asked: Asked, now: datetime, *, only: str = "") -> Found:
    """Return what is found for the page; `only` one kind, and more of it."""
    if asked.is_empty:
        return Found(asked)
    if asked.address and not asked.ids:
        return Found(asked, exact=asked.address)
    limit = _OF_ONE_KIND if only else _OF_PAGE
    groups = _groups(Search(asked, now, limit, only, most=max(limit, MOST_COUNTED)))
    return Found(asked, groups, "" if only else _exact(asked, groups))


def suggest(asked: Asked, now: datetime) -> Found:
    """Return the first few hits of each kind, and where the one job that is meant belongs."""
    if asked.is_empty:
        return Found(asked)
    search = Search(asked, now, _OF_SUGGESTIONS)
    groups = _groups(search)
    if len(groups) == len(search.jobs) == 1:
        groups = (*groups, related(search))
    return Found(asked, groups)


def _groups(search: Search) -> tuple[Group, ...]:
    """Return the groups that are not empty. A whole ID that a job has is nobody else's, so no more is read then."""
    if search.asked.is_whole and search.jobs and not search.only:
        return (jobs(search),)
    finders = (finder for name, finder in FINDERS.items() if search.only in {"", name})
    return tuple(group for group in (finder(search) for finder in finders) if group.hits)


def _exact(asked: Asked, groups: tuple[Group, ...]) -> str:
    """Return the address of the one record that was named whole. One that lives comes before those deleted."""
    hits = [hit for group in groups for hit in group.hits if hit.is_exact]
    living = [hit for hit in hits if not hit.is_deleted] or hits
    if len(living) != 1:
        return ""
    return _page(asked, living[0])


def _page(asked: Asked, hit: Hit) -> str:
    """Return the hit's page; the very page that was pasted, where it is one of that record's."""
    return asked.address if asked.address and not hit.is_deleted else hit.href
