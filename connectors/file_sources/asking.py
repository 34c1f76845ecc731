"""Quick questions to a place with files: may we in, which folders, which tables. The same for every kind of place."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from connectors.file_sources import reading, settings
from connectors.file_sources.stores import Opened, Store
from connectors.files import names
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError

# Of more tables the columns are not looked for while a person waits: each costs a look into its files.
_LOOKED_INTO = 50


def check(opened: Opened, endpoint: Endpoint, entity_ref: str = "") -> None:
    """Open the place and look whether the entity's folder is there. Raises `SyncError`."""
    with opened(endpoint) as store:
        _check_folder(store, entity_ref)


def list_entities(opened: Opened, endpoint: Endpoint, name: str) -> list[FoundEntity]:
    """Return the folders directly below the root, or the root alone, called `name`. Raises `SyncError`."""
    with opened(endpoint) as store:
        found = store.folders()
    if not settings.is_per_folder(endpoint.config):
        return [FoundEntity(ref=settings.ROOT, name=name)]
    if not found:
        raise SyncError("misconfigured", "There is no folder that could sync on its own.")
    return [FoundEntity(ref=folder, name=folder) for folder in found]


def list_tables(opened: Opened, endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables that the entity's files make up, with the columns of the newest ones. Raises `SyncError`."""
    layout, limits = settings.layout_of(endpoint.config), settings.limits()
    is_incremental = settings.is_incremental(endpoint.config)
    with opened(endpoint) as store, tempfile.TemporaryDirectory(prefix="patchbay-look-") as scratch:
        _check_folder(store, entity_ref)
        found = reading.files_by_table(store, settings.folder_of(entity_ref), endpoint.config)
        columns = {
            name: reading.columns_of(store, files, Path(scratch), layout, limits)
            for name, files in list(found.items())[:_LOOKED_INTO]
        }
    return [
        FoundTable(
            name=name,
            keys=(names.FILE,) if is_incremental else (),
            columns=tuple((column.name, column.postgres_type) for column in columns.get(name, ())),
            cursor=names.MODIFIED if is_incremental else "",
            mode="merge" if is_incremental else "replace",
        )
        for name in found
    ]


def check_tables(opened: Opened, endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether there are files of each of `tables`, and whether the newest one can be read. Raises `SyncError`."""
    with opened(endpoint) as store:
        _check_folder(store, entity_ref)
        found = reading.files_by_table(store, settings.folder_of(entity_ref), endpoint.config)
        if missing := [name for _, name in tables if name not in found]:
            raise SyncError("source_object_missing", f"No file is there of: {', '.join(missing)}.")
        for _, name in tables[:_LOOKED_INTO]:
            store.read(found[name][-1], 0, 1)


def _check_folder(store: Store, entity_ref: str) -> None:
    folders, folder = store.folders(), settings.folder_of(entity_ref)
    if folder and folder not in folders:
        raise SyncError("entity_access_lost", f"The folder “{folder}” is not there any more.")
