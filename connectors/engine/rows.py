"""Writes rows of an API into the same text files that databases are read into, so that there is one way to load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from connectors.plan import SyncError
from connectors.providers.feed import Column, DataType, FileChunk, JsonText, RowChunk

NULL = "\\N"
# Not their subclasses: true and false are written as words.
_NUMBERS = frozenset({int, float})
FILE_BYTES = 32 * 1024 * 1024


class RowFiles:
    """Gathers chunks of rows into files. Holds the declared columns only; rows are written as they come."""

    def __init__(self, table: str, columns: Sequence[Column], folder: Path) -> None:
        self._table = table
        self._columns = columns
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._path = folder
        self._rows = 0
        self._cursor: str | None = None

    def add(self, chunk: RowChunk) -> FileChunk | None:
        """Write a chunk's rows. Returns the file once it is full. Raises `SyncError("bad_record")`.

        A field that the feed does not declare is left out; a declared one that a row lacks is NULL, keys excepted.
        """
        file = self._file or self._open()
        for row in chunk.rows:
            file.write((",".join(self._text(row, column) for column in self._columns) + "\n").encode())
        self._rows += len(chunk.rows)
        self._cursor = chunk.cursor
        return self.finish() if file.tell() >= FILE_BYTES else None

    def finish(self) -> FileChunk | None:
        """Close the file that is open and return it, None when there is none."""
        if self._file is None:
            return None
        size = self._file.tell()
        self._file.close()
        self._file = None
        return FileChunk(self._path, self._rows, size, self._cursor)

    def _open(self) -> IO[bytes]:
        self._rows = 0
        self._path = self._folder / f"{uuid4().hex}.csv"
        self._file = self._path.open("wb")
        self._file.write((",".join(_quoted(column.name) for column in self._columns) + "\n").encode())
        return self._file

    def _text(self, row: dict[str, Any], column: Column) -> str:
        value = row.get(column.name)
        # Nearly all values are plain ones, and this is what a row costs.
        if isinstance(value, str) and (column.data_type != "json" or isinstance(value, JsonText)):
            if "\x00" not in value:
                return '"' + value.replace('"', '""') + '"'
        elif type(value) in _NUMBERS and column.data_type != "json":
            return f'"{value}"'
        if value is None:
            if not column.nullable:
                raise SyncError("bad_record", f"A record of {self._table} has no “{column.name}”.")
            return NULL
        text = plain_text(value, column.data_type)
        is_nested = isinstance(value, (dict, list)) and column.data_type != "json"
        if is_nested or "\x00" in text:
            raise SyncError("bad_record", f"“{column.name}” of a record of {self._table} is no plain value.")
        return _quoted(text)


def plain_text(value: Any, data_type: DataType) -> str:
    """Return the text of a value that is not None, as it is written into files."""
    if data_type == "json":
        return value if isinstance(value, JsonText) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
