"""What is at a destination, for a page: tables with their rows and columns, and the first rows of one.

Nothing of it is stored. What would load something heavy is asked in a process of its own, which is ended when it takes
too long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from connectors.destinations import registry
from connectors.destinations.previews import LoadedTable, Preview
from connectors.plan import Endpoint, SyncError
from connectors.services.asking import ask_in_time

PATIENCE_SECONDS = 15.0
ROWS_SHOWN = 10
# What a destination needs to know of this installation; no key is among it.
_SETTINGS = (
    "PATCHBAY_HOME",
    "PATCHBAY_ALLOWED_NETWORKS",
    "PATCHBAY_CONNECT_SECONDS",
    "PATCHBAY_EXPORT_FOLDERS",
    "PATCHBAY_FILE_FOLDERS",
)
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HOME")
_ROOT = Path(__file__).resolve().parents[2]


def tables_at(endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
    """Return the tables of a dataset, by name. Raises `SyncError`, "destination_busy" while a load has its file."""
    if not registry.manifest(endpoint.kind).is_heavy:
        listed = registry.destination(endpoint.kind).list_loaded
        return ask_in_time(lambda: listed(endpoint, dataset), seconds=PATIENCE_SECONDS)
    found = _peeked(endpoint, dataset)["tables"]
    return tuple(LoadedTable(**{**one, "columns": _pairs(one["columns"])}) for one in found)


def first_rows(endpoint: Endpoint, dataset: str, table: str) -> Preview:
    """Return the first rows of a table as text. Raises `SyncError` as `tables_at` does."""
    if not registry.manifest(endpoint.kind).is_heavy:
        preview = registry.destination(endpoint.kind).preview
        return ask_in_time(lambda: preview(endpoint, dataset, table, ROWS_SHOWN), seconds=PATIENCE_SECONDS)
    found = _peeked(endpoint, dataset, table)["preview"]
    return Preview(_pairs(found["columns"]), tuple(map(tuple, found["rows"])), found["is_cut"])


def _pairs(found: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name, kind in found)


def _peeked(endpoint: Endpoint, dataset: str, table: str = "") -> dict[str, Any]:
    asked = {
        "kind": endpoint.kind,
        "config": dict(endpoint.config),
        "secrets": dict(endpoint.secrets),
        "dataset": dataset,
        "table": table,
        "limit": ROWS_SHOWN,
        "settings": {name: getattr(settings, name) for name in _SETTINGS if hasattr(settings, name)},
    }
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "connectors.destinations.peek"],
            input=json.dumps(asked, default=str),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            cwd=_ROOT,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        found: dict[str, Any] = json.loads(ran.stdout)
    except subprocess.TimeoutExpired:
        raise SyncError("connection_timeout", f"No answer came within {PATIENCE_SECONDS:.0f} seconds.") from None
    except ValueError:
        raise SyncError("unknown_error", "Looking into the destination ended without an answer.") from None
    if "code" in found:
        raise SyncError(found["code"], found["detail"])
    return found
