"""What a provider hands to the engine: one feed per table, read in chunks. Plain values, no dlt.

A chunk is either rows (from an API) or a file of rows that the source wrote itself (from a database: the text
that `COPY` makes, so that no value passes through Python and no type is guessed).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from connectors.plan import TablePlan

DataType = Literal["text", "double", "bool", "timestamp", "bigint", "binary", "json", "decimal", "date", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its portable type, and the exact PostgreSQL type where the source knows one.

    `postgres_type` is the language in which the exact type is told ("numeric(12,2)", "uuid", "text[]"): a Postgres
    destination creates it as it is, another one translates it. A record of an API that lacks a column that is not
    `nullable`, which is a key, is refused.
    """

    name: str
    data_type: DataType
    nullable: bool = True
    postgres_type: str = ""


class JsonText(str):
    """A value of a `json` column that is written as JSON already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RowChunk:
    """Rows as dictionaries; a value of a `json` column is a plain one or a `JsonText`.

    `cursor` is the highest cursor value seen so far in this feed; `bytes` as read.
    """

    rows: list[dict[str, Any]]
    bytes: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class FileChunk:
    r"""A file of rows: CSV with a header, values quoted, NULL as a bare ``\N``. The engine takes it over."""

    path: Path
    row_count: int
    bytes: int
    cursor: str | None = None


Chunk = RowChunk | FileChunk


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """How to read a feed now: from which cursor value on (None: everything), and where files may be written."""

    since: str | None
    folder: Path


@dataclass(frozen=True, slots=True)
class Feed:
    """One table of the source. `read` yields chunks and may raise `SyncError` or `Stopped` between them.

    Where `is_key_unique` is False, many rows share a key (the file that they come from), and merging puts all rows of a
    key that were read in the place of all that are there.
    """

    table: TablePlan
    columns: tuple[Column, ...]
    read: Callable[[ReadRequest], Iterator[Chunk]]
    is_key_unique: bool = True


Feeds = AbstractContextManager[tuple[Feed, ...]]
