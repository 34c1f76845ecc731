"""What a person says about files in the form, and what this installation allows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from django.conf import settings

from connectors.file_sources import tables
from connectors.files.layout import Format, Layout, Limits
from connectors.providers.manifest import Field

FOUND_OUT = "found out"
BY_ENDING = "by file name"
NEW_FILES, ALL_FILES = "new and changed files", "all files, each time"
ONE, PER_FOLDER = "everything together", "each folder on its own"
# The entity of a connection that takes everything together: the root.
ROOT = "."

_FORMATS: Mapping[str, Format] = {"CSV": "csv", "JSON lines": "jsonl", "Parquet": "parquet"}
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_ENCODINGS = ("UTF-8", "Windows-1252", "ISO-8859-15", "UTF-16")
_FIRST_LINES: Mapping[str, str] = {"column names": "names", "data": "data"}
_TYPES = (FOUND_OUT, "text only")

# Which files, and how: the same for every place.
_FIELDS = (
    Field(
        "tables",
        "Tables",
        "What makes files one table: their name without date and number (orders_2026-01.csv is of “orders”), their "
        "folder, or the pattern.",
        type="choice",
        default=tables.BY_NAME,
        choices=tables.GROUPINGS,
    ),
    Field(
        "pattern",
        "Pattern",
        "Only for tables by pattern, such as {table}/**/*.csv or {table}_*.csv. “*” stays within a name, “**” goes "
        "over folders.",
        required=False,
    ),
    Field(
        "reading",
        "What is read",
        "A file that was changed is read again and its rows replaced. Rows of a file that is removed stay, unless all "
        "files are read each time.",
        type="choice",
        default=NEW_FILES,
        choices=(NEW_FILES, ALL_FILES),
    ),
    Field(
        "entities",
        "Folders",
        "Folders below may each sync on their own, into a dataset of their own.",
        type="choice",
        default=ONE,
        choices=(ONE, PER_FOLDER),
        names_entity=True,
    ),
    Field("format", "Format", type="choice", default=BY_ENDING, choices=(BY_ENDING, *_FORMATS)),
    Field(
        "delimiter", "CSV: values are separated by", type="choice", default=FOUND_OUT, choices=(FOUND_OUT, *_DELIMITERS)
    ),
    Field("quote", "CSV: quotation mark", type="choice", default='"', choices=('"', "'")),
    Field("first_line", "CSV: first line", type="choice", default=FOUND_OUT, choices=(FOUND_OUT, *_FIRST_LINES)),
    Field("encoding", "Encoding", type="choice", default=FOUND_OUT, choices=(FOUND_OUT, *_ENCODINGS)),
    Field(
        "types",
        "Types of columns",
        "Found in the first rows of the newest files and of some older ones. A value that does not fit stops the sync.",
        type="choice",
        default=FOUND_OUT,
        choices=_TYPES,
    ),
)
# None of it is known to an end user who signs in.
FIELDS = tuple(replace(field, by_operator=True) for field in _FIELDS)


def layout_of(config: Mapping[str, Any]) -> Layout:
    """Return what the settings say of how files are laid out."""
    encoding = str(config.get("encoding") or FOUND_OUT)
    return Layout(
        format=_FORMATS.get(str(config.get("format")), ""),
        delimiter=_DELIMITERS.get(str(config.get("delimiter")), ""),
        quote=str(config.get("quote") or ""),
        encoding="" if encoding == FOUND_OUT else encoding.lower(),
        first_line=cast("Any", _FIRST_LINES.get(str(config.get("first_line")), "")),
        is_all_text=config.get("types") == _TYPES[1],
    )


def limits() -> Limits:
    """Return what one file may take in this installation."""
    return Limits(
        file_bytes=settings.PATCHBAY_FILE_BYTES,
        unpacked_bytes=settings.PATCHBAY_FILE_UNPACKED_BYTES,
        ratio=settings.PATCHBAY_FILE_RATIO,
        line_bytes=settings.PATCHBAY_FILE_LINE_BYTES,
        memory_bytes=settings.PATCHBAY_FILE_MEMORY_BYTES,
    )


def is_per_folder(config: Mapping[str, Any]) -> bool:
    """Whether each folder is an entity."""
    return str(config.get("entities")) == PER_FOLDER


def is_incremental(config: Mapping[str, Any]) -> bool:
    """Whether only new and changed files are read."""
    return str(config.get("reading", NEW_FILES)) == NEW_FILES


def folder_of(entity_ref: str) -> str:
    """Return the folder of an entity, empty for the root."""
    return "" if entity_ref in {"", ROOT} else entity_ref
