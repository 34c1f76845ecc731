"""Creates destinations and connections, stores their credentials, and takes up what a source offers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors import secrets
from connectors.ids import new_id
from connectors.models import Connection, Destination, Entity, ScheduleKind
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers import registry
from connectors.services import facts, review
from connectors.services.observe import observe_tables

_DATASET_LENGTH = 40
# Postgres cuts longer names off.
_LONGEST_NAME = 63
# Random letters of an id that tell two names apart.
_OWN_LETTERS = 10
# Names of schemas that PostgreSQL keeps for itself.
_KEPT_BY_POSTGRES = ("pg_", "information_schema")


def create_destination(
    *, name: str, kind: str, config: Mapping[str, Any], credentials: Mapping[str, str] | None = None
) -> Destination:
    """Store a destination with its sealed credentials and return it. Raises `IntegrityError` for a taken name."""
    destination = Destination(name=name, kind=kind, config=dict(config))
    if credentials:
        destination.credentials = secrets.seal(credentials, owner=f"destination:{destination.pk}")
        destination.credentials_set_at = timezone.now()
    destination.save(force_insert=True)
    return destination


@transaction.atomic
def create_connection(  # noqa: PLR0913 - what a connection is made of, by keyword
    *,
    name: str,
    provider: str,
    config: Mapping[str, Any],
    destination: Destination | None,
    interval_seconds: int,
    actor: User | None = None,
    time_zone: str = "UTC",
    setup_step: str = "",
) -> Connection:
    """Store a connection without credentials, so it is incomplete, and return it.

    With a `setup_step` it stays incomplete until its setup is finished, which `setting_up` does.

    Raises `KeyError` for an unknown provider and `IntegrityError` for a taken name.
    """
    registry.manifest(provider)
    pk = new_id()
    connection = Connection.objects.create(
        pk=pk,
        name=name,
        provider=provider,
        config=dict(config),
        destination=destination,
        dataset=free_dataset(destination, name, pk) if destination else "",
        schedule_kind=ScheduleKind.INTERVAL,
        interval_seconds=interval_seconds,
        time_zone=time_zone,
        created_by=actor,
        setup_step=setup_step,
    )
    facts.refresh(connection)
    return connection


@transaction.atomic
def set_credentials(*, connection: Connection, credentials: Mapping[str, str], actor: User | None = None) -> None:
    """Seal and store new credentials. They count as not tested until `take_up` has used them."""
    locked = facts.lock(connection.pk)
    now = timezone.now()
    locked.credentials = secrets.seal(credentials, owner=f"connection:{locked.pk}")
    locked.credentials_set_at, locked.credentials_set_by, locked.tested_at = now, actor, None
    locked.credentials_end_on = None
    locked.save(
        update_fields=["credentials", "credentials_set_at", "credentials_set_by", "credentials_end_on", "tested_at"]
    )
    # What the caller holds is what a test with it then speaks of.
    connection.credentials, connection.credentials_set_at, connection.tested_at = locked.credentials, now, None
    facts.refresh(locked, now=now)


def free_dataset(destination: Destination, name: str, pk: UUID) -> str:
    """Return the dataset of a new connection: of its name, and its own even when two names look alike as a schema's."""
    wanted = dataset_name(name)
    # Also of those that were deleted: what they loaded is still there.
    if not Connection.everything.filter(destination=destination, dataset=wanted).exists():
        return wanted
    own = pk.hex[-_OWN_LETTERS:]
    return f"{wanted[: _DATASET_LENGTH - _OWN_LETTERS - 1]}_{own}"


def source_of(connection: Connection) -> Endpoint:
    """Return the source of a connection with its secrets opened, for checks and the engine."""
    return Endpoint(connection.provider, known_config(connection, connection.config), connection.read_credentials())


def known_config(connection: Connection, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings with what was found of the connection's tables, where that belongs to asking its source again."""
    if not registry.learns(connection.provider):
        return config
    found = connection.tables.exclude(found=[]).values_list("name", "found")
    tables = [FoundTable(name=name, columns=tuple((one, kind) for one, kind in columns)) for name, columns in found]
    return registry.with_known(connection.provider, config, tables)


def destination_of(connection: Connection) -> Endpoint:
    """Return the destination of a connection with its secrets opened. Raises `ValueError` when none is set."""
    if connection.destination is None:
        message = f"The connection {connection.pk} has no destination."
        raise ValueError(message)
    return Endpoint(
        connection.destination.kind, connection.destination.config, connection.destination.read_credentials()
    )


def check_and_discover(*, connection: Connection) -> None:
    """Sign in at the source, list its entities and tables, and store them; the connection counts as tested then.

    Raises `SyncError` when the source refuses or cannot be reached; then nothing is changed.
    """
    connection.refresh_from_db()
    access = registry.access(connection.provider)
    endpoint = source_of(connection)
    access.check(endpoint)
    entities = access.list_entities(endpoint)
    tables = tables_of_open(access, endpoint, entities)
    take_up(connection=connection, entities=entities, tables=tables)


def tables_of_open(access: registry.Access, endpoint: Endpoint, entities: Sequence[FoundEntity]) -> list[FoundTable]:
    """List the tables of the first entity that lets us; one that withdrew its access must not stop the others.

    Where each entity has tables of its own, as schemas do, those of all are listed.
    """
    refusal: SyncError | None = None
    found: list[FoundTable] = []
    for entity in entities:
        try:
            found += access.list_tables(endpoint, entity.ref)
            if not registry.manifest(endpoint.kind).tables_per_entity:
                return found
        except SyncError as error:
            if error.code != "entity_access_lost":
                raise
            refusal = error
    if refusal is not None and not found:
        raise refusal
    return found


@transaction.atomic
def take_up(*, connection: Connection, entities: Sequence[FoundEntity], tables: Sequence[FoundTable]) -> None:
    """Store the entities and tables that a tested source offers; what differs of known tables waits for a decision.

    The connection counts as tested, unless its credentials are others by now than those that `connection` holds. Where
    its settings are others by now, this is what another source offers, and nothing is stored.
    """
    locked = facts.lock(connection.pk)
    if locked.deleted_at is not None or locked.config != connection.config:
        return
    now = timezone.now()
    _take_up_entities(locked, entities)
    if entities:
        # Without one that lets us in, nothing was listed.
        observe_tables(connection=locked, found=tables, scope=_scope(entities, tables), now=now)
        locked = facts.lock(connection.pk)
    if review.is_same_sign_in(connection, locked):
        review.accept(locked, now)
    facts.refresh(locked, now=now)


def _take_up_entities(connection: Connection, entities: Sequence[FoundEntity]) -> None:
    known = dict(connection.entities.values_list("ref", "dataset"))
    new = [found for found in entities if found.ref not in known]
    made = [Entity(connection=connection, ref=found.ref, name=found.name) for found in new]
    place(connection, made, taken=set(known.values()))
    Entity.objects.bulk_create(made, ignore_conflicts=True)


def place(connection: Connection, entities: Iterable[Entity], *, taken: set[str]) -> None:
    """Set where the tables of each entity land: in the connection's dataset, or in one of its own beside `taken`."""
    is_multi = registry.manifest(connection.provider).has_several(connection.config)
    for entity in entities:
        entity.dataset = connection.dataset
        if is_multi:
            entity.dataset = entity_dataset(connection.dataset, entity.ref)
            if entity.dataset in taken:
                entity.dataset = f"{connection.dataset}__{entity.pk.hex[-_OWN_LETTERS:]}"
        taken.add(entity.dataset)


def entity_dataset(dataset: str, ref: str) -> str:
    """Return the dataset of one of several entities: the connection's, and the source's id in a schema's letters."""
    return f"{dataset}__{_plain(ref)}"[:_LONGEST_NAME].rstrip("_")


def _scope(entities: Sequence[FoundEntity], tables: Sequence[FoundTable]) -> set[str]:
    """Return the schemas of which all tables were listed; with several entities those that were met."""
    return {one.source_schema for one in tables} | ({entities[0].ref} if len(entities) == 1 else set())


def dataset_name(name: str) -> str:
    """Return the dataset at the destination for a connection's name: lower case letters, digits and underscores."""
    words = _plain(name)[:_DATASET_LENGTH].rstrip("_")
    return words if words[:1].isalpha() and not words.startswith(_KEPT_BY_POSTGRES) else f"c_{words}"


def _plain(text: str) -> str:
    """Return lower case letters and digits with single underscores between them."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
