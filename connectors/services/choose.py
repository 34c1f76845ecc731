"""Changes which tables of a connection are copied. Nothing at the destination is touched by it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection, Table
from connectors.services import activity, facts
from connectors.services.changing import lock_kept, refuse_changed
from connectors.services.observe import settle
from connectors.services.storing import store_all

COPIED, NOT_COPIED = "copied", "not copied"


def chosen_facts(connection: Connection) -> dict[str, Any]:
    """Return which tables are copied, for the version of what a page shows."""
    tables = connection.tables.filter(is_selected=True).order_by("pk")
    return {"tables": [str(pk) for pk in tables.values_list("pk", flat=True)]}


@transaction.atomic
def choose_tables(
    *, connection: Connection, seen: str, shown: Collection[UUID], chosen: Collection[UUID], actor: User | None
) -> list[dict[str, Any]]:
    """Copy from now on, of the tables that were `shown`, the `chosen` ones and no others. Returns what changed.

    Without any table the connection is incomplete. Raises `ChangedMeanwhileError` for a `seen` version that is not the
    stored one any more, `ConnectionDeletedError`; then nothing is changed.
    """
    locked = lock_kept(connection.pk)
    version = chosen_facts(locked)
    tables = list(locked.tables.filter(pk__in=shown).order_by("source_schema", "name").select_for_update())
    changed = [table for table in tables if table.is_selected != (table.pk in chosen)]
    if not changed:
        return []
    refuse_changed(locked, stored=version, seen=seen)
    changes = [_change(table) for table in changed]
    for table in changed:
        table.is_selected = not table.is_selected
    store_all(changed, ["is_selected"])
    settle(changed, locked, actor)
    activity.record("connection.tables_chosen", actor=actor, connection=locked, changes=changes)
    facts.refresh(locked)
    return changes


def _change(table: Table) -> dict[str, Any]:
    before, after = (COPIED, NOT_COPIED) if table.is_selected else (NOT_COPIED, COPIED)
    return {"field": table.name, "before": before, "after": after}
