"""What a search gives: hits in groups, ready to print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db import models

from connectors.models import Name
from dashboard.pages.search.asked import Asked
from jobs.models import Job
from sessions_log.models import Session

# A longer group only says that there are more.
MOST_COUNTED = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """One record. `marked` is the part of the title that was typed; `is_exact` says that it was meant as a whole."""

    href: str
    icon: str
    title: str
    sub: str = ""
    status: str = ""
    word: str = ""
    at: datetime | None = None
    marked: str = ""
    is_mono: bool = False
    is_exact: bool = False
    is_deleted: bool = False

    @property
    def rest(self) -> str:
        """What stands behind the marked part."""
        return self.title[len(self.marked) :]


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of a kind, the best first, and how many there are: at least so many where it `is_capped`.

    `more_href` is where the others are, in the words `more`; empty where all are shown.
    """

    title: str
    hits: tuple[Hit, ...] = ()
    count: int = 0
    is_capped: bool = False
    more_href: str = ""
    more: str = ""

    @property
    def counted(self) -> str:
        """The count in words: "7", or "more than 100"."""
        return f"more than {self.count}" if self.is_capped else str(self.count)

    @property
    def heading(self) -> str:
        """What stands above suggestions, with the count where not all are shown."""
        return self.title if self.count == len(self.hits) else f"{self.title}, {len(self.hits)} of {self.counted}"


@dataclass(frozen=True)
class Search:
    """One search: what is asked, how many hits of a kind are wanted, and what several finders read, once."""

    asked: Asked
    now: datetime
    limit: int
    only: str = ""
    most: int = MOST_COUNTED

    @cached_property
    def jobs(self) -> list[Job]:
        """The newest jobs whose ID is meant, and one more than are wanted, if there is one. One query."""
        return list(Job.objects.with_ids(*self.asked.ids).for_search()[: self.limit + 1]) if self.asked.ids else []

    @cached_property
    def sessions(self) -> list[Session]:
        """The sessions whose end user or reference begins with the text, or whose ID is meant, newest first. One query.

        Those whose ID is meant come first.
        """
        found = list(Session.objects.for_list().beginning(self.asked.text, self.asked.ids)[: 3 * (self.most + 1)])
        return sorted(found, key=self.has_id, reverse=True)

    def has_id(self, session: Session) -> bool:
        """Whether the ID that is asked for is this session's."""
        ids = self.asked.ids
        return ids is not None and ids[0] <= session.pk <= ids[1]

    @cached_property
    def named(self) -> Mapping[str, Sequence[tuple[UUID, bool]]]:
        """The records of each kind that the text names, the best first, and whether it names them whole. One query."""
        parts = [part for kind in Name.Kind.values for part in self._parts(kind)]
        rows = parts[0].union(*parts[1:], all=True)
        found: dict[str, dict[UUID, bool]] = {kind: {} for kind in Name.Kind.values}
        for kind, text, record_id in sorted(rows, key=self._place):
            found[kind].setdefault(record_id, self._is_exact(text, record_id))
        return {kind: list(records.items()) for kind, records in found.items()}

    def _parts(self, kind: str) -> list[models.QuerySet[Name, tuple[str, str, UUID]]]:
        """Give what to look through for a kind: beginnings of names, parts of them, and IDs."""
        of_kind = Name.objects.filter(kind=kind)
        parts = [of_kind.beginning(self.asked.lower), of_kind.holding(kind, self.asked.words)]
        if self.asked.ids:
            parts.append(of_kind.with_ids(*self.asked.ids))
        return [part.values_list("kind", "text", "record_id")[: self.most + 1] for part in parts]

    def _place(self, row: tuple[str, str, UUID]) -> tuple[bool, bool, str]:
        _, text, record_id = row
        return not self._is_exact(text, record_id), not text.startswith(self.asked.lower), text

    def _is_exact(self, text: str, record_id: UUID) -> bool:
        ids = self.asked.ids
        return text == self.asked.lower or (ids is not None and ids[0] <= record_id <= ids[1])


Finder = Callable[[Search], Group]
