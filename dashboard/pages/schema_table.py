"""One table on the Schema tab: how it is copied, which rows, which columns, and what each setting means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connectors.destinations.types import column_type, protected_type
from connectors.models import ChangeKind, ChangeStatus, Mode, SchemaChange, Table
from connectors.modes import MEANING
from connectors.services.changing import version_of
from connectors.services.counting import can_count
from connectors.services.shape import column_facts, filter_facts, how_facts
from connectors.services.table_plans import Waits, planned
from dashboard import formatting
from dashboard.forms.schema import COLUMNS_PER_PAGE, OPERATORS, FiltersForm, HowForm
from dashboard.pages.connection import Subject
from dashboard.pages.schema_changes import about_rows, usual_run

_PROTECTIONS = (("", "As it is"), ("hash", "Hashed"), ("mask", "Masked"))


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """One column. `is_fixed` where it cannot be left out, `can_choose` once it was agreed on."""

    name: str
    source_type: str
    target_type: str
    is_chosen: bool
    is_fixed: bool
    roles: tuple[str, ...]
    protection: str
    state: str
    can_choose: bool


@dataclass(frozen=True, slots=True)
class TablePart:
    """One table with its three forms. The versions are those of what each form shows."""

    pk: UUID
    name: str
    about: str
    is_selected: bool
    waits: str
    gone_at: datetime | None
    reload_at: datetime | None
    how_seen: str
    meaning: tuple[tuple[str, str, str, bool], ...]
    costs: str
    rows: tuple[tuple[str, str], ...]
    filters_seen: str
    filters_said: tuple[str, ...]
    columns: tuple[ColumnLine, ...]
    columns_seen: str
    chosen: int
    total: int
    page: int
    pages: int
    protections: tuple[tuple[str, str], ...]
    can_count: bool


def table_of(
    subject: Subject,
    table: Table,
    how: HowForm,
    *,
    page: int = 1,
    typed: Mapping[str, object] | None = None,
) -> TablePart:
    """Prepare one table, a page of its columns, in one query."""
    changes = list(table.schema_changes.in_force())
    waits = planned(table, changes, key="", estimated=None) if table.is_selected else None
    lines = _columns(subject, table, changes, typed)
    pages = max(1, -(-len(lines) // COLUMNS_PER_PAGE))
    page = min(page, pages)
    count = len(table.found)
    told = [
        part
        for part in (about_rows(table.estimated_rows), f"{formatting.number(count)} columns" if count else "")
        if part
    ]
    mode = str(how["mode"].value())
    return TablePart(
        pk=table.pk,
        name=table.full_name,
        about=", ".join(told),
        is_selected=table.is_selected,
        waits=waits.why if isinstance(waits, Waits) else "",
        gone_at=table.gone_at,
        reload_at=_reload_of(subject, table),
        how_seen=version_of(how_facts(table)),
        meaning=tuple((str(Mode(name).label), *MEANING[name], name == mode) for name in MEANING),
        costs=_costs(subject, table),
        rows=_rows(table),
        filters_seen=version_of(filter_facts(table)),
        filters_said=tuple(_said(one) for one in table.filters),
        columns=tuple(lines[(page - 1) * COLUMNS_PER_PAGE : page * COLUMNS_PER_PAGE]),
        columns_seen=version_of(column_facts(table)),
        chosen=sum(line.is_chosen for line in lines),
        total=len(lines),
        page=page,
        pages=pages,
        protections=_PROTECTIONS,
        can_count=can_count(subject.connection),
    )


def _reload_of(subject: Subject, table: Table) -> datetime | None:
    """Since when all rows are to be read again, None once a run has ended after that."""
    asked, done = table.reload_at, subject.connection.last_success_at
    return None if asked is None or (done is not None and done > asked) else asked


def _costs(subject: Subject, table: Table) -> str:
    told = [about_rows(table.estimated_rows)]
    if usual := usual_run(subject.connection):
        told.append(f"a run of the connection usually takes {usual}")
    return "; ".join(part for part in told if part)


def _rows(table: Table) -> tuple[tuple[str, str], ...]:
    """What is set, for who may only look."""
    rows = [("Copied", "Yes" if table.is_selected else "No"), ("Sync mode", str(Mode(table.mode).label))]
    if table.mode != Mode.REPLACE:
        rows.append(("Cursor", table.cursor or "None"))
    if table.keys:
        rows.append(("Key", ", ".join(table.keys)))
    return tuple(rows)


def _said(one: Mapping[str, str]) -> str:
    operator = {str(name): word.partition(",")[0] for name, word in OPERATORS.items()}.get(
        one["operator"], one["operator"]
    )
    value = ", ".join(one.get("value", "").splitlines())
    return f"{one['column']} {operator} {value}".strip()


def _columns(
    subject: Subject, table: Table, changes: Sequence[SchemaChange], typed: Mapping[str, object] | None
) -> list[ColumnLine]:
    """All columns that the source has, and those that are gone but agreed on, in the source's order."""
    agreed = {name: kind for name, kind in table.agreed}  # noqa: C416 - pairs are lists
    found = {name: kind for name, kind in table.found}  # noqa: C416 - as above
    states = {one.column: one for one in changes if one.column}
    names = [*found, *(name for name in agreed if name not in found)]
    return [_column(subject, table, name, (agreed, found), states.get(name), typed) for name in names]


def _column(
    subject: Subject,
    table: Table,
    name: str,
    known: tuple[Mapping[str, str], Mapping[str, str]],
    change: SchemaChange | None,
    typed: Mapping[str, object] | None,
) -> ColumnLine:
    agreed, found = known
    is_merged, is_followed = table.mode == Mode.MERGE and name in table.keys, _is_cursor(table, name)
    is_agreed = name in agreed
    is_chosen = is_agreed and (not table.columns or name in table.columns)
    protection = str(table.protected.get(name, ""))
    if typed and name in _names(typed, "shown"):
        is_chosen = name in _names(typed, "chosen")
        hidden = typed.get("protected")
        protection = str(hidden.get(name, "")) if isinstance(hidden, Mapping) else ""
    source_type = found.get(name) or agreed.get(name, "")
    kind = subject.destination.kind if subject.destination else ""
    target = protected_type(kind) if protection else column_type(kind, subject.connection.provider, source_type)
    roles = [word for word, is_it in (("Key", name in table.keys), ("Cursor", is_followed)) if is_it]
    return ColumnLine(
        name=name,
        source_type=source_type,
        target_type=(target or formatting.NOT_APPLICABLE) if is_chosen else "not copied",
        is_chosen=is_chosen,
        is_fixed=is_merged or is_followed,
        roles=tuple(roles),
        protection=protection,
        state=_state(change),
        can_choose=is_agreed,
    )


def _names(typed: Mapping[str, object], name: str) -> Sequence[str]:
    found = typed.get(name, ())
    return found if isinstance(found, list | tuple) else ()


def _is_cursor(table: Table, name: str) -> bool:
    return table.mode != Mode.REPLACE and name == table.cursor


def _state(change: SchemaChange | None) -> str:
    """What became of a column at the source, in a word or two."""
    if change is None:
        return ""
    words = {
        ChangeKind.COLUMN_ADDED: "New",
        ChangeKind.COLUMN_DROPPED: "Gone",
        ChangeKind.COLUMN_RETYPED: f"Was {change.before}",
    }
    word = words.get(ChangeKind(change.kind), "Changed")
    return word if change.status == ChangeStatus.PENDING else f"{word}, ignored"


def kept_in_words(looked_at: int, kept: int) -> str:
    """Say how many rows a filter keeps of those that were looked at."""
    return f"Keeps {formatting.number(kept)} of the {formatting.number(looked_at)} rows that were looked at."


def filters_form_of(table: Table) -> FiltersForm:
    """Return the row filter as it is stored."""
    return FiltersForm(None, table=table)
