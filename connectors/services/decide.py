"""Decides about what differs at a source from what was agreed on: line by line, and by a policy for what is to come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.models import ChangeStatus, Connection, SchemaChange, SchemaPolicy, Table
from connectors.services import activity, facts
from connectors.services.agree import agree, ignore
from connectors.services.changing import ChangedMeanwhileError, lock_kept, refuse_changed
from connectors.services.observe import ACCEPTED_BY, count_pending
from connectors.services.storing import store_all

# What a run ends with that begins while something waits: over as soon as nothing does.
_STOPPED = ("schema_changed", "schema_review_pending")
_OF_A_TABLE = (
    "agreed", "columns", "keys", "source_keys", "mode", "protected", "is_selected", "generation", "reload_at",
)  # fmt: skip
_OF_A_CHANGE = ("status", "decided_by", "decided_at", "effect")


def policy_facts(connection: Connection) -> dict[str, Any]:
    """Return what a page shows of the policy, for its version."""
    return {"policy": str(connection.schema_policy)}


def accept_changes(*, connection: Connection, ids: Collection[UUID], actor: User | None) -> list[SchemaChange]:
    """Agree to the pending differences `ids`, all or none, and return them; what they lead to begins with the next run.

    Raises `ChangedMeanwhileError` where one of them was decided or is gone, `ConnectionDeletedError`.
    """
    return _decide(connection, ids, actor, "connection.schema_accepted", ChangeStatus.PENDING, agree)


def ignore_changes(*, connection: Connection, ids: Collection[UUID], actor: User | None) -> list[SchemaChange]:
    """Leave the pending differences `ids` as they are, for good, all or none, and return them. Raises as above."""
    return _decide(connection, ids, actor, "connection.schema_ignored", ChangeStatus.PENDING, ignore)


def take_back(*, connection: Connection, ids: Collection[UUID], actor: User | None) -> list[SchemaChange]:
    """Let the ignored differences `ids` wait for a decision again, all or none, and return them. Raises as above."""

    def wait(_table: Table, change: SchemaChange, **_: Any) -> None:
        change.status, change.decided_by, change.decided_at, change.effect = ChangeStatus.PENDING, None, None, ""

    return _decide(connection, ids, actor, "connection.schema_reopened", ChangeStatus.IGNORED, wait)


@transaction.atomic
def set_policy(*, connection: Connection, seen: str, policy: SchemaPolicy, actor: User | None) -> bool:
    """Store what is done about differences from now on; what waits and is accepted by it is accepted at once.

    Returns whether it is another one. Raises `ChangedMeanwhileError`, `ConnectionDeletedError`.
    """
    locked = lock_kept(connection.pk)
    before = policy_facts(locked)
    if locked.schema_policy == policy:
        return False
    refuse_changed(locked, stored=before, seen=seen)
    locked.schema_policy = policy
    locked.save(update_fields=["schema_policy"])
    changes = activity.differences(before, policy_facts(locked))
    activity.record("connection.policy_changed", actor=actor, connection=locked, changes=changes)
    accepted = locked.schema_changes.pending().filter(kind__in=ACCEPTED_BY.get(policy, ()))
    if ids := set(accepted.values_list("pk", flat=True)):
        accept_changes(connection=locked, ids=ids, actor=actor)
    facts.refresh(facts.lock(locked.pk))
    return True


@transaction.atomic
def _decide(
    connection: Connection,
    ids: Collection[UUID],
    actor: User | None,
    action: str,
    status: ChangeStatus,
    act: Callable[..., None],
) -> list[SchemaChange]:
    locked = lock_kept(connection.pk)
    found = list(locked.schema_changes.filter(pk__in=ids, status=status).order_by("pk").select_for_update())
    if not found or len(found) != len(set(ids)):
        message = f"Somebody else has decided about this, or {locked.name} is not different any more there."
        raise ChangedMeanwhileError(message)
    tables = {one.pk: one for one in Table.objects.filter(pk__in={c.table_id for c in found}).select_for_update()}
    now = timezone.now()
    for change in found:
        change.table = tables[change.table_id]
        act(change.table, change, now=now, actor=actor)
    store_all(tables.values(), _OF_A_TABLE)
    store_all(found, _OF_A_CHANGE)
    activity.record(action, actor=actor, connection=locked, changes=_recorded(found))
    count_pending(locked)
    if facts.is_reviewed(locked):
        held = locked.entities.filter(last_error_code__in=_STOPPED)
        held.update(last_error_code="", failure_streak=0)
    facts.refresh(locked)
    return found


def _recorded(changes: Sequence[SchemaChange]) -> list[dict[str, Any]]:
    return [
        {
            "field": f"{one.table.full_name}.{one.column}" if one.column else one.table.full_name,
            "before": one.before,
            "after": one.after or one.get_kind_display().lower(),
        }
        for one in changes
    ]
