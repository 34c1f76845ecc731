"""The Schema tab of a connection: its tables by schema, what is done about changes, and where one of them is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from uuid import UUID

from connectors.models import ChangeKind, Connection, Table
from connectors.services.changing import version_of
from connectors.services.choose import chosen_facts
from connectors.services.decide import policy_facts
from dashboard import formatting
from dashboard.forms.schema import POLICIES, TABLE_PLACE
from dashboard.pages.connection import Subject
from dashboard.pages.keyset import cut

TABLES_PER_PAGE = 100
# Settings that say in a word where the source is, the best one first.
_PLACES = ("host", "base_url", "folder", "path", "database")


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table in the list. `badge` is "New", "Gone" or how many changes wait; `look` is its colour."""

    pk: UUID
    name: str
    badge: str
    look: str
    columns: str
    is_chosen: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class SchemaGroup:
    """The tables of one schema that this page of the list shows, and how many of how many are copied of it."""

    name: str
    said: str
    lines: tuple[TableLine, ...]


@dataclass(frozen=True, slots=True)
class TableList:
    """A page of the list. `hidden_schemas` have tables, but none on this page."""

    groups: tuple[SchemaGroup, ...]
    hidden_schemas: tuple[tuple[str, str], ...]
    text: str
    chosen: int
    total: int
    shown: str
    before: str
    after: str
    seen: str


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One of the four policies."""

    value: str
    label: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PolicyPart:
    """What is done about changes."""

    lines: tuple[PolicyLine, ...]
    label: str
    text: str
    seen: str


def place_of(connection: Connection) -> str:
    """Return in a word where the source is."""
    return next((str(connection.config[name]) for name in _PLACES if connection.config.get(name)), "the source")


def policy_of(connection: Connection, chosen: str = "") -> PolicyPart:
    """Prepare the policies, with what was `chosen` in a form that came back."""
    wanted = chosen or connection.schema_policy
    label, text = POLICIES[connection.schema_policy]
    lines = tuple(PolicyLine(value, name, says, value == wanted) for value, (name, says) in POLICIES.items())
    return PolicyPart(lines, label, text, version_of(policy_facts(connection)))


def tables_of(
    subject: Subject,
    *,
    text: str = "",
    after: str = "",
    before: str = "",
    opened: UUID | None = None,
    typed: Mapping[str, Collection[UUID]] | None = None,
) -> TableList:
    """Prepare a page of the tables whose name holds `text`, in five queries, with what was `typed` where it came back.

    Raises `ValueError` for a cursor that is none.
    """
    connection = subject.connection
    tables = connection.tables.for_list()
    page = cut(tables.matching(text), TABLE_PLACE, size=TABLES_PER_PAGE, after=after, before=before)
    waiting = _waiting(connection, page.rows)
    counted = {name: (chosen, total) for name, chosen, total in connection.tables.per_schema()}
    groups = tuple(
        SchemaGroup(
            name, "{} of {}".format(*counted.get(name, (0, 0))), tuple(_line(t, waiting, opened, typed) for t in found)
        )
        for name, found in groupby(page.rows, key=lambda table: table.source_schema)
    )
    shown = {group.name for group in groups}
    return TableList(
        groups=groups,
        hidden_schemas=tuple(
            (name, f"{chosen} of {total}")
            for name, (chosen, total) in counted.items()
            if name not in shown and not text
        ),
        text=text,
        chosen=sum(chosen for chosen, _ in counted.values()),
        total=sum(total for _, total in counted.values()),
        shown=f"{page.first} to {page.last} of {formatting.number(page.total)}" if page.rows else "",
        before=page.before,
        after=page.after,
        seen=version_of(chosen_facts(connection)),
    )


def first_of(listed: TableList) -> UUID | None:
    """Return the table that is shown where none was asked for: the first one with changes, else the first one."""
    lines = [line for group in listed.groups for line in group.lines]
    marked = next((line for line in lines if line.badge.endswith(("change", "changes")) and line.is_chosen), None)
    return marked.pk if marked else lines[0].pk if lines else None


def _waiting(connection: Connection, tables: Sequence[Table]) -> dict[UUID, list[str]]:
    """Return the kinds of the changes that wait, by table, in one query."""
    found: dict[UUID, list[str]] = {}
    pending = connection.schema_changes.pending().filter(table__in=[table.pk for table in tables])
    for pk, kind in pending.values_list("table_id", "kind"):
        found.setdefault(pk, []).append(kind)
    return found


def _line(
    table: Table,
    waiting: Mapping[UUID, list[str]],
    opened: UUID | None,
    typed: Mapping[str, Collection[UUID]] | None,
) -> TableLine:
    kinds = waiting.get(table.pk, [])
    is_chosen = table.is_selected
    if typed and table.pk in typed["shown"]:
        is_chosen = table.pk in typed["chosen"]
    badge, look = _badge(table, kinds)
    return TableLine(
        pk=table.pk,
        name=table.name,
        badge=badge,
        look=look,
        columns="" if table.found_count is None else formatting.number(table.found_count),
        is_chosen=is_chosen,
        is_open=table.pk == opened,
    )


def _badge(table: Table, kinds: Sequence[str]) -> tuple[str, str]:
    if ChangeKind.TABLE_ADDED in kinds:
        return "New", "is-run"
    if table.gone_at is not None:
        return "Gone", "is-warn" if kinds else "is-idle"
    if kinds:
        return f"{len(kinds)} change{'s' if len(kinds) > 1 else ''}", "is-warn"
    return "", ""


def opened_marks(listed: TableList, opened: UUID | None) -> TableList:
    """Return the list with the table marked that is shown beside it."""
    groups = tuple(
        replace(group, lines=tuple(replace(line, is_open=line.pk == opened) for line in group.lines))
        for group in listed.groups
    )
    return replace(listed, groups=groups)


def kept(asked: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Return those parameters of an address that stay when another one changes."""
    return {name: str(asked[name]) for name in names if name in asked}
