"""How Patchbay opens a SQLite file: for reading only, and with nothing in it trusted."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from connectors import folders
from connectors.plan import Endpoint, SyncError

# A question on the web side must come back while a person waits.
QUESTION_SECONDS = 15.0
# How long a lock of somebody who writes is waited for.
LOCK_SECONDS = 5.0
_MAGIC = b"SQLite format 3\0"
# So many steps of SQLite's machine lie between two looks at the clock.
_STEPS = 100_000

_NAMES = {
    "SQLITE_BUSY": "provider_unavailable",
    "SQLITE_LOCKED": "provider_unavailable",
    "SQLITE_CANTOPEN": "insufficient_permissions",
    "SQLITE_PERM": "insufficient_permissions",
    "SQLITE_AUTH": "insufficient_permissions",
    "SQLITE_READONLY": "insufficient_permissions",
    "SQLITE_NOTADB": "misconfigured",
    "SQLITE_CORRUPT": "bad_record",
    "SQLITE_IOERR": "provider_error",
    "SQLITE_FULL": "provider_error",
    "SQLITE_INTERRUPT": "connection_timeout",
    "SQLITE_TOOBIG": "bad_record",
}


def path_of(endpoint: Endpoint) -> Path:
    """Return the file, which is there and begins as SQLite files do. Raises `SyncError`."""
    named = str(endpoint.config.get("file") or "")
    if not named:
        raise SyncError("misconfigured", "Not filled in: file.")
    path = folders.find(named)
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except IsADirectoryError:
        raise SyncError("misconfigured", f"“{named}” is a folder.") from None
    except OSError as error:
        raise SyncError("insufficient_permissions", f"“{named}” cannot be read: {error.strerror}.") from None
    # An empty file is a database without tables.
    if head and head != _MAGIC:
        raise SyncError("misconfigured", f"“{named}” is no SQLite file.")
    return path


def connect(path: Path, *, seconds: float | None = QUESTION_SECONDS) -> sqlite3.Connection:
    """Open a file for reading; all statements together may take `seconds`. May raise sqlite3 errors."""
    address = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=LOCK_SECONDS, check_same_thread=False)
    # A view or an index of a file that somebody else made must not call functions that do more than reckon.
    for statement in ("PRAGMA trusted_schema = OFF", "PRAGMA query_only = ON", "PRAGMA cell_size_check = ON"):
        connection.execute(statement)
    if seconds is not None:
        until = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    return connection


def failure(error: Exception) -> SyncError:
    """Turn what sqlite3 raised into a `SyncError`; `detail` is its own words."""
    said = " ".join(str(error).split())[:500]
    if "no such table" in said or "no such column" in said:
        return SyncError("source_object_missing", said)
    if "Could not decode" in said:
        # The words go on with the value.
        return SyncError("bad_record", "A text of the file is no UTF-8.")
    name = str(getattr(error, "sqlite_errorname", ""))
    code = next((code for beginning, code in _NAMES.items() if name.startswith(beginning)), "unknown_error")
    if code == "insufficient_permissions":
        said = f"{said}. A file with a write-ahead log also needs the right to write into its folder."
    return SyncError(code, said)
