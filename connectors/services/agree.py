"""What accepting or ignoring a difference does to how a table is copied: to records in memory, which callers store."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from connectors.models import ChangeKind, ChangeStatus, Mode, SchemaChange, Table
from connectors.schema_effects import effect_of
from connectors.widening import is_wider


def agree(table: Table, change: SchemaChange, *, now: datetime, actor: User | None = None) -> None:
    """Accept a difference of `table`: what the source has is agreed on from now on. Without an actor the policy did."""
    _decide(table, change, ChangeStatus.ACCEPTED, now, actor)
    agreed = dict(map(tuple, table.agreed))
    if change.kind == ChangeKind.TABLE_ADDED:
        table.is_selected, table.agreed = True, table.found
    elif change.kind == ChangeKind.TABLE_DROPPED:
        table.is_selected = False
    elif change.kind == ChangeKind.COLUMN_DROPPED:
        agreed.pop(change.column, None)
        table.columns = [name for name in table.columns if name != change.column]
        table.protected = {name: how for name, how in table.protected.items() if name != change.column}
        table.agreed = _in_order(table, agreed)
    elif change.kind in {ChangeKind.COLUMN_ADDED, ChangeKind.COLUMN_RETYPED}:
        agreed[change.column] = change.after
        table.agreed = _in_order(table, agreed)
        if change.kind == ChangeKind.COLUMN_ADDED and table.columns:
            table.columns = [*table.columns, change.column]
    else:
        _take_key(table, change)
    if needs_reload(table, change):
        ask_reload(table, now)


def ignore(table: Table, change: SchemaChange, *, now: datetime, actor: User | None) -> None:
    """Leave a difference as it is, for good: it is not asked about again unless it becomes another one."""
    _decide(table, change, ChangeStatus.IGNORED, now, actor)


def needs_reload(table: Table, change: SchemaChange) -> bool:
    """Whether all rows of a table must be read again once a difference is accepted. A replaced one is read anyway."""
    if table.mode == Mode.REPLACE or change.column in table.protected:
        return False
    if change.kind == ChangeKind.COLUMN_RETYPED:
        return not is_wider(change.before, change.after)
    return change.kind == ChangeKind.KEY_CHANGED and table.mode == Mode.MERGE


def ask_reload(table: Table, now: datetime) -> None:
    """Have all rows read again with the next run of each entity."""
    table.generation, table.reload_at = table.generation + 1, now


def _decide(table: Table, change: SchemaChange, status: ChangeStatus, now: datetime, actor: User | None) -> None:
    effect = effect_of(change, mode=table.mode, is_reloaded=needs_reload(table, change))
    change.status, change.decided_at, change.decided_by = status, now, actor
    change.effect = effect.accept if status == ChangeStatus.ACCEPTED else effect.ignore


def _take_key(table: Table, change: SchemaChange) -> None:
    """Take the source's new key, where its old one was what the table is merged by."""
    keys = [name for name in change.after.split(", ") if name]
    if table.keys == table.source_keys:
        table.keys = keys
        if not keys and table.mode == Mode.MERGE:
            table.mode = Mode.REPLACE
    table.source_keys = keys


def _in_order(table: Table, agreed: dict[str, str]) -> list[list[str]]:
    """Return the columns in the source's order; what it has no more comes last."""
    places = {name: place for place, (name, _) in enumerate(table.found)}
    return [[name, agreed[name]] for name in sorted(agreed, key=lambda one: places.get(one, len(places)))]
