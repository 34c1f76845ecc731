"""Parquet files in a folder of this machine as a destination."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from connectors.destinations import parquet_files
from connectors.destinations.bookkeeping import Mark, Standing
from connectors.destinations.previews import LoadedTable, Preview
from connectors.destinations.stores import Folder
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
# A reader of many files at once takes these for patterns.
_PATTERNS = frozenset("*?[]{}")

MANIFEST = DestinationManifest(
    kind="parquet",
    is_heavy=True,
    name="Parquet files",
    tile="Pq",
    tile_hue=3,
    summary="Files in a folder of this machine, one per table; each sync replaces them whole.",
    fields=(
        Field(
            "folder",
            "Folder",
            "A name: the folder lies in this installation's data folder. Or a whole path below a folder that an admin "
            "listed in PATCHBAY_EXPORT_FOLDERS.",
            pattern=rf"{_NAME.pattern}|/[^\x00]{{1,500}}",
            pattern_error="This is neither a name (letters, digits, “-” and “_”) nor a whole path.",
        ),
    ),
)
ARRAYS_AS_JSON = True


def folder_of(endpoint: Endpoint) -> Path:
    """Return the folder of the destination. Raises `SyncError("misconfigured")` for one that may not be written to."""
    named = str(endpoint.config.get("folder") or "").strip()
    own = Path(settings.PATCHBAY_HOME) / "parquet"
    if _NAME.fullmatch(named):
        return _without_links(own, own / named)
    path = Path(named)
    if not path.is_absolute() or ".." in path.parts or "\x00" in named or _PATTERNS & set(named):
        raise SyncError("misconfigured", f"“{named}” is no usable folder.")
    for allowed in (Path(one).absolute() for one in settings.PATCHBAY_EXPORT_FOLDERS):
        if path.is_relative_to(allowed):
            return _without_links(allowed, path)
    raise SyncError("misconfigured", f"“{named}” is not below a folder that an admin lists in PATCHBAY_EXPORT_FOLDERS.")


def _without_links(above: Path, path: Path) -> Path:
    """Return `path`. Raises `SyncError` where a part of it below `above` is a link, which may lead anywhere."""
    ways = [path, *path.parents]
    if any(step.is_symlink() for step in ways[: ways.index(above)]):
        raise SyncError("misconfigured", f"“{path.name}” is reached over a link, which is not followed.")
    return path


def store_of(endpoint: Endpoint) -> Folder:
    """Return the folder as a store. Raises `SyncError`."""
    return Folder(folder_of(endpoint))


def place_of(config: Mapping[str, Any]) -> str:
    """Return the folder as it was named."""
    return str(config.get("folder") or "")


def probe(endpoint: Endpoint) -> Generator[str]:
    """Make the folder and look whether files can be made in it, without DuckDB: the web must not load it."""
    path = folder_of(endpoint)
    _make(path)
    free = shutil.disk_usage(path).free / 1_000_000_000
    yield f"The folder is there, {free:,.0f} GB are free"
    yield "A folder needs no sign-in"
    _check(path)
    yield "Files can be made in it"


def check(endpoint: Endpoint) -> None:
    """Make the folder and look whether files can be made in it. Raises `SyncError`."""
    path = folder_of(endpoint)
    _make(path)
    _check(path)


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SyncError("destination_permission_denied", f"The folder cannot be made: {error.strerror}.") from None


def _check(path: Path) -> None:
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise SyncError("destination_permission_denied", "No file can be made in the folder.")


def look(endpoint: Endpoint, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
    """Check, and tell what stands of `tables` in `dataset`. Raises `SyncError`."""
    check(endpoint)
    return parquet_files.look(store_of(endpoint), dataset, pipeline, tables)


def marks(endpoint: Endpoint, dataset: str, pipeline: str) -> Mapping[str, Mark]:
    """Return which run last appended to each table. Raises `SyncError`."""
    return parquet_files.marks(store_of(endpoint), dataset, pipeline)


def count_rows(endpoint: Endpoint, dataset: str, tables: tuple[str, ...]) -> dict[str, int | None]:
    """Return the rows of each table in `dataset`; None for a table that is not there. Raises `SyncError`."""
    return parquet_files.count_rows(store_of(endpoint), dataset, tables)


def drop_loaded(endpoint: Endpoint, dataset: str, pipeline: str) -> tuple[str, ...]:
    """Remove the files that `pipeline` made in `dataset`, and return the tables' names. Raises `SyncError`."""
    return parquet_files.drop_loaded(store_of(endpoint), dataset, pipeline)


def list_loaded(endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
    """Return the tables in `dataset`, by name. Raises `SyncError`."""
    return parquet_files.list_loaded(store_of(endpoint), dataset)


def preview(endpoint: Endpoint, dataset: str, table: str, limit: int) -> Preview:
    """Return the first rows of a table as text. Raises `SyncError`."""
    return parquet_files.preview(store_of(endpoint), dataset, table, limit)
