"""Makes a connection out of an end user's sign-in, or mends one with it, once the source was asked for all of it.

Asking and storing are two steps: `examine` asks and stores nothing, `make` and `mend` store what it found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors import secrets
from connectors.models import Connection, Destination
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers import registry
from connectors.providers.manifest import SIGN_IN, Manifest
from connectors.services import activity, connect, facts, review
from connectors.services.changing import lock_kept
from connectors.services.setting_up import NameTakenError, named

# What a new connection runs at until somebody chooses.
INTERVAL_SECONDS = 6 * 60 * 60
_NAME_LENGTH = 200
_NOT_ALLOWED = frozenset({"insufficient_permissions", "insufficient_scope"})


class NotAllowedError(SyncError):
    """The sign-in works, but what is to be read may not be. `missing` names it, by product where there are products."""

    def __init__(self, code: str, missing: Sequence[str], detail: str = "") -> None:
        super().__init__(code, detail)
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an end user's sign-in is asked for: entities by the source's own ids, and the names of products.

    Without products every table that may be read is wanted. `tables`, (schema, name), are those of a connection that is
    there already.
    """

    refs: Sequence[str]
    products: Sequence[str] = ()
    tables: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What the source gave: all its entities, all its tables, and those of them that are to be copied."""

    entities: tuple[FoundEntity, ...]
    tables: tuple[FoundTable, ...]
    copied: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What is to be made: whose it is, and with which sign-in. `config` and `secrets` are whole."""

    name: str
    provider: str
    destination: Destination
    refs: Collection[str]
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)


def examine(endpoint: Endpoint, wanted: Wanted) -> Examined:
    """Ask the source whether everything that is wanted can be read. Stores nothing, and needs no database.

    Raises `NotAllowedError` with what is missing, and `SyncError` for everything else that the source refuses.
    """
    access = registry.access(endpoint.kind)
    access.check(endpoint)
    entities = access.list_entities(endpoint)
    open_refs = [one.ref for one in entities if one.ref in set(wanted.refs)]
    if not open_refs:
        raise SyncError("entity_access_lost", "None of the chosen ones can be seen with this sign-in.")
    if wanted.tables:
        _read_first_open(access, endpoint, open_refs, wanted.tables)
        return Examined(tuple(entities), (), frozenset(wanted.tables))
    tables = connect.tables_of_open(access, endpoint, [one for one in entities if one.ref in set(open_refs)])
    copied = _allowed(access, endpoint, open_refs, _of_products(endpoint.kind, tables, wanted.products))
    return Examined(tuple(entities), tuple(tables), frozenset(copied))


@transaction.atomic
def make(*, new: NewConnection, found: Examined, note: str, created_by: User | None) -> Connection:
    """Store a connection that is ready to run, and return it. Its name gets a number where it is taken.

    Entities that were not chosen are known and excluded, so that a later look at the source does not take them up.
    """
    made = _created(new, created_by)
    connect.set_credentials(connection=made, credentials=new.secrets)
    connect.take_up(connection=made, entities=found.entities, tables=found.tables)
    made.entities.exclude(ref__in=new.refs).update(is_selected=False, next_run_at=None)
    for table in made.tables.all():
        if (table.source_schema, table.name) not in found.copied:
            made.tables.filter(pk=table.pk).update(is_selected=False)
    locked = facts.lock(made.pk)
    facts.refresh(locked)
    activity.record("connection.connected", actor=None, connection=locked, note=note)
    return locked


@transaction.atomic
def mend(
    *, connection: Connection, config: Mapping[str, Any], credentials: Mapping[str, str], found: Examined, note: str
) -> list[UUID]:
    """Store a sign-in that the source accepted in the place of the old one; what a refused one held back goes on.

    Returns the entities that failed before. Raises `ConnectionDeletedError`.
    """
    locked = lock_kept(connection.pk)
    manifest = registry.manifest(locked.provider)
    before, now = dict(locked.config), timezone.now()
    failed = [one.pk for one in facts.lock_entities(locked) if one.failure_streak]
    locked.config = {**_not_asked(manifest, before), **config}
    locked.credentials = secrets.seal(credentials, owner=f"connection:{locked.pk}")
    locked.credentials_set_at, locked.credentials_set_by, locked.credentials_end_on = now, None, None
    stored = ["config", "credentials", "credentials_set_at", "credentials_set_by", "credentials_end_on"]
    locked.save(update_fields=stored)
    if found.tables:
        # It never came so far as to know what there is.
        connect.take_up(connection=locked, entities=found.entities, tables=found.tables)
        locked = facts.lock(locked.pk)
    review.accept(locked, now)
    facts.refresh(locked, now=now)
    # What an end user typed is told nowhere, also where it is no secret.
    typed = [name for name in locked.config if locked.config[name] != before.get(name)]
    changes = [{"field": name, "before": None, "after": activity.REPLACED} for name in (*typed, *credentials)]
    activity.record("connection.reconnected", actor=None, connection=locked, changes=changes, note=note)
    return failed


def _created(new: NewConnection, created_by: User | None) -> Connection:
    """Store the connection under the first name that is free."""
    for number in count(1):
        suffix = f" {number}" if number > 1 else ""
        name = f"{new.name[: _NAME_LENGTH - len(suffix)]}{suffix}"
        try:
            with named(name):
                return connect.create_connection(
                    name=name,
                    provider=new.provider,
                    config=new.config,
                    destination=new.destination,
                    interval_seconds=INTERVAL_SECONDS,
                    actor=created_by,
                )
        except NameTakenError:
            continue
    raise AssertionError  # pragma: no cover - there is always a further number


def _not_asked(manifest: Manifest, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored settings that no sign-in asks for."""
    asked = {one.name for one in manifest.fields} | {SIGN_IN}
    return {name: value for name, value in stored.items() if name not in asked}


def _of_products(kind: str, tables: Sequence[FoundTable], products: Sequence[str]) -> list[FoundTable]:
    """Return the tables of the chosen products; where none was chosen, of all but those that change something."""
    changing = {product.name for product in registry.manifest(kind).products if product.changes}
    return [table for table in tables if (table.product in products if products else table.product not in changing)]


def _read_first_open(
    access: registry.Access, endpoint: Endpoint, refs: Sequence[str], tables: Sequence[tuple[str, str]]
) -> None:
    """Look whether `tables` can be read in the first entity that gives access. Raises `SyncError`."""
    for ref in refs:
        try:
            return access.check_tables(endpoint, ref, tables)
        except SyncError as error:
            if error.code in _NOT_ALLOWED:
                missing = _refused(access, endpoint, ref, tables)
                raise NotAllowedError(error.code, [name for _, name in missing], error.detail) from error
            if error.code != "entity_access_lost" or ref == refs[-1]:
                raise
    return None


def _allowed(
    access: registry.Access, endpoint: Endpoint, refs: Sequence[str], tables: Sequence[FoundTable]
) -> list[tuple[str, str]]:
    """Return those of `tables` that may be read. Of a product all of them must be readable."""
    names = [(table.source_schema, table.name) for table in tables]
    if not names:
        raise NotAllowedError("insufficient_permissions", ("tables",), "The account can see no table.")
    try:
        _read_first_open(access, endpoint, refs, names)
    except NotAllowedError as error:
        products = {table.name: table.product for table in tables}
        readable = [one for one in names if one[1] not in error.missing]
        if not readable or any(products.values()):
            labels = _labels(registry.manifest(endpoint.kind), [products[name] or name for name in error.missing])
            raise NotAllowedError(error.code, labels, error.detail) from error
        return readable
    return names


def _refused(
    access: registry.Access, endpoint: Endpoint, ref: str, tables: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Ask for each table by itself, and return those that may not be read."""
    refused = []
    for table in tables:
        try:
            access.check_tables(endpoint, ref, [table])
        except SyncError as error:
            if error.code not in _NOT_ALLOWED:
                raise
            refused.append(table)
    return refused


def _labels(manifest: Manifest, names: Sequence[str]) -> list[str]:
    labels = {product.name: product.label for product in manifest.products}
    return list(dict.fromkeys(labels.get(name, name) for name in names))
