"""A setting that names one thing, several, or all: “public”, “public, archive”, “*”."""

from __future__ import annotations

import csv
from typing import Any

ALL = "*"


def named_in(setting: Any) -> tuple[str, ...]:
    """Return the names that a setting holds, in their order; none for all. One in double quotes may hold a comma."""
    text = str(setting or "").strip()
    if text == ALL:
        return ()
    rows = list(csv.reader([text], skipinitialspace=True))
    return tuple(dict.fromkeys(name.strip() for name in (rows[0] if rows else []) if name.strip()))


def is_several(setting: Any) -> bool:
    """Whether a setting names more than one thing, or may do so."""
    return str(setting or "").strip() == ALL or len(named_in(setting)) > 1
