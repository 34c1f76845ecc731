"""Runs what is read through DuckDB: a file's rows become the engine's text in little memory, and failures words."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from connectors.files import selects
from connectors.plan import SyncError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from connectors.files.opening import DataFile, Source, Wanted

_LINE = re.compile(r"on Line: (\d+)")
_REFUSED = re.compile(rf"{selects.MARK}\|(\d+)\|(\d+)\|")
# What DuckDB says of a line, to what a person reads. Its own words quote the line, which no record may hold.
_CSV_WORDS = (
    ("Expected Number of Columns", "has another number of values than the file has columns"),
    ("unterminated quote", "holds a quotation mark that is not closed, or stands in the middle of a value"),
    ("Maximum line size", "belongs to a record that is longer than is allowed"),
    ("not utf-8 encoded", "is not written in UTF-8"),
)

# DuckDB's exceptions that are about what a file holds.
_OF_THE_FILE = {"InvalidInputException", "ConversionException", "OutOfRangeException", "SerializationException"}


def described(path: Path, name: str) -> list[tuple[str, str]]:
    """Return the columns of a Parquet file and DuckDB's types of them. Raises `SyncError("bad_record")`."""
    import duckdb  # noqa: PLC0415 - heavy, and the web seldom opens a file

    with _connected(path.parent) as connection:
        try:
            rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
        except duckdb.Error:
            raise SyncError("bad_record", f"{name} cannot be read as Parquet: it is damaged.") from None
    return [(str(row[0]), str(row[1])) for row in rows]


class Session:
    """DuckDB for the files of one table, one after the other; what is too much for the memory it puts into `folder`.

    With `keys` it remembers those of the rows that were written, and leaves out rows that have one of them: of files
    that hold the same rows, the newest comes first. Use as a context manager.
    """

    def __init__(self, folder: Path, memory_bytes: int, keys: Sequence[str] = ()) -> None:
        self._keys, self._opened = tuple(keys), _connected(folder, memory_bytes)

    def __enter__(self) -> Self:
        self._connection = self._opened.__enter__()
        if self._keys:
            columns = ", ".join(f"{selects.quoted(key)} VARCHAR" for key in self._keys)
            self._connection.execute(f"CREATE TABLE {selects.KNOWN} ({columns})")
        return self

    def __exit__(self, *details: object) -> None:
        self._connection.close()

    def write(self, file: DataFile, wanted: Wanted, source: Source, target: Path) -> int:
        """Write rows of `file` to `target`, as `DataFile.write` says, and return their number. Raises `SyncError`."""
        import duckdb  # noqa: PLC0415 - likewise

        statement = selects.copying(file, wanted, source, target, keys=self._keys)
        try:
            found = self._connection.execute(statement.text, statement.values).fetchone()
            if self._keys:
                columns = [column.name for column in wanted.columns]
                self._connection.execute(selects.remembering(self._keys, target, columns))
        except duckdb.Error as error:
            raise _failure(error, file, wanted) from None
        return int(found[0]) if found else 0


@contextmanager
def _connected(folder: Path, memory_bytes: int = 128 * 1024**2) -> Iterator[DuckDBPyConnection]:
    """Open a database in memory that spills into `folder` and fetches nothing from anywhere."""
    import duckdb  # noqa: PLC0415 - likewise

    options: dict[str, Any] = {
        "memory_limit": f"{memory_bytes}B",
        "temp_directory": str(folder / "spill"),
        "threads": 2,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=options)
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def _failure(error: Exception, file: DataFile, wanted: Wanted) -> Exception:
    """Turn what DuckDB says about a file into a `SyncError`; what is not about the file stays what it is."""
    text, name = str(error), type(error).__name__
    if found := _REFUSED.search(text):
        row, place = int(found[1]), int(found[2])
        return SyncError("bad_record", f"{_place(file, row)}: {_refused(wanted, place)}.")
    if name == "OutOfMemoryException":
        return SyncError("file_too_large", f"{file.name} needs more memory than is allowed for one file.")
    told = _told(text, file)
    if not told and name in _OF_THE_FILE:
        told = " cannot be read: it is damaged"
    return SyncError("bad_record", f"{file.name}{told}.") if told else error


def _told(text: str, file: DataFile) -> str:
    """Return what DuckDB says of a line of text, in our words, to follow the file's name; empty for nothing."""
    if file.format == "csv" and (found := _LINE.search(text)):
        words = next((words for said, words in _CSV_WORDS if said in text), "cannot be read")
        return f", line {int(found[1]):,} {words}"
    if file.format == "csv" and "invalid state" in text:
        return " cannot be read as CSV: it may have line ends of several kinds"
    if file.format == "jsonl" and "JSON" in text:
        line = _first_bad_line(file)
        return f"{f', line {line:,}' if line else ''} is no valid JSON"
    return ""


def _refused(wanted: Wanted, place: int) -> str:
    if place == selects.NO_OBJECT:
        return "it holds no JSON object"
    column = wanted.columns[place]
    if not column.nullable:
        return f"“{column.name}” is a part of the key, and is empty or no {column.postgres_type}"
    if column.data_type == "text":
        return f"“{column.name}” holds a NUL character, which is no text"
    return f"“{column.name}” is {column.postgres_type} in what was looked at to find its type, and this value is not"


def _place(file: DataFile, row: int) -> str:
    """Return where a row stands in its file, in words; with its line where the file has lines."""
    if file.format == "parquet":
        return f"{file.name}, row {row:,}"
    return f"{file.name}, line {_line_of(file, row):,}"


def _line_of(file: DataFile, row: int) -> int:
    """Return the line on which a row ends. A value of CSV may hold line ends, so the file is read up to there."""
    number = 0
    with file.path.open(encoding="utf-8", newline="") as lines:
        if file.dialect is None:
            for line, text in enumerate(lines, start=1):
                number += bool(text.strip())
                if number == row:
                    return line
        else:
            reader = csv.reader(lines, delimiter=file.dialect.delimiter, quotechar=file.dialect.quote)
            for record in reader:
                number += bool(record)
                if number == row + file.dialect.has_names:
                    return reader.line_num
    return row


def _first_bad_line(file: DataFile) -> int:
    import json  # noqa: PLC0415 - on the way of a failure only

    with file.path.open(encoding="utf-8", newline="") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                json.loads(line)
            except (ValueError, RecursionError):
                return number
    return 0
