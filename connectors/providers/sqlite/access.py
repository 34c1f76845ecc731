"""Quick questions to a SQLite file. Used by forms, tests of a connection, discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.plan import Endpoint, FoundEntity, FoundTable
from connectors.providers.sql import questions
from connectors.providers.sqlite import link
from connectors.providers.sqlite.session import opened


def reach(endpoint: Endpoint) -> str:
    """Look whether the file is there, and return its size as a sentence. Raises `SyncError`."""
    path = link.path_of(endpoint)
    return f"The file “{path.name}” is there, {path.stat().st_size / 1_000_000:,.1f} MB"


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Open the file, and look whether it can be read. Raises `SyncError`. The entity is the file."""
    del entity_ref
    with opened(endpoint):
        pass


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the one entity: the file. Raises `SyncError`."""
    check(endpoint)
    name = link.path_of(endpoint).name
    return [FoundEntity(name, name)]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables and views with keys, columns, declared types and row counts. Raises `SyncError`."""
    del entity_ref
    with opened(endpoint) as session:
        return questions.tables(session, "")


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether every one of `tables`, (schema, name), is there and may be read. Raises `SyncError`."""
    del entity_ref
    with opened(endpoint) as session:
        questions.check_tables(session, tables)


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: rights are those of the file."""
    del config, tables
    return ""
