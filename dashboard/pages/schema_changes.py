"""The changes at a source, line by line: what is different, what each decision means, who decided when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from uuid import UUID

from connectors.models import ChangeKind, ChangeStatus, Connection, SchemaChange
from connectors.schema_effects import effect_of
from connectors.services.agree import needs_reload
from dashboard import formatting

MOST_LINES = 100
# What each kind looks like, beside its word.
_LOOKS: Mapping[str, str] = {
    ChangeKind.TABLE_ADDED: "incomplete",
    ChangeKind.COLUMN_ADDED: "incomplete",
}


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One change. `what` and `where` name it; the sentences say what accepting, ignoring and waiting means.

    `who` is empty while nobody has decided, and "the policy" where that did.
    """

    pk: UUID
    look: str
    word: str
    what: str
    where: str
    accept: str
    ignore: str
    meanwhile: str
    found_at: datetime
    status: str
    who: str
    decided_at: datetime | None
    effect: str


@dataclass(frozen=True, slots=True)
class ChangesPart:
    """What waits, as far as it is shown, and how much was decided; `decided` are lines where they were asked for."""

    pending: tuple[ChangeLine, ...]
    count: int
    more: int
    decided: tuple[ChangeLine, ...]
    decided_count: int
    is_decided_shown: bool


def changes_of(connection: Connection, *, is_decided_shown: bool) -> ChangesPart:
    """Prepare the changes of a connection, in two queries, or three with the decided ones."""
    known = connection.schema_changes.for_page()
    pending = list(known.pending()[:MOST_LINES])
    decided = connection.schema_changes.exclude(status=ChangeStatus.PENDING)
    usual = usual_run(connection)
    shown = list(known.exclude(status=ChangeStatus.PENDING).order_by("-decided_at", "-pk")[:MOST_LINES])
    return ChangesPart(
        pending=tuple(_line(one, usual) for one in pending),
        count=connection.pending_changes,
        more=max(0, connection.pending_changes - len(pending)),
        decided=tuple(_line(one, usual) for one in shown) if is_decided_shown else (),
        decided_count=decided.count() if len(shown) == MOST_LINES else len(shown),
        is_decided_shown=is_decided_shown,
    )


def usual_run(connection: Connection) -> str:
    """Return how long a run of the connection usually takes, in words; empty before there was a good one."""
    good = [run["ms"] for run in connection.recent_runs if run.get("status") == "success" and run.get("ms")]
    return formatting.duration(median(good) / 1000) if good else ""


def about_rows(count: int | None) -> str:
    """Return about how many rows there are; empty where nobody knows."""
    return "" if count is None else f"about {formatting.number(count)} rows"


def _line(one: SchemaChange, usual: str) -> ChangeLine:
    effect = effect_of(one, mode=one.table.mode, is_reloaded=needs_reload(one.table, one))
    costs = effect.is_reload or one.kind == ChangeKind.TABLE_ADDED
    return ChangeLine(
        pk=one.pk,
        look=_LOOKS.get(one.kind, "warning"),
        word=str(ChangeKind(one.kind).label),
        what=_what(one),
        where=one.table.full_name if one.kind not in _OF_TABLES else one.table.source_schema,
        accept=_with_costs(effect.accept, one, usual) if costs else effect.accept,
        ignore=effect.ignore,
        meanwhile=effect.meanwhile,
        found_at=one.found_at,
        status=one.status,
        who=_who(one),
        decided_at=one.decided_at,
        effect=one.effect,
    )


_OF_TABLES = (ChangeKind.TABLE_ADDED, ChangeKind.TABLE_DROPPED)


def _what(one: SchemaChange) -> str:
    if one.kind in _OF_TABLES:
        columns = one.table.found_count
        return f"{one.table.name}, {formatting.number(columns)} columns" if columns else one.table.name
    if one.kind == ChangeKind.KEY_CHANGED:
        return f"{one.before or 'no key'} to {one.after or 'no key'}"
    if one.kind == ChangeKind.COLUMN_RETYPED:
        return f"{one.column}: {one.before} to {one.after}"
    return f"{one.column} {one.after or one.before}"


def _with_costs(sentence: str, one: SchemaChange, usual: str) -> str:
    parts: Sequence[str] = [
        part for part in (about_rows(one.table.estimated_rows), f"a run usually takes {usual}" if usual else "") if part
    ]
    told = "; ".join(parts)
    return f"{sentence} {told[:1].upper()}{told[1:]}." if told else sentence


def _who(one: SchemaChange) -> str:
    if one.status == ChangeStatus.PENDING:
        return ""
    if one.decided_by:
        return one.decided_by.get_username()
    return "the policy" if one.status == ChangeStatus.ACCEPTED else "a former member"
