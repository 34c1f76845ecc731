"""Which files are awaited, as the connection's settings keep it: one line of text per file.

`Employees, CSV: employee_id*, email` is a CSV file that must have these two columns; a star marks the key, by which a
newer file's rows take the place of older ones. Without a format any of ours is taken, without columns any header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connectors.plan import FoundTable

FILES, COMPANIES = "files", "companies"
# What the operator calls a format, and what a reader knows it by.
FORMATS = {"CSV": "csv", "JSON Lines": "jsonl", "Parquet": "parquet"}
MOST_FILES, MOST_COLUMNS, MOST_COMPANIES = 20, 200, 500
LONGEST_NAME, LONGEST_COLUMN = 60, 63
_NOT_IN_NAMES = re.compile(r"[,:*\x00-\x1f\x7f]")
_KEY = "*"


class DeclarationError(ValueError):
    """What was declared cannot be used. The text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """One file that is awaited. `format` is one of `FORMATS`, empty for any; `keys` are some of the `columns`."""

    name: str
    format: str = ""
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table that it becomes: its name in small letters, digits and underscores."""
        return plain(self.name)

    def written(self) -> str:
        """Return the line that is stored."""
        head = f"{self.name}, {self.format}" if self.format else self.name
        columns = ", ".join(f"{one}{_KEY}" if one in self.keys else one for one in self.columns)
        return f"{head}: {columns}" if columns else head

    def as_table(self) -> FoundTable:
        """Return it as a table that a source offers; its columns and their types are told by the first file."""
        return FoundTable(
            name=self.table,
            keys=self.keys,
            mode="merge" if self.keys else "replace",
        )


def plain(text: str) -> str:
    """Return small letters and digits with single underscores between them."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def awaited_in(config: Any) -> tuple[Awaited, ...]:
    """Return the files that a connection's settings declare. Raises `DeclarationError`."""
    return read_declared(str(config.get(FILES, "")))


def read_declared(text: str) -> tuple[Awaited, ...]:
    """Return the files of a declaration, one per line. Raises `DeclarationError` for the first line that is wrong."""
    files = tuple(_read_line(line) for line in text.splitlines() if line.strip())
    if not files:
        message = "Name at least one file that is awaited."
        raise DeclarationError(message)
    if len(files) > MOST_FILES:
        message = f"These are {len(files)} files; one connection awaits {MOST_FILES} at most."
        raise DeclarationError(message)
    seen: dict[str, str] = {}
    for one in files:
        if other := seen.get(one.table):
            message = f"“{other}” and “{one.name}” would be one table, “{one.table}”. Give one of them another name."
            raise DeclarationError(message)
        seen[one.table] = one.name
    return files


def write_declared(files: Iterable[Awaited]) -> str:
    """Return the text that is stored for some files."""
    return "\n".join(one.written() for one in files)


def companies_in(config: Any) -> tuple[str, ...]:
    """Return the companies of a connection's settings, each once; none where one person delivers for all."""
    return read_companies(str(config.get(COMPANIES, "")))


def read_companies(text: str) -> tuple[str, ...]:
    """Return the names, one per line. Raises `DeclarationError`."""
    names = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    refs: dict[str, str] = {}
    for name in names:
        ref = plain(name)
        if not ref or len(name) > LONGEST_NAME:
            message = (
                f"“{name[:LONGEST_NAME]}” is no name of a company: use {LONGEST_NAME} characters at most, letters or "
                "digits among them."
            )
            raise DeclarationError(message)
        if ref in refs:
            message = f"“{refs[ref]}” and “{name}” cannot be told apart. Give one of them another name."
            raise DeclarationError(message)
        refs[ref] = name
    if len(names) > MOST_COMPANIES:
        message = f"These are {len(names)} companies; one connection takes {MOST_COMPANIES} at most."
        raise DeclarationError(message)
    return tuple(names)


def _read_line(line: str) -> Awaited:
    head, _, rest = line.partition(":")
    name, _, format_name = (part.strip() for part in head.partition(","))
    columns = [part.strip() for part in rest.split(",") if part.strip()]
    keys = tuple(one.removesuffix(_KEY).strip() for one in columns if one.endswith(_KEY))
    return checked(Awaited(name, format_name, tuple(one.removesuffix(_KEY).strip() for one in columns), keys))


def checked(one: Awaited) -> Awaited:
    """Return a file that can be awaited. Raises `DeclarationError`."""
    if not one.table or len(one.name) > LONGEST_NAME or _NOT_IN_NAMES.search(one.name):
        message = (
            f"“{one.name[:LONGEST_NAME]}” is no name of a file here: use letters, digits and blanks, "
            f"{LONGEST_NAME} characters at most."
        )
        raise DeclarationError(message)
    if one.format and one.format not in FORMATS:
        message = f"“{one.name}”: the format is {', '.join(FORMATS)}, or left out for any of them."
        raise DeclarationError(message)
    if len(one.columns) > MOST_COLUMNS:
        message = f"“{one.name}”: name {MOST_COLUMNS} columns at most. Others are taken without being named."
        raise DeclarationError(message)
    for column in one.columns:
        if not column or len(column) > LONGEST_COLUMN or _NOT_IN_NAMES.search(column):
            message = (
                f"“{one.name}”: “{column[:LONGEST_COLUMN]}” is no name of a column, which has {LONGEST_COLUMN} "
                "characters at most."
            )
            raise DeclarationError(message)
    same = {column.casefold() for column in one.columns}
    if len(same) != len(one.columns):
        message = f"“{one.name}”: a column is named twice."
        raise DeclarationError(message)
    return one
