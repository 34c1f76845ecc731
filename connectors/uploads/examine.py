"""Looks through one uploaded file: `python -m connectors.uploads.examine`, a question as JSON in, an answer out.

A process of its own, which begins by limiting its memory. All of the file is read as a sync would read it, so what is
found good here can be loaded.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import resource
import sys
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from connectors.files.layout import Format, Layout, Limits
from connectors.files.opening import DataFile, Source, Wanted, open_file
from connectors.plan import SyncError
from connectors.providers.feed import Column
from connectors.uploads.naming import named

# What people upload in place of a file of rows, by its first bytes; and what they can do.
_OTHERS = (
    (b"PK\x03\x04", "This is an Excel workbook or a ZIP archive. Save each sheet as CSV, and upload that."),
    (b"\xd0\xcf\x11\xe0", "This is an old Excel or Word file. Save the sheet as CSV, and upload that."),
    (b"%PDF", "This is a PDF. Export the data as CSV, and upload that."),
    (b"\x89PNG", "This is a picture. Export the data as CSV, and upload that."),
    (b"\xff\xd8\xff", "This is a picture. Export the data as CSV, and upload that."),
)
_GZIP, _PARQUET, _MARK = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf"
_NAMES = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}
# What spreadsheets on Windows write when nobody asks them for UTF-8.
_OLDER_ENCODING = "cp1252"
_KINDS = {
    "bigint": "a whole number",
    "numeric": "a number",
    "double precision": "a number",
    "boolean": "“true” or “false”",
    "date": "a day such as 2027-01-31",
    "timestamp with time zone": "a time such as 2027-01-31 08:15:00Z",
    "timestamp without time zone": "a time such as 2027-01-31 08:15:00",
    "time without time zone": "a time of day such as 08:15",
}
_NOT_OF_TYPE = re.compile(r"“(?P<name>.*)” is (?P<type>[a-z ]+) in what was looked at to find its type.*")
_LINE = re.compile(r", line (?P<line>[\d,]+)")
_BEGINNING = 4096


class _Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """The file cannot be used; the text is a sentence for whoever uploaded it."""


def main() -> int:
    """Answer the question on the standard input. Returns 0, whatever was found."""
    question = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (question["memory"], question["memory"]))
    try:
        answer = examine(question)
    except _Refusal as refusal:
        answer = {"reason": str(refusal)}
    except SyncError as error:
        answer = {"reason": _in_words(error.detail), "line": _line_in(error.detail)}
    except MemoryError:
        answer = {"reason": "This file is larger inside than it may be. Split it, and upload a part."}
    json.dump(answer, sys.stdout)
    return 0


def examine(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return format, encoding, rows and columns of a file. Raises `_Refusal`, `SyncError`."""
    path, name = Path(question["path"]), str(question["name"])
    found = _format_of(path)
    if question["format"] and found != question["format"]:
        message = f"This is a {_NAMES[found]} file, and {_NAMES[question['format']]} is awaited."
        raise _Refusal(message)
    with tempfile.TemporaryDirectory(prefix="patchbay-upload-") as folder:
        file, encoding = _opened(path, name, found, Path(folder))
        file = named(file, [*question["columns"], *(one["name"] for one in question["known"])])
        columns = _columns(file, question)
        rows = file.write(Wanted(columns), Source(name, ""), Path(folder) / "whole.csv")
        if not rows:
            message = "The file has names of columns, but no rows."
            raise _Refusal(message)
        _check_keys(file, columns, question["keys"], Path(folder) / "keys.csv")
    return {
        "format": found,
        "encoding": encoding,
        "rows": rows,
        "columns": [
            {"name": one.name, "data_type": one.data_type, "postgres_type": one.postgres_type} for one in columns
        ],
    }


def _format_of(path: Path) -> Format:
    """Return the format by what the file begins with, whatever its name says. Raises `_Refusal`."""
    beginning = _beginning(path)
    for mark, advice in _OTHERS:
        if beginning.startswith(mark):
            raise _Refusal(advice)
    if beginning.startswith(_PARQUET):
        return "parquet"
    text = beginning.removeprefix(_MARK).lstrip()
    if not text:
        message = "The file is empty."
        raise _Refusal(message)
    if text.startswith(b"["):
        message = "This is a JSON list. JSON Lines has one object per line, without brackets and commas around them."
        raise _Refusal(message)
    return "jsonl" if text.startswith(b"{") else "csv"


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_BEGINNING)
    if not head.startswith(_GZIP):
        return head
    try:
        with cast("IO[bytes]", gzip.open(path)) as packed:
            return packed.read(_BEGINNING)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        message = "This packed file is damaged, or was cut off. Pack it again."
        raise _Refusal(message) from None


def _opened(path: Path, name: str, found: Format, folder: Path) -> tuple[DataFile, str]:
    """Open the file, in an older encoding where it is not UTF-8, and return it with that. Raises `SyncError`."""
    layout = Layout(format=found, first_line="names" if found == "csv" else "")
    try:
        return open_file(path, name=name, folder=folder, layout=layout, limits=Limits()), ""
    except SyncError as error:
        if "is not written in" not in error.detail:
            raise
    layout = replace(layout, encoding=_OLDER_ENCODING)
    return open_file(path, name=name, folder=folder, layout=layout, limits=Limits()), _OLDER_ENCODING


def _columns(file: DataFile, question: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of the table: those of earlier files with their types, then new ones. Raises `_Refusal`.

    A column that was declared is called as it was declared, whatever its letters in the file.
    """
    there = {one.name.casefold(): one for one in file.columns}
    missing = [one for one in question["columns"] if one.casefold() not in there]
    if missing:
        # What the first line says in their place is not repeated: without names of columns it is somebody's data.
        several = "Columns are" if len(missing) > 1 else "A column is"
        where = " The first line must name the columns." if file.format == "csv" else ""
        message = f"{several} missing: {', '.join(missing)}.{where}"
        raise _Refusal(message)
    known = {str(one["name"]).casefold(): Column(**one) for one in question["known"]}
    return (*known.values(), *(one for key, one in there.items() if key not in known))


def _check_keys(file: DataFile, columns: Sequence[Column], keys: Sequence[str], target: Path) -> None:
    """Look whether each row has a key of its own. Raises `_Refusal`."""
    if not keys:
        return
    wanted = {key.casefold() for key in keys}
    file.write(Wanted(tuple(one for one in columns if one.name.casefold() in wanted)), Source(file.name, ""), target)
    seen: set[tuple[str, ...]] = set()
    empty = again = 0
    with target.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows, None)
        for row in rows:
            key = tuple(row)
            empty += any(value in {"", "\\N"} for value in key)
            again += key in seen
            seen.add(key)
    name = " and ".join(keys)
    if empty:
        message = f"The key {name} is empty in {empty:,} row{'' if empty == 1 else 's'}. Each row needs one."
        raise _Refusal(message)
    if again:
        several = "1 row has" if again == 1 else f"{again:,} rows have"
        message = f"{several} the same {name} as another row. It is the key, so each row needs its own."
        raise _Refusal(message)


def _in_words(detail: str) -> str:
    """Return what a reader says of a file, for somebody who knows no types of databases."""
    found = _NOT_OF_TYPE.search(detail)
    if not found:
        return detail
    kind = _KINDS.get(found["type"], "what it was before")
    return f"{detail[: found.start()]}“{found['name']}” is not {kind}, as in other rows and files."


def _line_in(detail: str) -> int | None:
    found = _LINE.search(detail)
    return int(found["line"].replace(",", "")) if found else None


if __name__ == "__main__":
    sys.exit(main())
