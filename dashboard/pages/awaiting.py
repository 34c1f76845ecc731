"""Which files a connection waits for now, and since when: for its banner and its list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.models import FAR_AHEAD, Connection, Entity
from connectors.providers.assisted.declared import DeclarationError
from connectors.services.uploads import awaited_of, missing_files
from jobs.models import Lease


@dataclass(frozen=True, slots=True)
class AwaitedNow:
    """The files that are missing, of the company that waits longest; `others` wait too.

    `since` is when they were due, None where no run was due yet. `entity` is empty for the only one.
    """

    names: tuple[str, ...]
    since: datetime | None
    entity: str
    others: int


def awaited_now(connection: Connection) -> AwaitedNow | None:
    """Return what is awaited; None where nothing is. Up to five queries."""
    held = Lease.objects.syncs().pending().filter(connection=connection, available_at__gte=FAR_AHEAD)
    waiting = list(held.select_related("entity", "job").order_by("job_id"))
    lease = waiting[0] if waiting else None
    entity: Entity | None = lease.entity if lease else connection.entities.selected().order_by("name", "pk").first()
    if entity is None:
        return None
    entity.connection = connection
    try:
        missing = missing_files(entity, awaited_of(connection))
    except DeclarationError:
        return None
    if not missing:
        return None
    since = (lease.slot_at or lease.job.created_at) if lease else None
    is_one_of_many = bool(entity.ref)
    return AwaitedNow(
        names=tuple(one.name for one in missing),
        since=since,
        entity=entity.name if is_one_of_many else "",
        others=max(0, len(waiting) - 1),
    )
