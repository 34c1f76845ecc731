"""Takes one entity out of what its connection syncs, together with its waiting job, and back in."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection, Entity
from connectors.services import activity, facts
from jobs.models import Job, Lease, LeaseState
from jobs.services.enqueue import CannotSync, refuse_deleted
from jobs.services.finish import end_cancelled

SYNCED, EXCLUDED = "synced", "excluded"


@transaction.atomic
def exclude_entity(*, connection: Connection, entity: Entity, actor: User | None) -> None:
    """Stop syncing an entity and end its waiting sync as cancelled, with the code `excluded`; no data is touched.

    A sync that runs is left to finish and gets no further attempt. Raises `CannotSync` for an entity that is excluded
    already, for the last one that syncs, and for a connection that was deleted.
    """
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    selected = facts.lock_entities(locked)
    changed = [one for one in selected if one.pk == entity.pk]
    if not changed:
        raise CannotSync("excluded", f"{entity.name} is excluded already. Nothing was changed.")
    if len(selected) == 1:
        message = f"{entity.name} is the only one that {locked.name} syncs. Pause the connection instead."
        raise CannotSync("last_entity", message)
    _choose(changed[0], is_selected=False)
    _record(locked, entity, actor, SYNCED, EXCLUDED)
    syncs = Lease.objects.syncs().filter(entity=entity).select_for_update(of=("self",))
    waiting = [lease.job_id for lease in syncs if lease.state == LeaseState.PENDING]
    for job in Job.objects.filter(pk__in=waiting).select_related("connection", "entity"):
        end_cancelled(job, "excluded")
    facts.refresh(facts.lock(connection.pk))


@transaction.atomic
def include_entity(*, connection: Connection, entity: Entity, actor: User | None) -> Entity:
    """Sync an excluded entity again, from its next slot on, and return it with its next run planned.

    Raises `CannotSync` for an entity that is not excluded, and for a connection that was deleted.
    """
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    changed = Entity.objects.select_for_update(no_key=True).filter(pk=entity.pk, is_selected=False).first()
    if changed is None:
        raise CannotSync("included", f"{entity.name} is not excluded. Nothing was changed.")
    _choose(changed, is_selected=True)
    _record(locked, entity, actor, EXCLUDED, SYNCED)
    facts.refresh(locked)
    changed.refresh_from_db()
    return changed


def _choose(locked: Entity, *, is_selected: bool) -> None:
    """Store the choice. Without a next run the tick never looks at it; with one, the schedule plans it anew."""
    locked.is_selected, locked.next_run_at = is_selected, None
    locked.save(update_fields=["is_selected", "next_run_at"])


def _record(connection: Connection, entity: Entity, actor: User | None, before: str, after: str) -> None:
    change = {"field": entity.name, "before": before, "after": after}
    action = "entity.excluded" if after == EXCLUDED else "entity.included"
    activity.record(action, actor=actor, connection=connection, changes=[change])
