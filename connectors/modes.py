"""What each way of writing a table means, in the words that pages show where somebody chooses it."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.plan import Mode

# What it does, and what it leaves out.
MEANING: Mapping[Mode, tuple[str, str]] = {
    "replace": (
        "Every sync reads all rows and puts them in the place of the old ones.",
        "Nothing is left out. A large table takes long each time.",
    ),
    "append": (
        "Every sync adds the rows whose cursor is beyond the last one, and touches no row that is there.",
        (
            "Rows of the last ten minutes (of the last day where the cursor is a date) wait for the next sync, so that "
            "none is missed that is still being written. A row that changes becomes a second row if its cursor moves "
            "with it, and is missed if not. Deleted rows stay. Rows without a cursor value are left out, and so are "
            "those of a transaction that took longer than ten minutes."
        ),
    ),
    "merge": (
        "Every sync reads what is new or changed by the cursor and replaces rows by their key.",
        (
            "Rows that were deleted at the source stay until the next historical re-sync. A change that does not move "
            "the cursor is missed."
        ),
    ),
}
