"""From a table as it is set, and what its source has now, to how a run copies it, or why it waits."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.db import transaction

from connectors import secrets
from connectors.models import ChangeKind, ChangeStatus, Connection, Mode, SchemaChange, Table
from connectors.plan import Mode as PlanMode
from connectors.plan import Protection, RowFilter, TablePlan
from connectors.services import facts

_KEY_NAME, _KEY_BYTES = "key", 32


@dataclass(frozen=True, slots=True)
class Waits:
    """A selected table that is not copied now, and why, in a sentence. `is_undecided` where a decision helps."""

    name: str
    why: str
    is_undecided: bool = True


def in_force(connection: Connection) -> dict[UUID, list[SchemaChange]]:
    """Return what keeps something of each table from being copied, in one query."""
    found: dict[UUID, list[SchemaChange]] = {}
    for change in connection.schema_changes.in_force():
        found.setdefault(change.table_id, []).append(change)
    return found


def planned(table: Table, changes: Iterable[SchemaChange], *, key: str, estimated: int | None) -> TablePlan | Waits:
    """Return how `table` is copied while `changes` are not accepted. `key` goes into its digests."""
    left_out: set[str] = set()
    for change in changes:
        if why := _why_waits(table, change):
            return Waits(table.full_name, why, change.status == ChangeStatus.PENDING)
        if change.kind in {ChangeKind.COLUMN_DROPPED, ChangeKind.COLUMN_RETYPED}:
            left_out.add(change.column)
    if missing := _missing(table, left_out):
        why = f"It is set to use “{missing}”, which is not copied or gone. Choose another column for that."
        return Waits(table.full_name, why, is_undecided=False)
    return TablePlan(
        name=table.name,
        source_schema=table.source_schema,
        mode=cast("PlanMode", str(table.mode)),
        keys=tuple(table.keys),
        cursor=table.cursor,
        columns=_columns(table, left_out),
        filters=tuple(filters_of(table)),
        protected=tuple(cast("Mapping[str, Protection]", table.protected).items()),
        protection_key=key if table.protected else "",
        estimated_rows=estimated,
        generation=table.generation,
    )


def filters_of(table: Table) -> list[RowFilter]:
    """Return the row filters of a table."""
    return [RowFilter(one["column"], one["operator"], one.get("value", "")) for one in table.filters]


@transaction.atomic
def protection_key(connection: Connection) -> str:
    """Return the key of a connection's digests, and make it on first use: equal values stay equal for good."""
    owner = f"protection:{connection.pk}"
    stored = Connection.everything.values_list("protection_key", flat=True).get(pk=connection.pk)
    if not stored:
        locked = facts.lock(connection.pk)
        if not locked.protection_key:
            locked.protection_key = secrets.seal({_KEY_NAME: randomness.token_hex(_KEY_BYTES)}, owner=owner)
            locked.save(update_fields=["protection_key"])
        stored = locked.protection_key
    return secrets.unseal(stored, owner=owner)[_KEY_NAME]


def _why_waits(table: Table, change: SchemaChange) -> str:
    """Return why one difference keeps a whole table from being copied, empty where it does not.

    A column that is gone must not empty a table that is replaced, nor values of another type reach rows of the old one,
    before somebody has agreed.
    """
    is_pending = change.status == ChangeStatus.PENDING
    if change.kind == ChangeKind.TABLE_DROPPED:
        return "The source has it no more."
    if change.kind == ChangeKind.COLUMN_DROPPED and table.mode == Mode.REPLACE:
        return f"The source has no column “{change.column}” any more, and a full replace would lose its values."
    if change.kind == ChangeKind.COLUMN_RETYPED and is_pending:
        return f"“{change.column}” has another type at the source."
    if change.kind == ChangeKind.KEY_CHANGED and is_pending and table.mode == Mode.MERGE:
        return "It has another key at the source."
    return ""


def _missing(table: Table, left_out: set[str]) -> str:
    """Return a column that the table's settings need and that cannot be read, empty for none."""
    found = {name for name, _ in table.found}
    if not found:
        return ""
    merged = table.keys if table.mode == Mode.MERGE else []
    followed = [table.cursor] if table.cursor and table.mode != Mode.REPLACE else []
    needed = [*merged, *followed, *(one["column"] for one in table.filters)]
    return next((name for name in needed if name in left_out or name not in found), "")


def _columns(table: Table, left_out: set[str]) -> tuple[str, ...]:
    """Return the columns to copy; empty for all that the source has."""
    found = [name for name, _ in table.found]
    if not found:
        return tuple(table.columns)
    agreed = {name for name, _ in table.agreed}
    chosen = set(table.columns) or agreed
    wanted = [name for name in found if name in agreed and name in chosen and name not in left_out]
    return () if wanted == found else tuple(wanted)
