"""Quick questions about a folder of this machine: is it there and may it be read, what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.file_sources import asking
from connectors.file_sources.folder import opened, root_of
from connectors.plan import Endpoint, FoundEntity, FoundTable


def reach(endpoint: Endpoint) -> str:
    """Look whether the folder is there and allowed, and return that in a sentence. Raises `SyncError`."""
    return f"The folder “{root_of(endpoint).name}” is there"


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Open the folder and look whether the entity's folder is there. Raises `SyncError`."""
    asking.check(opened, endpoint, entity_ref)


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether there are files of each of `tables`, and whether they can be read. Raises `SyncError`."""
    asking.check_tables(opened, endpoint, entity_ref, tables)


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: who may read a file is set where it lies."""
    del config, tables
    return ""


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the folders that sync on their own, or the folder as one. Raises `SyncError`."""
    return asking.list_entities(
        opened, endpoint, str(endpoint.config.get("folder") or "").rstrip("/").rpartition("/")[2] or "Folder"
    )


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables that the files of an entity make up. Raises `SyncError`."""
    return asking.list_tables(opened, endpoint, entity_ref)
