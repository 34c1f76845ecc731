"""Finds any stored status that is not what the stored facts make of it, mends it, and tells.

Services store a status in the transaction that changes a fact, so there should never be a difference: one that is found
is a fault of ours, or a row that somebody changed by hand. Also told is a run that is planned where none may be, and
none where one must be: a table that silently stops being scheduled is what nobody notices for months.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import structlog
from cronsim import CronSimError
from django.db import transaction
from django.db.models import Exists, OuterRef

from connectors.models import Connection, Entity, Pause, Table
from connectors.services import facts
from connectors.status import RunFacts, SetupFacts, derive_connection, derive_entity

log = structlog.get_logger(__name__)

BATCH = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One record whose stored words were not the derived ones: status and reason, and "planned" or "not planned"."""

    kind: str
    pk: UUID
    name: str
    stored: tuple[str, str, str]
    derived: tuple[str, str, str]


def reconcile() -> list[Difference]:
    """Compare every connection and its entities, mend what differs under the connection's lock, and return it.

    Reads in batches without a lock; only what looks wrong is locked and looked at again.
    """
    found: list[Difference] = []
    for batch in _batches():
        for connection_id in _suspects(batch):
            found += _mend(connection_id)
    for one in found:
        log.error(
            "A stored status was not what its facts say; it is mended",
            kind=one.kind,
            id=str(one.pk),
            stored=" ".join(one.stored),
            derived=" ".join(one.derived),
        )
    return found


def _batches() -> Iterator[list[Connection]]:
    """Give all connections in batches, with `rule` (of the open pause, None without one) and `has_tables`."""
    is_by_rule = Pause.objects.open().filter(connection=OuterRef("pk")).values("is_by_rule")[:1]
    chosen = Table.objects.filter(connection=OuterRef("pk"), is_selected=True)
    known = Connection.objects.annotate(rule=is_by_rule, has_tables=Exists(chosen)).order_by("pk")
    last: UUID | None = None
    while batch := list((known.filter(pk__gt=last) if last else known)[:BATCH]):
        yield batch
        last = batch[-1].pk


def _suspects(batch: Sequence[Connection]) -> list[UUID]:
    """Return those of a batch that seem to hold a wrong status, themselves or at an entity."""
    entities: dict[UUID, list[Entity]] = {connection.pk: [] for connection in batch}
    selected = Entity.objects.selected().filter(connection__in=entities).defer("recent_runs")
    for entity in selected.iterator(chunk_size=2000):
        entities[entity.connection_id].append(entity)
    return [one.pk for one in batch if _looks_wrong(one, entities[one.pk])]


def _looks_wrong(connection: Connection, entities: Sequence[Entity]) -> bool:
    setup = _setup(connection)
    runs = [RunFacts(one.last_error_code, one.failure_streak) for one in entities]
    whole = derive_connection(setup, runs)
    if (connection.status, connection.status_reason) != (whole.status, whole.reason):
        return True
    for entity, run in zip(entities, runs, strict=True):
        derived = derive_entity(setup, run)
        if (entity.status, entity.status_reason) != (derived.status, derived.reason):
            return True
        if (entity.next_run_at is not None) != facts.is_planned(connection, derived):
            return True
    return (connection.next_run_at is not None) != any(one.next_run_at for one in entities)


def _setup(connection: Connection) -> SetupFacts:
    """Return what `facts.setup_facts` reads, out of the batch's own query."""
    rule: bool | None = getattr(connection, "rule", None)
    return SetupFacts(
        paused_by="" if rule is None else "rule" if rule else "user",
        has_config=bool(connection.config) and connection.destination_id is not None,
        has_credentials=bool(connection.credentials),
        is_tested=connection.tested_at is not None,
        has_tables=bool(getattr(connection, "has_tables", False)),
        is_finished=not connection.setup_step,
        is_reviewed=facts.is_reviewed(connection),
        has_files=facts.has_files(connection),
    )


def _mend(connection_id: UUID) -> list[Difference]:
    """Derive everything of one connection again under its lock and return what was wrong before."""
    try:
        with transaction.atomic():
            locked = facts.lock(connection_id)
            before = [_words(locked), *map(_words, facts.lock_entities(locked))]
            facts.refresh(locked)
            after = [_words(locked), *map(_words, facts.lock_entities(locked))]
    except Connection.DoesNotExist:
        return []
    except (CronSimError, ZoneInfoNotFoundError) as error:
        # One schedule that cannot be read must not hide the differences of everybody else.
        log.warning("A schedule cannot be read", connection=str(connection_id), reason=str(error))
        return []
    return [
        Difference(kind, pk, name, stored, derived)
        for (kind, pk, name, stored), (*_, derived) in zip(before, after, strict=True)
        if stored != derived
    ]


def _words(record: Connection | Entity) -> tuple[str, UUID, str, tuple[str, str, str]]:
    kind = "connection" if isinstance(record, Connection) else "entity"
    planned = "planned" if record.next_run_at else "not planned"
    return kind, record.pk, record.name, (str(record.status), record.status_reason, planned)
