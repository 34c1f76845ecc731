"""Changes how one table is copied: whether, by which mode, which rows, which columns, and which values stay hidden."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.models import Connection, Mode, Table
from connectors.plan import Protection, RowFilter
from connectors.services import activity, facts
from connectors.services.agree import ask_reload
from connectors.services.changing import lock_kept, refuse_changed
from connectors.services.observe import settle

MOST_FILTERS = 20
# Types whose values have no order that tells old from new.
_NO_ORDER = ("json", "bytea", "bool", "xml", "blob", "binary")


class TableRefusedError(Exception):
    """A table cannot be copied as it was to be set. `field` is what is wrong, the text says why. Nothing was stored."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class How:
    """How a table is copied. `is_reload` reads all its rows again with the next run, also where nothing asks for it."""

    is_selected: bool
    mode: Mode
    keys: tuple[str, ...] = ()
    cursor: str = ""
    is_reload: bool = False


def how_facts(table: Table) -> dict[str, Any]:
    """Return what a page shows of how a table is copied, for its version."""
    return {"copied": table.is_selected, "mode": str(table.mode), "key": table.keys, "cursor": table.cursor}


def filter_facts(table: Table) -> dict[str, Any]:
    """Return what a page shows of the rows that are copied, for its version."""
    return {"filters": table.filters}


def column_facts(table: Table) -> dict[str, Any]:
    """Return what a page shows of the columns that are copied, for its version."""
    return {"columns": sorted(table.columns), "protected": table.protected, "agreed": table.agreed}


@transaction.atomic
def change_how(*, table: Table, seen: str, how: How, actor: User | None) -> list[dict[str, Any]]:
    """Store how a table is copied, and return what changed. Another key or cursor reads all its rows again.

    Raises `TableRefusedError`, `ChangedMeanwhileError`, `ConnectionDeletedError`; then nothing is changed.
    """
    locked, stored = _lock(table)
    before = how_facts(stored)
    stored.is_selected, stored.mode = how.is_selected, how.mode
    stored.keys, stored.cursor = list(how.keys), how.cursor
    changes = activity.differences(before, how_facts(stored))
    if not changes and not how.is_reload:
        return []
    refuse_changed(locked, stored=before, seen=seen)
    _check(stored)
    changed = {str(one["field"]) for one in changes}
    if stored.mode != Mode.REPLACE and (changed & {"mode", "key", "cursor"} or how.is_reload):
        ask_reload(stored, timezone.now())
    _store(locked, stored, changes or [_read_again()], actor)
    return changes or [_read_again()]


@transaction.atomic
def change_filters(
    *, table: Table, seen: str, filters: Sequence[RowFilter], is_reload: bool, actor: User | None
) -> list[dict[str, Any]]:
    """Store which rows are copied, and return what changed. Rows that were copied stay, unless all are read again.

    Raises as `change_how` does.
    """
    locked, stored = _lock(table)
    before = filter_facts(stored)
    stored.filters = [asdict(one) for one in filters]
    changes = activity.differences({"row filter": _told(before["filters"])}, {"row filter": _told(stored.filters)})
    if not changes:
        return []
    refuse_changed(locked, stored=before, seen=seen)
    _check(stored)
    if is_reload and stored.mode != Mode.REPLACE:
        ask_reload(stored, timezone.now())
    _store(locked, stored, changes, actor)
    return changes


@transaction.atomic
def change_columns(
    *,
    table: Table,
    seen: str,
    shown: Collection[str],
    chosen: Collection[str],
    protected: Mapping[str, Protection],
    is_reload: bool,
    actor: User | None,
) -> list[dict[str, Any]]:
    """Store, of the columns that were `shown`, which are copied and whose values are hidden. Returns what changed.

    Hidden values, or shown ones that were hidden, read all rows again. Raises as `change_how` does.
    """
    locked, stored = _lock(table)
    before = column_facts(stored)
    agreed = [name for name, _ in stored.agreed]
    copied = set(stored.columns or agreed)
    now_copied = [name for name in agreed if (name in chosen if name in shown else name in copied)]
    hidden = {name: how for name, how in stored.protected.items() if name not in shown}
    hidden |= {name: how for name, how in protected.items() if name in shown and name in now_copied}
    changes = _column_changes(agreed, (copied, stored.protected), (set(now_copied), hidden))
    if not changes:
        return []
    refuse_changed(locked, stored=before, seen=seen)
    is_other_hidden = hidden != stored.protected
    stored.columns = [] if now_copied == agreed else now_copied
    stored.protected = hidden
    if not now_copied:
        raise TableRefusedError("columns", "Choose at least one column: without one there is nothing to copy.")
    _check(stored)
    if (is_other_hidden or is_reload) and stored.mode != Mode.REPLACE:
        ask_reload(stored, timezone.now())
    _store(locked, stored, changes, actor)
    return changes


def can_order(type_name: str) -> bool:
    """Whether a column of this type can be a cursor."""
    return not any(part in type_name.lower() for part in _NO_ORDER) and not type_name.endswith("[]")


def _lock(table: Table) -> tuple[Connection, Table]:
    """Lock the connection, then the table."""
    locked = lock_kept(table.connection_id)
    return locked, locked.tables.select_for_update().get(pk=table.pk)


def _check(table: Table) -> None:
    """Raise `TableRefusedError` for what cannot be copied so."""
    types = dict(map(tuple, table.agreed))
    if table.mode == Mode.MERGE and not table.keys:
        raise TableRefusedError("keys", "A merge needs a key: choose the columns that tell rows apart.")
    if table.mode == Mode.APPEND and not table.cursor:
        raise TableRefusedError("cursor", "An append needs a cursor: choose a column that rises with each new row.")
    if not types:
        return
    keys = table.keys if table.mode == Mode.MERGE else []
    cursor = table.cursor if table.mode != Mode.REPLACE else ""
    if cursor:
        _check_cursor(table, types, cursor)
    if masked := next((name for name in keys if table.protected.get(name) == "mask"), ""):
        raise TableRefusedError("columns", f"“{masked}” is part of the key: masked values are alike. Hash it instead.")
    copied = set(table.columns or types)
    if missing := next((name for name in [*keys, cursor] if name and name not in copied), ""):
        raise TableRefusedError("columns", f"“{missing}” is the key or the cursor, so it cannot be left out.")
    if gone := next((one["column"] for one in table.filters if one["column"] not in types), ""):
        raise TableRefusedError("filters", f"The source has no column “{gone}”.")


def _check_cursor(table: Table, types: Mapping[str, str], cursor: str) -> None:
    if not can_order(types.get(cursor, "")):
        raise TableRefusedError("cursor", f"“{cursor}” has no order, so it cannot tell old rows from new ones.")
    if cursor in table.protected:
        raise TableRefusedError("columns", f"“{cursor}” is the cursor, so its values cannot be hidden.")


def _store(locked: Connection, table: Table, changes: Sequence[Mapping[str, Any]], actor: User | None) -> None:
    table.save(
        update_fields=[
            "is_selected", "mode", "keys", "cursor", "filters", "columns", "protected", "generation", "reload_at",
        ]
    )  # fmt: skip
    activity.record("connection.table_changed", actor=actor, connection=locked, changes=changes, note=table.full_name)
    settle([table], locked, actor)
    facts.refresh(locked)


def _column_changes(
    agreed: Sequence[str],
    before: tuple[Collection[str], Mapping[str, str]],
    after: tuple[Collection[str], Mapping[str, str]],
) -> list[dict[str, Any]]:
    def words(name: str, state: tuple[Collection[str], Mapping[str, str]]) -> str:
        copied, hidden = state
        if name not in copied:
            return "not copied"
        return {"hash": "hashed", "mask": "masked"}.get(hidden.get(name, ""), "copied")

    pairs = ((name, words(name, before), words(name, after)) for name in agreed)
    return [{"field": name, "before": old, "after": new} for name, old, new in pairs if old != new]


def _told(filters: Sequence[Mapping[str, str]]) -> str:
    return "; ".join(f"{one['column']} {one['operator']} {one.get('value', '')}".strip() for one in filters)


def _read_again() -> dict[str, Any]:
    return {"field": "rows", "before": None, "after": "all read again with the next run"}
