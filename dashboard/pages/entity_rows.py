"""An entity as the lists of the overview and of the job history show it, and their order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from connectors.models import Entity, Outcome
from connectors.status import reason_in_words
from dashboard.pages.connection import Live
from dashboard.pages.keyset import ID, Key, Order

ENTITIES_PER_PAGE = 60
LIST_ORDER = Order((Key("rank", int), Key("name"), ID))


@dataclass(frozen=True, slots=True)
class EntityRow:
    """An entity in a list. `outcome` is a value of `Outcome`: how its last or live sync stands."""

    pk: UUID
    name: str
    status: str
    reason: str
    outcome: str
    synced_at: datetime | None
    next_run_at: datetime | None
    rows: int | None
    duration_ms: int | None
    live: Live | None


def entity_row(entity: Entity, live: Live | None) -> EntityRow:
    """Prepare one entity, read with its outcome. `live` is its live sync, if there is one."""
    return EntityRow(
        pk=entity.pk,
        name=entity.name,
        status=entity.status if entity.is_selected else Outcome.EXCLUDED,
        reason=_reason(entity, live),
        outcome=vars(entity)["outcome"],
        synced_at=entity.last_success_at,
        next_run_at=entity.next_run_at,
        rows=entity.last_rows,
        duration_ms=entity.last_duration_ms,
        live=live,
    )


def _reason(entity: Entity, live: Live | None) -> str:
    """What stands beside an entity's status."""
    if live:
        return live.words
    return reason_in_words(entity.status, entity.status_reason) if entity.is_selected else ""
