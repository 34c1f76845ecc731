"""The columns of the list of connections: which there are, and which ones this browser shows."""

from __future__ import annotations

from collections.abc import Collection

# Written by the view that takes the choice, so it works without scripts and nothing flashes.
COOKIE = "connection_columns"
# Every column beside the connection itself and its status, in the order of the table.
COLUMNS = {
    "flow": "Source to destination",
    "ent": "Synced, 24 h",
    "runs": "Last 30 runs",
    "last": "Last sync",
    "next": "Next sync",
    "sched": "Schedule",
    "owner": "Owner",
}
DEFAULT = frozenset(COLUMNS) - {"owner"}
# A browser keeps no empty cookie for sure.
_NONE = "none"


def columns_of(cookie: str) -> frozenset[str]:
    """Return the columns that a cookie asks for; the usual ones where it asks for none that there is."""
    asked = frozenset(cookie.split("."))
    return frozenset() if asked == {_NONE} else (asked & COLUMNS.keys()) or DEFAULT


def cookie_of(columns: Collection[str]) -> str:
    """Return the cookie for a choice of columns; names that are no column are left out."""
    return ".".join(name for name in COLUMNS if name in columns) or _NONE
