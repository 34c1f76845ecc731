"""How a file is laid out, as far as a person says so, and what is read at most. What is not said is found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["csv", "jsonl", "parquet"]
FirstLine = Literal["", "names", "data"]

_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
_PACKED = ".gz"


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of files before they are opened; an empty setting is found out, file by file.

    `format` goes by the name's ending. `delimiter`, `quote` and `first_line` (column names, or already data) are of
    CSV; `encoding` is Python's name of one. With `is_all_text` no types are looked for, and each column is text.
    """

    format: Format | Literal[""] = ""
    delimiter: str = ""
    quote: str = ""
    encoding: str = ""
    first_line: FirstLine = ""
    is_all_text: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. Bytes, and rows for `sample_rows`.

    A packed file may grow to `ratio` times its size: beyond `free_bytes`, below which that does no harm.
    """

    file_bytes: int = 20 * 1024**3
    unpacked_bytes: int = 20 * 1024**3
    ratio: int = 200
    free_bytes: int = 64 * 1024**2
    line_bytes: int = 8 * 1024**2
    # PostgreSQL has no wider tables, and wider ones take more memory than they are worth.
    columns: int = 1_500
    memory_bytes: int = 512 * 1024**2
    sample_rows: int = 10_000


def format_of(name: str) -> Format | None:
    """Return the format that a file's name tells, packed or not; None for one that is not read."""
    plain = name.lower().removesuffix(_PACKED)
    return next((known for ending, known in _ENDINGS.items() if plain.endswith(ending)), None)


def stem_of(name: str) -> str:
    """Return the last part of a path without the endings that tell its format."""
    last = name.rpartition("/")[2]
    plain = last[: -len(_PACKED)] if last.lower().endswith(_PACKED) else last
    return plain.rpartition(".")[0] if format_of(plain) and "." in plain else plain
