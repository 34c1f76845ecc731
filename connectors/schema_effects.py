"""What a difference at the source means, in sentences: once accepted, once ignored, and until somebody decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

_REPLACE, _MERGE = "replace", "merge"


class Told(Protocol):
    """What is told of a change: its kind, and what it was and is."""

    kind: str
    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Sentences. `meanwhile` is what is true until somebody decides, empty where that is the same as ignoring it.

    `is_reload` says that accepting it reads all rows again.
    """

    accept: str
    ignore: str
    meanwhile: str = ""
    is_reload: bool = False


def effect_of(change: Told, *, mode: str, is_reloaded: bool) -> Effect:
    """Return what `change` means for a table that is copied by `mode`."""
    return {
        "table_added": _table_added,
        "table_dropped": _table_dropped,
        "column_added": _column_added,
        "column_dropped": _column_dropped,
        "column_retyped": _column_retyped,
        "key_changed": _key_changed,
    }[change.kind](mode, is_reloaded)


def _table_added(_mode: str, _is_reloaded: bool) -> Effect:  # noqa: FBT001 - one signature for all
    return Effect(
        "Copied from the next run on, all its rows first.",
        "Not copied. It stays in the list, switched off.",
    )


def _table_dropped(_mode: str, _is_reloaded: bool) -> Effect:  # noqa: FBT001
    return Effect(
        "Not copied any more. Its rows stay at the destination.",
        "Its rows stay at the destination. It is copied again as soon as it is back.",
    )


def _column_added(mode: str, _is_reloaded: bool) -> Effect:  # noqa: FBT001
    older = "" if mode == _REPLACE else " Older rows stay empty there until a re-sync."
    return Effect(
        f"Copied from the next run on.{older}",
        "Not copied. Asked again only if its type changes.",
    )


def _column_dropped(mode: str, _is_reloaded: bool) -> Effect:  # noqa: FBT001
    if mode == _REPLACE:
        kept = "The table keeps the rows of its last run, and is not copied"
        return Effect(
            "The column stays at the destination and becomes empty, since all rows are replaced.",
            f"{kept} until the column is back.",
        )
    rest = "The other columns are copied; old values stay, new and changed rows are empty there"
    return Effect(
        "The column stays at the destination with its old values; new and changed rows are empty there.",
        f"{rest}. It is copied again as soon as it is back.",
    )


def _column_retyped(mode: str, is_reloaded: bool) -> Effect:  # noqa: FBT001
    accept = "The column becomes wider at the destination. No re-load."
    if is_reloaded:
        accept = "All rows of the table are read again with the next run; the old ones stay readable until then."
    elif mode == _REPLACE:
        accept = "The column gets the new type with the next run, which replaces all rows as always."
    empty = "the column becomes empty" if mode == _REPLACE else "old values stay, new and changed rows are empty there"
    return Effect(
        accept,
        f"The column is left out: {empty}.",
        "The table keeps the rows of its last run, and is not copied.",
        is_reload=is_reloaded,
    )


def _key_changed(mode: str, is_reloaded: bool) -> Effect:  # noqa: FBT001
    if mode != _MERGE:
        return Effect(
            "Noted. Rows are not merged by key, so nothing else changes.",
            "Nothing changes. The table is copied as before.",
        )
    return Effect(
        "Rows are merged by the new key. All rows of the table are read again with the next run.",
        "Rows are merged by the old key, which may no longer tell rows apart.",
        "The table keeps the rows of its last run, and is not copied.",
        is_reload=is_reloaded,
    )
