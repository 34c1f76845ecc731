"""Quick answers about awaited files. Nobody is asked: everything is in the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers.assisted.declared import Awaited, DeclarationError, awaited_in, companies_in, plain

# The entity of a connection whose files one person delivers for all.
WHOLE = FoundEntity("", "All files")


def reach(endpoint: Endpoint) -> str:
    """Return that nothing is to be reached. Raises `SyncError` for a declaration that cannot be used."""
    _awaited(endpoint)
    return "Nothing to reach: people bring the files here"


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Look whether the declaration can be used, and knows the company. Raises `SyncError`."""
    _awaited(endpoint)
    if entity_ref and entity_ref not in {one.ref for one in list_entities(endpoint)}:
        raise SyncError("entity_access_lost", "This company is not in the list of companies any more.")


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the companies, or the one entity of a connection without. Raises `SyncError`."""
    try:
        names = companies_in(endpoint.config)
    except DeclarationError as error:
        raise SyncError("misconfigured", str(error)) from None
    return [FoundEntity(plain(name), name) for name in names] or [WHOLE]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return a table per awaited file. Raises `SyncError`."""
    check(endpoint, entity_ref)
    return [one.as_table() for one in _awaited(endpoint)]


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether each of `tables` is still awaited. Raises `SyncError`."""
    check(endpoint, entity_ref)
    known = {one.table for one in _awaited(endpoint)}
    missing = sorted(name for _, name in tables if name not in known)
    if missing:
        raise SyncError("source_object_missing", f"No file is awaited for {', '.join(missing)} any more.")


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: there is nobody who could allow it."""
    del config, tables
    return ""


def _awaited(endpoint: Endpoint) -> tuple[Awaited, ...]:
    try:
        return awaited_in(endpoint.config)
    except DeclarationError as error:
        raise SyncError("misconfigured", str(error)) from None
