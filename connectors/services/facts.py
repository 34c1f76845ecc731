"""Brings the stored status of a connection and its entities in line with the facts, and plans their next runs.

Every service that changes a fact ends here, in the same transaction, with the connection's row locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, Subquery
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.models import (
    GOOD,
    Connection,
    Entity,
    Pause,
    ScheduleKind,
    SchemaPolicy,
    Status,
    Table,
    with_whole_set,
)
from connectors.providers import registry
from connectors.schedules import next_slot, schedule_of
from connectors.status import Derived, RunFacts, SetupFacts, derive_connection, derive_entity

_DERIVED = ("status", "status_reason", "status_since", "next_run_at")


def lock(connection_id: UUID) -> Connection:
    """Lock a connection's row, also a deleted one's, until the transaction ends and return it.

    Raises `Connection.DoesNotExist`.

    No key changes under it, so that the foreign keys of a tick's new jobs, checked at its commit, need not wait: the
    tick holds entities then, which the holder of this lock may be waiting for.
    """
    return Connection.everything.select_for_update(of=("self",), no_key=True).get(pk=connection_id)


def lock_entities(connection: Connection) -> list[Entity]:
    """Lock the selected entities of a locked connection, always in the same order, and return them."""
    return list(connection.entities.selected().select_for_update(no_key=True).order_by("pk"))


def setup_facts(connection: Connection) -> SetupFacts:
    """Read what is set up of a connection."""
    pauses = Pause.objects.open().filter(connection=connection).values("is_by_rule")
    is_by_rule, has_tables = Connection.everything.values_list(
        Subquery(pauses[:1]), Exists(Table.objects.filter(connection=connection, is_selected=True))
    ).get(pk=connection.pk)
    return SetupFacts(
        paused_by="" if is_by_rule is None else "rule" if is_by_rule else "user",
        has_config=bool(connection.config) and connection.destination_id is not None,
        has_credentials=bool(connection.credentials),
        is_tested=connection.tested_at is not None,
        has_tables=has_tables,
        is_finished=not connection.setup_step,
        is_reviewed=is_reviewed(connection),
        is_deleted=connection.deleted_at is not None,
        has_files=has_files(connection),
    )


def is_reviewed(connection: Connection) -> bool:
    """Whether nothing at the source waits for a decision that a run must not begin without."""
    return connection.schema_policy != SchemaPolicy.STOP or not connection.pending_changes


def has_files(connection: Connection) -> bool:
    """Whether a complete set of files was delivered once, for one entity at least; True where nobody delivers any."""
    if not is_assisted(connection.provider):
        return True
    return with_whole_set(Entity.objects.selected().filter(connection=connection), GOOD).exists()


def is_assisted(provider: str) -> bool:
    """Whether people deliver the files of a provider; False for one that is not there any more."""
    return provider in registry.kinds() and registry.manifest(provider).is_assisted


def refresh(connection: Connection, *, now: datetime | None = None) -> None:
    """Derive and store the statuses of a locked connection and all its entities, and plan or stop their runs."""
    now = now or timezone.now()
    setup = setup_facts(connection)
    entities = lock_entities(connection)
    for entity in entities:
        _refresh_entity(connection, entity, setup, is_spread=len(entities) > 1, now=now)
    _refresh_connection(connection, setup, now)


def refresh_one(
    connection: Connection,
    changed: Entity,
    *,
    now: datetime,
    of_entity: Sequence[str] = (),
    of_connection: Sequence[str] = (),
) -> None:
    """Like `refresh`, after the facts of one locked entity changed; the other entities are only read.

    The fields `of_entity` and `of_connection` were set by the caller, and are stored together with the statuses.
    """
    setup = setup_facts(connection)
    _refresh_entity(connection, changed, setup, is_spread=None, now=now, also=of_entity)
    _refresh_connection(connection, setup, now, also=of_connection)


def _refresh_entity(  # what it needs, by keyword
    connection: Connection,
    entity: Entity,
    setup: SetupFacts,
    *,
    is_spread: bool | None,
    now: datetime,
    also: Sequence[str] = (),
) -> None:
    derived = derive_entity(setup, RunFacts(entity.last_error_code, entity.failure_streak))
    _set_status(entity, derived, now)
    entity.next_run_at = _planned(connection, entity, derived, is_spread=is_spread, now=now)
    entity.save(update_fields=[*_DERIVED, *also])


def _refresh_connection(connection: Connection, setup: SetupFacts, now: datetime, *, also: Sequence[str] = ()) -> None:
    grouped = connection.entities.selected().run_facts()
    counted = {RunFacts(code, streak): count for code, streak, count, _ in grouped}
    _set_status(connection, derive_connection(setup, counted), now)
    connection.next_run_at = min((planned for *_, planned in grouped if planned), default=None)
    connection.save(update_fields=[*_DERIVED, *also])


def _set_status(record: Connection | Entity, derived: Derived, now: datetime) -> None:
    if record.status != derived.status:
        record.status_since = now
    record.status, record.status_reason = derived.status, derived.reason


def is_planned(connection: Connection, derived: Derived) -> bool:
    """Whether an entity with this derived status has a next run: not while paused, incomplete, held, or by hand."""
    is_held = derived.status == Status.BROKEN and REGISTRY[derived.reason].holds
    is_stopped = derived.status in {Status.PAUSED, Status.INCOMPLETE} or is_held
    return not is_stopped and connection.schedule_kind != ScheduleKind.MANUAL


def _planned(
    connection: Connection, entity: Entity, derived: Derived, *, is_spread: bool | None, now: datetime
) -> datetime | None:
    """Return the next run: none while paused, incomplete, excluded, or held so that a refused account is not locked.

    Whether the connection has several entities is looked up only where it matters (`is_spread` is None).
    """
    if not entity.is_selected or not is_planned(connection, derived):
        return None
    if entity.next_run_at is not None:
        # Also when it is past: the tick has not claimed this slot yet, and it must not be lost.
        return entity.next_run_at
    if is_spread is None:
        is_spread = connection.entities.selected()[1:2].exists()
    return next_slot(schedule_of(connection, entity.pk, is_spread=is_spread), now)
