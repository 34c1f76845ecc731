"""Drivers that few need: loaded on use, and named in words where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from connectors.plan import SyncError


def load(package: str, extra: str, whose: str) -> Any:
    """Return the driver `package`, which Patchbay's `extra` brings. Raises `SyncError("misconfigured")` without it."""
    try:
        return import_module(package)
    except ImportError:
        said = f"The driver of {whose} is not installed. Install the package “{package}” (Patchbay's extra “{extra}”) "
        raise SyncError("misconfigured", f"{said}where Patchbay runs, and start Patchbay again.") from None
