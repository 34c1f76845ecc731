"""The list of connections: one page of rows as its address asks for it, with everything that filters and sorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.http import QueryDict

from connectors.models import Connection
from dashboard import formatting
from dashboard.forms.connections import DEFAULT_SORT, NO_SUCH_PLACE, SORTS, ConnectionFilterForm, Criteria
from dashboard.pages.chips import Chip, Choice
from dashboard.pages.connection_filters import ORDERS, choices_made_by_people, matching
from dashboard.pages.connection_poll import PAGE_SIZE, Poll, poll_of
from dashboard.pages.connection_rows import Clock, Row, rows_of
from dashboard.pages.connection_summary import Card, Summary, summary
from dashboard.pages.keyset import Slice, cut

# The filters that have a chip; the status has its cards.
_CHIPS = {
    "provider": "Provider",
    "destination": "Destination",
    "flag": "Flag",
    "type": "Integration type",
    "tag": "Tag",
    "owner": "Owner",
}


@dataclass(frozen=True, slots=True)
class StatusCard:
    """A status card with the address for its click; the card that is set leads back to all."""

    card: Card
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column that sorts: the address for its click, `aria-sort` if it sorts now, and its icon."""

    href: str
    aria_sort: str
    icon: str


@dataclass(frozen=True, slots=True)
class ConnectionList:
    """The whole page. `matching` counts the rows of all its pages; `empty` is set when there is no row to show."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    criteria: Criteria
    hidden: tuple[tuple[str, str], ...]
    cards: tuple[StatusCard, ...]
    chips: tuple[Chip, ...]
    headings: dict[str, Heading]
    sorted_by: str
    shown: str
    matching: int
    previous_url: str
    next_url: str
    exports: tuple[Choice, ...]
    empty: Empty | None


@dataclass(frozen=True, slots=True)
class Empty:
    """What stands in place of rows, with the address that shows some, if there is one."""

    title: str
    text: str
    href: str = ""


def connection_list(asked: QueryDict, clock: Clock) -> tuple[ConnectionList, Poll]:
    """Return one page of the list as `asked` for in the address, and how it keeps itself up to date."""
    form = ConnectionFilterForm(asked, choices=choices_made_by_people())
    criteria, notes = form.criteria(), form.notes()
    try:
        page = _slice(criteria, clock)
    except ValueError:
        criteria = criteria.first_page()
        page = _slice(criteria, clock)
        notes.append(NO_SUCH_PLACE)
    rows = tuple(rows_of(page.rows, clock))
    head = summary(clock)
    return _listed(criteria, form, page, rows, notes, head), poll_of(criteria, rows, head)


def _slice(criteria: Criteria, clock: Clock) -> Slice[Connection]:
    rows = matching(criteria, clock.now).for_list(clock.now).with_sort_keys(clock.now)
    return cut(rows, ORDERS[criteria.sort], size=PAGE_SIZE, after=criteria.after, before=criteria.before)


def _listed(
    criteria: Criteria,
    form: ConnectionFilterForm,
    page: Slice[Connection],
    rows: tuple[Row, ...],
    notes: list[str],
    head: Summary,
) -> ConnectionList:
    kept = criteria.first_page()
    total = formatting.number(page.total)
    return ConnectionList(
        rows=rows,
        notes=tuple(notes),
        criteria=criteria,
        hidden=tuple((name, value) for name, value in kept.parameters() if name != "q"),
        cards=tuple(_card(kept, card) for card in head.cards),
        # What is set comes first: on a narrow page the others are beyond its edge.
        chips=tuple(
            sorted((_chip(kept, name, label, form.choices[name]) for name, label in _CHIPS.items()), key=_is_free)
        ),
        headings=_headings(kept),
        sorted_by=SORTS[kept.sort],
        shown=f"{formatting.number(page.first)} to {formatting.number(page.last)} of {total}",
        matching=page.total,
        previous_url=replace(kept, before=page.before).address() if page.before else "",
        next_url=replace(kept, after=page.after).address() if page.after else "",
        exports=tuple(
            Choice(label, kept.address(f"connections:{name}"), is_set=False)
            for name, label in (("csv", "CSV"), ("json", "JSON"))
        ),
        empty=None if rows else _empty(kept, head),
    )


def _card(kept: Criteria, card: Card) -> StatusCard:
    is_set = card.status in kept.filters.get("status", ())
    only = kept.with_filter("status") if is_set else kept.with_filter("status", card.status)
    return StatusCard(card, only.address(), is_set)


def _is_free(chip: Chip) -> bool:
    return not chip.value


def _chip(kept: Criteria, name: str, label: str, choices: Sequence[tuple[str, str]]) -> Chip:
    chosen = kept.filters.get(name, ())
    return Chip(
        name=name,
        label=label,
        value=", ".join(words for value, words in choices if value in chosen),
        href=kept.with_filter(name).address(),
        choices=tuple(Choice(words, kept.toggled(name, value).address(), value in chosen) for value, words in choices),
    )


def _headings(kept: Criteria) -> dict[str, Heading]:
    """Return the heads that sort. A click sorts by the column, the next one turns the order round."""
    clicks = {"name": ("name", "-name"), "last": ("-last", "last"), "next": ("next", "-next")}
    headings = {}
    for column, (first, second) in clicks.items():
        wanted = second if kept.sort == first else first
        is_current = kept.sort in {first, second}
        direction = "descending" if kept.sort.startswith("-") else "ascending"
        icon = ("sortd" if direction == "descending" else "sortu") if is_current else "sort"
        headings[column] = Heading(replace(kept, sort=wanted).address(), direction if is_current else "", icon)
    is_default = kept.sort == DEFAULT_SORT
    default = replace(kept, sort=DEFAULT_SORT).address()
    headings["status"] = Heading(default, "descending" if is_default else "", "sortd" if is_default else "sort")
    return headings


def _empty(kept: Criteria, head: Summary) -> Empty:
    """Say why there is no row: none was ever made, good news, or filters that match nothing."""
    if head.is_empty:
        return Empty(
            "Connect the first source",
            "Choose a provider, sign in, and pick what to copy. Most connections are ready in under five minutes.",
        )
    all_of_them = Criteria(sort=kept.sort).address()
    if set(kept.filters) == {"status"} and not kept.text:
        statuses = " or ".join(kept.filters["status"])
        return Empty(f"No connection is {statuses}", "The other connections are one click away.", all_of_them)
    others = len(kept.filters)
    also = {0: "", 1: " One filter is also active."}.get(others, f" {others} filters are also active.")
    if kept.text:
        return Empty(f"Nothing matches “{kept.text}”", f"Check the spelling.{also}", all_of_them)
    return Empty("Nothing matches these filters", "Take one of them away to see more.", all_of_them)
