"""What a person says about files in the form, and what this installation allows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from connectors.file_sources import tables
from connectors.files.layout import FirstLine, Format, Layout, Limits
from connectors.providers.manifest import Field

FOUND_OUT, BY_ENDING = "found", "ending"
NEW_FILES, ALL_FILES = "new", "all"
ONE, PER_FOLDER = "one", "each"
TEXT_ONLY = "text"
# The entity of a connection that takes everything together: the root.
ROOT = "."

_FORMATS: Mapping[str, Format] = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet"}
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_QUOTES = {"double": '"', "single": "'"}
_ENCODINGS = ("utf-8", "windows-1252", "iso-8859-15", "utf-16")
_FIRST_LINES: Mapping[str, FirstLine] = {"names": "names", "data": "data"}
# The formats for which a field is asked: of files of all kinds, some may be of it.
_OF_CSV = ("format", BY_ENDING, "csv")
_OF_TEXT = (*_OF_CSV, "jsonl")

# Which files, and how: the same for every place.
_FIELDS = (
    Field(
        "tables",
        "Tables",
        "What makes files one table: their name without date and number (orders_2026-01.csv is of “orders”), their "
        "folder, or a pattern.",
        type="choice",
        default=tables.BY_NAME,
        choices=tables.GROUPINGS,
        labels=("By file name", "By folder", "By pattern"),
    ),
    Field(
        "reading",
        "What is read",
        "A file that was changed is read again and its rows replaced. Rows of a file that is removed stay, unless all "
        "files are read each time.",
        type="choice",
        default=NEW_FILES,
        choices=(NEW_FILES, ALL_FILES),
        labels=("New and changed files", "All files, each time"),
    ),
    Field(
        "pattern",
        "Pattern",
        "Such as {table}/**/*.csv or {table}_*.csv. “*” stays within a name, “**” goes over folders.",
        type="path",
        required=False,
        only_for=("tables", tables.BY_PATTERN),
    ),
    Field(
        "entities",
        "Folders",
        "Folders below may each sync on their own, into a dataset of their own.",
        type="choice",
        default=ONE,
        choices=(ONE, PER_FOLDER),
        labels=("Everything together", "Each folder on its own"),
        names_entity=True,
    ),
    Field(
        "types",
        "Types of columns",
        "Found in the first rows of the newest files and of some older ones. A value that does not fit stops the sync.",
        type="choice",
        default=FOUND_OUT,
        choices=(FOUND_OUT, TEXT_ONLY),
        labels=("Found out", "Text only"),
    ),
    Field(
        "format",
        "Format",
        type="choice",
        default=BY_ENDING,
        choices=(BY_ENDING, *_FORMATS),
        labels=("By the file's name", "CSV", "JSON lines", "Parquet"),
    ),
    Field(
        "encoding",
        "Encoding",
        type="choice",
        default=FOUND_OUT,
        choices=(FOUND_OUT, *_ENCODINGS),
        labels=("Found out", "UTF-8", "Windows-1252", "ISO-8859-15", "UTF-16"),
        only_for=_OF_TEXT,
    ),
    Field(
        "delimiter",
        "CSV: values are separated by",
        type="choice",
        default=FOUND_OUT,
        choices=(FOUND_OUT, *_DELIMITERS),
        labels=("Found out", "Comma", "Semicolon", "Tab", "Bar (|)"),
        only_for=_OF_CSV,
    ),
    Field(
        "quote",
        "CSV: quotation mark",
        type="choice",
        default="double",
        choices=tuple(_QUOTES),
        labels=('Double (")', "Single (')"),
        only_for=_OF_CSV,
    ),
    Field(
        "first_line",
        "CSV: first line",
        type="choice",
        default=FOUND_OUT,
        choices=(FOUND_OUT, *_FIRST_LINES),
        labels=("Found out", "Column names", "Data"),
        only_for=_OF_CSV,
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
        quote=_QUOTES.get(str(config.get("quote")), ""),
        encoding="" if encoding == FOUND_OUT else encoding,
        first_line=_FIRST_LINES.get(str(config.get("first_line")), ""),
        is_all_text=config.get("types") == TEXT_ONLY,
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
