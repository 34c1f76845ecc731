"""What is different between a table as it was agreed on and as the source has it now. Plain values, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Columns = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: `kind` is a value of `ChangeKind`. A column that was renamed is one dropped and one added."""

    kind: str
    column: str = ""
    before: str = ""
    after: str = ""


def differences(
    *, agreed: Columns, found: Columns, agreed_keys: Sequence[str], keys: Sequence[str]
) -> list[Difference]:
    """Return what differs, columns in the order of the source, what is gone first."""
    old, new = ({name: kind for name, kind in columns} for columns in (agreed, found))  # noqa: C416 - pairs may be lists
    gone = [Difference("column_dropped", name, kind) for name, kind in old.items() if name not in new]
    retyped = [
        Difference("column_retyped", name, old[name], kind)
        for name, kind in new.items()
        if name in old and old[name] != kind
    ]
    added = [Difference("column_added", name, "", kind) for name, kind in new.items() if name not in old]
    rekeyed = []
    if list(agreed_keys) != list(keys):
        rekeyed = [Difference("key_changed", "", ", ".join(agreed_keys), ", ".join(keys))]
    return [*gone, *retyped, *added, *rekeyed]
