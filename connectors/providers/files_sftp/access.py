"""Quick questions to an SFTP server: is it the right one, may we in, what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.file_sources import asking
from connectors.file_sources.sftp import opened, reached
from connectors.plan import Endpoint, FoundEntity, FoundTable


def reach(endpoint: Endpoint) -> str:
    """Look whether a server answers, and return in a sentence which key it shows. Raises `SyncError`."""
    return reached(endpoint)


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Open the server and look whether the entity's folder is there. Raises `SyncError`."""
    asking.check(opened, endpoint, entity_ref)


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether there are files of each of `tables`, and whether they can be read. Raises `SyncError`."""
    asking.check_tables(opened, endpoint, entity_ref, tables)


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: who may read a file is set where it lies."""
    del config, tables
    return ""


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the folders that sync on their own, or the server as one. Raises `SyncError`."""
    return asking.list_entities(opened, endpoint, str(endpoint.config.get("host") or "Server"))


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables that the files of an entity make up. Raises `SyncError`."""
    return asking.list_tables(opened, endpoint, entity_ref)
