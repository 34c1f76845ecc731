"""Quick questions to a declared API: is the sign-in accepted, which accounts are there, what can be read of each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from connectors import http
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers.rest_api import fields
from connectors.providers.rest_api.declaration import Declaration, FieldSpec, Resource
from connectors.providers.rest_api.reader import ApiReader, cursor_of, open_reader, with_parent

# From so many records of a first page a resource's fields are found.
SAMPLE_ROWS = 500
# Waits that a person or a worker would see as hanging are refused instead.
_LONGEST_WAIT_SECONDS = 5
# One resource is closed, others may be open.
_CLOSED = {"insufficient_permissions", "insufficient_scope"}


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the base address, without a key, and return what. Raises `SyncError`."""
    return http.reach(str(endpoint.config.get("base_url") or ""))


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Ask for the accounts, or for a page of the first resource of one that lets us. Raises `SyncError`."""
    with _reader(endpoint, entity_ref) as reader:
        check_with(reader)


def check_with(reader: ApiReader) -> None:
    """Ask with an open reader, as `check` does. Raises `SyncError`.

    What may be read may be one resource only, so each is asked for until one is open. Without an entity, resources
    that are read of one cannot be asked for: then the list of accounts is.
    """
    if reader.declared.entities and not reader.entity:
        reader.list_entities()
        return
    refusals = []
    for resource in (one for one in reader.declared.resources if not one.parent):
        try:
            next(reader.read(resource, None, only_first=True), None)
        except SyncError as error:
            if error.code not in _CLOSED:
                raise
            refusals.append(error)
        else:
            return
    raise refusals[0]


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Ask for a page of each table of an account. Raises `SyncError`, also for a table that is not declared."""
    with _reader(endpoint, entity_ref) as reader:
        if not tables:
            check_with(reader)
        for _, name in tables:
            next(reader.read(resource_named(reader.declared, name), None, only_first=True), None)


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: what a key may read is chosen where it was made."""
    del config, tables
    return ""


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the accounts of the declared list, or the API as the only one. Raises `SyncError`."""
    with _reader(endpoint) as reader:
        if reader.declared.entities is None:
            return [FoundEntity(ref="", name=urlsplit(str(endpoint.config.get("base_url"))).hostname or "API")]
        return [FoundEntity(ref=ref, name=name) for ref, name in reader.list_entities()]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the declared resources with their fields: the declared ones and those of a first page.

    Raises `SyncError` when one cannot be read.
    """
    with _reader(endpoint, entity_ref) as reader:
        known: dict[str, tuple[FieldSpec, ...]] = {}
        for resource in _parents_first(reader.declared):
            known[resource.name] = sample(reader, resource, known)
    return [_table(resource, reader.declared, known[resource.name]) for resource in reader.declared.resources]


def sample(
    reader: ApiReader, resource: Resource, known: Mapping[str, Sequence[FieldSpec]] | None = None
) -> tuple[FieldSpec, ...]:
    """Return the fields of a resource: the declared ones, and those of the records of a first page.

    `known` are the fields of its parent, by its name, for the types of what comes from there. Raises `SyncError`.
    """
    page = next(reader.read(resource, None, only_first=True), None)
    records = list(islice(page.records, SAMPLE_ROWS)) if page else []
    of_parent = tuple((known or {}).get(resource.parent, ()))
    declared = with_parent(resource.fields, resource, reader.declared, of_parent)
    return fields.find(records, declared)


def resource_named(declared: Declaration, name: str) -> Resource:
    """Return the resource of this name. Raises `SyncError("source_object_missing")`."""
    found = declared.resource(name)
    if found is None:
        raise SyncError("source_object_missing", f"The declaration has no resource “{name}”.")
    return found


def _reader(endpoint: Endpoint, entity_ref: str = "") -> ApiReader:
    return open_reader(endpoint, entity_ref, time.sleep, longest_wait=_LONGEST_WAIT_SECONDS)


def _parents_first(declared: Declaration) -> list[Resource]:
    done: list[Resource] = []
    left = list(declared.resources)
    while left:
        ready = [one for one in left if not one.parent or any(one.parent == other.name for other in done)]
        done += ready
        left = [one for one in left if one not in ready]
    return done


def _table(resource: Resource, declared: Declaration, found: Sequence[FieldSpec]) -> FoundTable:
    cursor = cursor_of(resource, declared)
    keys = resource.key
    return FoundTable(
        name=resource.name,
        keys=keys,
        columns=tuple((spec.name, spec.type) for spec in found),
        cursor=cursor if keys else "",
        mode="merge" if keys and cursor else "replace",
    )
