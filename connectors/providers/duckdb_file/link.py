"""Where a DuckDB file lies, without DuckDB: the web must not load it."""

from __future__ import annotations

from pathlib import Path

from connectors import folders
from connectors.plan import Endpoint, SyncError

# What every DuckDB file says of itself, after a checksum.
_MAGIC_AT, _MAGIC = 8, b"DUCK"


def path_of(endpoint: Endpoint) -> Path:
    """Return the file, which is there and begins as DuckDB files do. Raises `SyncError`."""
    named = str(endpoint.config.get("file") or "")
    if not named:
        raise SyncError("misconfigured", "Not filled in: file.")
    path = folders.find(named)
    try:
        with path.open("rb") as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except IsADirectoryError:
        raise SyncError("misconfigured", f"“{named}” is a folder.") from None
    except OSError as error:
        raise SyncError("insufficient_permissions", f"“{named}” cannot be read: {error.strerror}.") from None
    if head[_MAGIC_AT:] != _MAGIC:
        raise SyncError("misconfigured", f"“{named}” is no DuckDB file.")
    return path
