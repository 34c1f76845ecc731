"""Which connections a bulk action is for: those that were ticked, or all that the list's filters match now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection
from dashboard.forms.bulk import chosen_ids
from dashboard.forms.connections import ConnectionFilterForm
from dashboard.pages.connection_filters import ORDERS, matching
from jobs.text import counted

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen connections; `hidden` carries the choice to the next form, `query` is what the list was filtered by.

    `changed` says how many match now, where that is not the number that was shown when all of them were chosen.
    """

    ids: tuple[UUID, ...]
    names: tuple[str, ...]
    query: str
    is_everything: bool
    changed: str
    back: str
    hidden: tuple[tuple[str, str], ...]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.ids)

    @property
    def words(self) -> str:
        """How many they are, in words: "1 connection", "all 148 connections that match"."""
        many = counted(self.count, "connection")
        return f"all {many} that match" if self.is_everything else many

    @property
    def named(self) -> str:
        """The first names, and how many more."""
        more = self.count - len(self.names)
        return f"{', '.join(self.names)}{f' and {more:,} more' if more else ''}"


def selection_of(data: QueryDict) -> Selection:
    """Read the selection out of a form of the list or of a question: two queries.

    With `everything` the filters in `query` are applied again, here and now; `expected` is the number that was shown.
    What was ticked and is deleted by now stays chosen, so that the report says so.
    """
    query, is_everything = data.get("query", ""), "everything" in data
    if is_everything:
        criteria = ConnectionFilterForm(QueryDict(query)).criteria()
        now = timezone.now()
        found = matching(criteria, now).with_sort_keys(now)
        ids = list(found.order_by(*ORDERS[criteria.sort].fields()).values_list("pk", flat=True))
    else:
        chosen = chosen_ids(data)
        kept = set(Connection.everything.filter(pk__in=chosen).values_list("pk", flat=True))
        ids = [pk for pk in chosen if pk in kept]
    return Selection(
        ids=tuple(ids),
        names=_names(ids),
        query=query,
        is_everything=is_everything,
        changed=_changed(len(ids), data.get("expected", "")) if is_everything else "",
        back=f"{reverse('connections:list')}?{query}" if query else reverse("connections:list"),
        hidden=_hidden(ids, query, is_everything=is_everything),
    )


def _names(ids: Sequence[UUID]) -> tuple[str, ...]:
    first = ids[:_NAMED]
    known = dict(Connection.everything.filter(pk__in=first).values_list("pk", "name"))
    return tuple(known[pk] for pk in first if pk in known)


def _changed(count: int, expected: str) -> str:
    shown = expected.replace(",", "")
    if shown == str(count):
        return ""
    before = f", {shown} were shown when you chose them" if shown.isdecimal() else ""
    return f"{counted(count, 'connection')} match now{before}."


def _hidden(ids: Sequence[UUID], query: str, *, is_everything: bool) -> tuple[tuple[str, str], ...]:
    if is_everything:
        return (("everything", "yes"), ("query", query), ("expected", str(len(ids))))
    return (*(("ids", str(pk)) for pk in ids), ("query", query))
