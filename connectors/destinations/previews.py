"""What a page shows of loaded data: tables, their columns, and the first rows as text; never more than is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# A person waits, and the destination has other work: what takes longer is left out or refused.
PREVIEW_SECONDS = 8
MOST_ROWS = 100
# Longer values are cut, so that a table of documents is no page of megabytes.
MOST_CHARACTERS = 300
MOST_COLUMNS = 200


# Types whose values are bytes: of these the size is shown.
BINARY = frozenset({"bytea", "blob"})


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """A table at a destination. `rows` is None where counting takes too long, `is_exact` False for an estimate."""

    name: str
    rows: int | None
    columns: tuple[tuple[str, str], ...]
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a table, each value as text, None for NULL; `is_cut` where columns or values are cut.

    Of bytes their size is told.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str | None, ...], ...]
    is_cut: bool = False


def is_binary(kind: str) -> bool:
    """Whether values of a destination's type are bytes."""
    return kind.lower() in BINARY


def shown_by_duckdb(column: str, kind: str) -> str:
    """Return what DuckDB selects to show a column, whose name is quoted: its text, cut, or how many bytes it has."""
    size = f"octet_length({column})::VARCHAR || ' bytes'"
    return size if is_binary(kind) else f"left({column}::VARCHAR, {MOST_CHARACTERS + 1})"


def made(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> Preview:
    """Return the preview of rows that were read with values one character longer than is shown."""
    texts = [tuple(None if value is None else str(value) for value in row) for row in rows]
    is_long = any(value is not None and len(value) > MOST_CHARACTERS for row in texts for value in row)
    return Preview(
        columns=tuple(columns[:MOST_COLUMNS]),
        rows=tuple(tuple(None if value is None else _shortened(value) for value in row) for row in texts),
        is_cut=is_long or len(columns) > MOST_COLUMNS,
    )


def _shortened(value: str) -> str:
    return value if len(value) <= MOST_CHARACTERS else f"{value[: MOST_CHARACTERS - 1]}…"
