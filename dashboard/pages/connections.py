"""The list of connections: what is asked for in its address, one page of rows, and what changes while it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection, Destination
from dashboard import formatting
from dashboard.forms.connections import SORTS, ConnectionFilterForm
from dashboard.pages.connection_rows import Clock, Row, fingerprint, rows_of
from dashboard.pages.connection_summary import Card, Summary, summary
from dashboard.pages.keyset import ID, Key, Order, Slice, cut

PAGE_SIZE = 50
# Seconds between two looks: while something runs, and while nothing does.
_BUSY, _IDLE = 2, 15
_FILTERS = ("status", "provider", "destination", "q")
_NAME, _LAST, _NEXT = (
    Key("name_key"),
    Key("last_key", datetime.fromisoformat),
    Key("next_key", datetime.fromisoformat),
)
_NO_SUCH_PLACE = "The place named in this address is not in the list. This is its start."
ORDERS = {
    "attention": Order((Key("attention", int), _NAME, ID)),
    "name": Order((_NAME, ID)),
    "-name": Order((_NAME, ID), is_descending=True),
    "last": Order((_LAST, ID)),
    "-last": Order((_LAST, ID), is_descending=True),
    "next": Order((_NEXT, ID)),
    "-next": Order((_NEXT, ID), is_descending=True),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter: its words, and the address with it."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class StatusCard:
    """A status card with the address for its click; the card that is set leads back to all."""

    card: Card
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter: the value that is set, with the address without it, or the choices there are."""

    name: str
    label: str
    value: str
    href: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column that sorts: the address for its click, `aria-sort` if it sorts now, and its icon."""

    href: str
    aria_sort: str
    icon: str


@dataclass(frozen=True, slots=True)
class Poll:
    """What an open page asks again, and what has changed since it asked last.

    `seen` names the parts on the page with their versions: the head, then each row. It goes to the browser and
    comes back with the next question, so an answer holds the changed parts only; `version` stands for all of it.
    """

    address: str
    seen: str
    version: str
    seconds: int
    rows: tuple[Row, ...]
    summary: Summary
    is_summary_new: bool


@dataclass(frozen=True, slots=True)
class ConnectionList:
    """The whole page. `empty` is set when there is no row to show."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    query: str
    hidden: tuple[tuple[str, str], ...]
    cards: tuple[StatusCard, ...]
    chips: tuple[Chip, ...]
    headings: dict[str, Heading]
    sorted_by: str
    shown: str
    previous_url: str
    next_url: str
    empty: Empty | None


@dataclass(frozen=True, slots=True)
class Empty:
    """What stands in place of rows, with the address that shows some, if there is one."""

    title: str
    text: str
    href: str = ""


def clock_now() -> Clock:
    """Return the present, in the time zone that pages speak in."""
    now = timezone.now()
    return Clock(now=now, zone=timezone.get_current_timezone(), day_ago=now - timedelta(hours=24))


def address_of(parameters: Mapping[str, str]) -> str:
    """Return the list's address with those parameters that are set."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{reverse('connections:list')}?{query}" if query else reverse("connections:list")


def connection_list(asked: Mapping[str, str], clock: Clock) -> tuple[ConnectionList, Poll]:
    """Return one page of the list as `asked` for in the address, and how it keeps itself up to date."""
    destinations = [(str(pk), name) for pk, name in Destination.objects.values_list("pk", "name")]
    form = ConnectionFilterForm(asked, destinations=destinations)
    criteria = form.criteria()
    notes = form.notes()
    page, wrong = _slice(criteria, clock)
    rows = tuple(rows_of(page.rows, clock))
    head = summary(clock)
    listed = _listed(criteria, form, page, rows, [*notes, *wrong], head)
    return listed, _poll(address_of(criteria), rows, head, seen="")


def refreshed(asked: Mapping[str, str], clock: Clock) -> Poll:
    """Return what changed on an open page, whose rows are named in `asked["rows"]`. Rows are never added or moved."""
    seen = asked.get("rows", "")
    found = Connection.objects.for_list().in_bulk(_ids(seen))
    rows = tuple(rows_of([found[pk] for pk in _ids(seen) if pk in found], clock))
    address = address_of({name: asked.get(name, "") for name in ("sort", "after", "before", *_FILTERS)})
    return _poll(address, rows, summary(clock), seen=seen)


def _ids(seen: str) -> list[UUID]:
    """Read the ids out of `Poll.seen`; what is not an id is left out, and no more than one page is read."""
    ids = []
    for part in seen.split(",")[: PAGE_SIZE + 1]:
        try:
            ids.append(UUID(part.partition(".")[0]))
        except ValueError:
            continue
    return ids[:PAGE_SIZE]


def _poll(address: str, rows: tuple[Row, ...], head: Summary, *, seen: str) -> Poll:
    before = set(seen.split(","))
    versions = [f"head.{fingerprint(head)}", *(f"{row.id}.{row.version}" for row in rows)]
    is_busy = head.is_busy or any(row.live.activity for row in rows)
    return Poll(
        address=address,
        seen=",".join(versions),
        version=fingerprint(versions),
        seconds=_BUSY if is_busy else _IDLE,
        rows=tuple(row for row, version in zip(rows, versions[1:], strict=True) if version not in before),
        summary=head,
        is_summary_new=versions[0] not in before,
    )


def _slice(criteria: dict[str, str], clock: Clock) -> tuple[Slice[Connection], list[str]]:
    """Return the rows of the page; from the start, with a note, when the address names no place in this order."""
    order = ORDERS[criteria.get("sort", "attention")]
    rows = (
        Connection.objects.for_list()
        .with_sort_keys(clock.now)
        .matching(
            status=criteria.get("status", ""),
            provider=criteria.get("provider", ""),
            destination=criteria.get("destination", ""),
            text=criteria.get("q", ""),
        )
    )
    try:
        return cut(rows, order, size=PAGE_SIZE, **_place(criteria)), []
    except ValueError:
        return cut(rows, order, size=PAGE_SIZE), [_NO_SUCH_PLACE]


def _place(criteria: dict[str, str]) -> dict[str, str]:
    return {name: criteria[name] for name in ("after", "before") if name in criteria}


def _listed(
    criteria: dict[str, str],
    form: ConnectionFilterForm,
    page: Slice[Connection],
    rows: tuple[Row, ...],
    notes: list[str],
    head: Summary,
) -> ConnectionList:
    kept = {name: value for name, value in criteria.items() if name not in {"after", "before"}}
    total = formatting.number(page.total)
    return ConnectionList(
        rows=rows,
        notes=tuple(notes),
        query=criteria.get("q", ""),
        hidden=tuple((name, value) for name, value in kept.items() if name != "q"),
        cards=tuple(_card(kept, card) for card in head.cards),
        chips=(
            _chip(kept, "provider", "Provider", form.provider_choices),
            _chip(kept, "destination", "Destination", form.destination_choices),
        ),
        headings=_headings(kept),
        sorted_by=SORTS[kept.get("sort", "attention")],
        shown=f"{formatting.number(page.first)} to {formatting.number(page.last)} of {total}",
        previous_url=address_of({**kept, "before": page.before}) if page.before else "",
        next_url=address_of({**kept, "after": page.after}) if page.after else "",
        empty=None if rows else _empty(kept, head),
    )


def _card(kept: dict[str, str], card: Card) -> StatusCard:
    is_set = kept.get("status") == card.status
    return StatusCard(card, address_of({**kept, "status": "" if is_set else card.status}), is_set)


def _chip(kept: dict[str, str], name: str, label: str, choices: list[tuple[str, str]]) -> Chip:
    chosen = kept.get(name, "")
    return Chip(
        name=name,
        label=label,
        value=dict(choices).get(chosen, ""),
        href=address_of({**kept, name: ""}),
        choices=tuple(Choice(words, address_of({**kept, name: value})) for value, words in choices),
    )


def _headings(kept: dict[str, str]) -> dict[str, Heading]:
    """Return the heads that sort. A click sorts by the column, the next one turns the order round."""
    now = kept.get("sort", "attention")
    clicks = {"name": ("name", "-name"), "last": ("-last", "last"), "next": ("next", "-next")}
    headings = {}
    for column, (first, second) in clicks.items():
        wanted = second if now == first else first
        is_current = now in {first, second}
        direction = "descending" if now.startswith("-") else "ascending"
        icon = ("sortd" if direction == "descending" else "sortu") if is_current else "sort"
        headings[column] = Heading(address_of({**kept, "sort": wanted}), direction if is_current else "", icon)
    is_default = now == "attention"
    headings["status"] = Heading(
        address_of({**kept, "sort": ""}), "descending" if is_default else "", "sortd" if is_default else "sort"
    )
    return headings


def _empty(kept: dict[str, str], head: Summary) -> Empty:
    """Say why there is no row: none was ever made, good news, or filters that match nothing."""
    if head.is_empty:
        return Empty(
            "Nothing is connected yet",
            "Patchbay was started empty. A first start without the option makes a few connections to look at.",
        )
    filters = [name for name in _FILTERS if kept.get(name)]
    text = kept.get("q", "")
    if filters == ["status"]:
        return Empty(f"No connection is {kept['status']}", "The other connections are one click away.", address_of({}))
    others = len(filters) - bool(text)
    also = {0: "", 1: " One filter is also active."}.get(others, f" {others} filters are also active.")
    if text:
        return Empty(f"Nothing matches “{text}”", f"Check the spelling.{also}", address_of({}))
    return Empty("Nothing matches these filters", "Take one of them away to see more.", address_of({}))
