"""Pages of a sorted list by key: the address names the last row seen, never a number of rows to skip.

So a page costs the same wherever it is, and nothing is shown twice or left out when rows come and go before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Count, Model, Q, QuerySet

_SEPARATOR = "~"
_MOST_DIGITS = 4
RowT = TypeVar("RowT", bound=Model)


def read_moment(text: str) -> datetime:
    """Read an aware time. Raises `ValueError` for any other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = "A time without its zone names no moment."
        raise ValueError(message)
    return moment


def read_rank(text: str) -> int:
    """Read a small whole number. Raises `ValueError` for any other text."""
    if len(text) > _MOST_DIGITS:
        message = "No rank is as large as that."
        raise ValueError(message)
    return int(text)


@dataclass(frozen=True, slots=True)
class Key:
    """One field that a list sorts by, never null, and how its text in an address is read back."""

    field: str
    read: Callable[[str], Any] = str

    def value(self, row: Model) -> Any:
        """Return the row's value."""
        return getattr(row, self.field)

    def write(self, row: Model) -> str:
        """Return the row's value as text."""
        value = self.value(row)
        return value.isoformat() if isinstance(value, datetime) else str(value)


ID = Key("pk", UUID)


@dataclass(frozen=True, slots=True)
class Order:
    """The keys of a sort, the primary key last. Only the one before it may hold the separator, as a name can."""

    keys: tuple[Key, ...]
    is_descending: bool = False

    def cursor(self, row: Model) -> str:
        """Return what names `row`'s place in an address."""
        return _SEPARATOR.join(key.write(row) for key in self.keys)

    def read(self, cursor: str) -> list[Any]:
        """Return the values of a cursor. Raises `ValueError` for a text that is not a cursor of this order."""
        rest, _, last = cursor.rpartition(_SEPARATOR)
        parts = [*rest.split(_SEPARATOR, len(self.keys) - 2), last]
        if len(parts) != len(self.keys):
            message = "The address of this page is not complete."
            raise ValueError(message)
        return [key.read(part) for key, part in zip(self.keys, parts, strict=True)]

    def fields(self, *, is_reversed: bool = False) -> list[str]:
        """Return the arguments of `order_by`."""
        sign = "-" if self.is_descending != is_reversed else ""
        return [sign + key.field for key in self.keys]

    def beyond(self, values: list[Any], *, is_reversed: bool = False) -> Q:
        """Return the condition for rows after `values`, or before them."""
        step = "lt" if self.is_descending != is_reversed else "gt"
        names = [key.field for key in self.keys]
        found = Q()
        for place, name in enumerate(names):
            same = [Q(**{same: value}) for same, value in zip(names[:place], values, strict=False)]
            found |= reduce(and_, same, Q(**{f"{name}__{step}": values[place]}))
        return found


@dataclass(frozen=True, slots=True)
class Slice(Generic[RowT]):
    """One page of a list. `first` is the place of its first row, from 1; the cursors are empty at the ends."""

    rows: list[RowT]
    first: int
    total: int
    before: str
    after: str

    @property
    def last(self) -> int:
        """The place of the page's last row."""
        return self.first + len(self.rows) - 1


def cut(rows: QuerySet[RowT], order: Order, *, size: int, after: str = "", before: str = "") -> Slice[RowT]:
    """Return the page of `rows` after one cursor, or before the other, in two queries whatever it holds.

    `rows` carries the annotations that `order` names. For lists short enough to be counted. Raises `ValueError`
    for a cursor that does not belong to this order.
    """
    back = bool(before) and not after
    found = list(_from(rows, order, after, before)[: size + 1])
    shown = found[:size][::-1] if back else found[:size]
    is_more = len(found) > size
    counts = _counted(rows, order, shown[0] if shown and (after or before) else None)
    has_before, has_after = (is_more, True) if back else (counts["passed"] > 0, is_more)
    return Slice(
        rows=shown,
        first=counts["passed"] + 1,
        total=counts["total"],
        before=order.cursor(shown[0]) if shown and has_before else "",
        after=order.cursor(shown[-1]) if shown and has_after else "",
    )


def _counted(rows: QuerySet[Any], order: Order, first: Model | None) -> dict[str, int]:
    """Count all rows, and those that were passed before the page that begins with `first`, in one query."""
    if first is None:
        # The start of the list: nothing was passed, and no sort key has to be worked out to count.
        return {"total": rows.count(), "passed": 0}
    passed = order.beyond([key.value(first) for key in order.keys], is_reversed=True)
    return rows.aggregate(total=Count("pk"), passed=Count("pk", filter=passed))


def keys_of(rows: QuerySet[RowT], order: Order, *, size: int, after: str = "", before: str = "") -> list[Any]:
    """Return only the primary keys of the page that `cut` would return, in one query. Raises `ValueError` like it."""
    found = list(_from(rows, order, after, before).values_list("pk", flat=True)[:size])
    return found[::-1] if before and not after else found


def _from(rows: QuerySet[RowT], order: Order, after: str, before: str) -> QuerySet[RowT]:
    """Return the rows beyond a cursor, the nearest first; all of them without one."""
    back = bool(before) and not after
    wanted = rows.order_by(*order.fields(is_reversed=back))
    cursor = after or before
    return wanted.filter(order.beyond(order.read(cursor), is_reversed=back)) if cursor else wanted
