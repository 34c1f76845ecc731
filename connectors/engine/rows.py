"""Writes rows of an API into the same text files that databases are read into, so that there is one way to load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from connectors.plan import SyncError
from connectors.providers.feed import Column, FileChunk, RowChunk

NULL = "\\N"


def write(chunk: RowChunk, table: str, columns: Sequence[Column], folder: Path) -> FileChunk:
    """Write a chunk's rows into a file: the declared columns only. Raises `SyncError("bad_record")`.

    A field that the feed does not declare is left out; a declared one that a row lacks is NULL, keys excepted.
    """
    path = folder / f"{uuid4().hex}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(_quoted(column.name) for column in columns) + "\n")
        for row in chunk.rows:
            file.write(",".join(_text(row, column, table) for column in columns) + "\n")
        size = file.tell()
    return FileChunk(path, len(chunk.rows), chunk.bytes or size, chunk.cursor)


def _text(row: dict[str, Any], column: Column, table: str) -> str:
    value = row.get(column.name)
    if value is None:
        if not column.nullable:
            raise SyncError("bad_record", f"A record of {table} has no “{column.name}”.")
        return NULL
    if column.data_type == "json":
        return _quoted(json.dumps(value, ensure_ascii=False))
    if isinstance(value, bool):
        return '"true"' if value else '"false"'
    if isinstance(value, (dict, list)):
        raise SyncError("bad_record", f"“{column.name}” of a record of {table} is not a plain value.")
    text = str(value)
    if "\x00" in text:
        raise SyncError("bad_record", f"“{column.name}” of a record of {table} holds a NUL character.")
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
