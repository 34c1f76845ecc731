"""Opens a file of rows: makes it ready, finds its columns, and writes its rows as the engine's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path

from connectors.files import dialect, duck, names, parquet, plain, types
from connectors.files.dialect import Dialect
from connectors.files.layout import Format, Layout, Limits, format_of
from connectors.plan import Protection, RowFilter, SyncError
from connectors.providers.feed import Column

# No more values than this are looked at to find types, however many columns there are.
_SAMPLE_VALUES = 500_000
# A record with names may go over a few lines.
_FIRST_RECORD = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from, as their own columns say it: a file's name, when it changed (ISO 8601)."""

    name: str
    modified: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written: `columns` in their order, of rows that meet all `filters`; some are `protected`.

    A filter comes with the column that it looks at, which need not be written. A protected column is text.
    """

    columns: tuple[Column, ...]
    filters: tuple[tuple[RowFilter, Column], ...] = ()
    protected: Mapping[str, Protection] = field(default_factory=dict)
    protection_key: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that is ready to be read. `columns` are its own, found in its beginning or told by it.

    `raw_names` are those of JSON and Parquet, as the file has them; `untold` names columns without a value in what was
    looked at, which are text for want of better.
    """

    path: Path
    name: str
    format: Format
    columns: tuple[Column, ...]
    raw_names: tuple[str, ...]
    dialect: Dialect | None
    limits: Limits
    untold: frozenset[str] = frozenset()

    def write(self, wanted: Wanted, source: Source, target: Path) -> int:
        """Write the wanted rows to `target`, a name that is free, and return how many they are.

        Columns of the table that this file has not are NULL; those named in `names.OWN` say where a row comes from.
        Raises `SyncError("bad_record")` that names the first thing that does not fit, and its line.
        """
        with duck.Session(target.parent, self.limits.memory_bytes) as session:
            return session.write(self, wanted, source, target)


def open_file(
    path: Path, *, name: str, folder: Path, layout: Layout | None = None, limits: Limits | None = None
) -> DataFile:
    """Make the file at `path` ready to be read, and find its columns.

    `name` is what it is called where it comes from; its ending tells the format, unless `layout` does. What is needed
    beside it is written into `folder`. A file without anything in it has no columns and no rows.
    Raises `SyncError`: `misconfigured` for a format that is not read, `file_too_large`, `bad_record`.
    """
    layout, limits = layout or Layout(), limits or Limits()
    form = layout.format or format_of(name)
    if form is None:
        raise SyncError("misconfigured", f"{name} is no CSV, JSON lines or Parquet file, as far as its name tells.")
    found = _opened(path, name, form, folder, layout, limits)
    if len(found.columns) > limits.columns:
        raise SyncError("file_too_large", f"{name} has {len(found.columns):,} columns; {limits.columns:,} are allowed.")
    return found


def _opened(path: Path, name: str, form: Format, folder: Path, layout: Layout, limits: Limits) -> DataFile:
    if form == "parquet":
        plain.check_size(name, path.stat().st_size, limits.file_bytes)
        columns, raw_names = parquet.columns_of(path, name)
        return DataFile(path, name, form, columns, raw_names, None, limits)
    text = plain.made_plain(path, name=name, encoding=layout.encoding, limits=limits, folder=folder)
    lines = _beginning(text, limits)
    if form == "jsonl":
        columns, raw_names, untold = _json_columns(lines, layout)
        return DataFile(text, name, form, columns, raw_names, None, limits, untold)
    found = dialect.dialect_of(lines, layout)
    columns, untold = _csv_columns(lines, found, layout)
    return DataFile(text, name, form, columns, (), found, limits, untold)


def _beginning(path: Path, limits: Limits) -> list[str]:
    """Return the first lines of a text, each with its end; a last one that was cut off is left out."""
    lines = []
    left = limits.line_bytes * 2
    with path.open(encoding="utf-8", newline="") as file:
        for line in islice(file, limits.sample_rows + 1):
            lines.append(line)
            left -= len(line)
            if left < 0:
                break
    return lines


def _csv_columns(lines: Sequence[str], found: Dialect, layout: Layout) -> tuple[tuple[Column, ...], frozenset[str]]:
    first = next(iter(dialect.records(lines[:_FIRST_RECORD], found.delimiter, found.quote)), None)
    if first is None:
        return (), frozenset()
    width = len(first)
    called = names.column_names(first if found.has_names else [""] * width)
    looked_at = lines[: max(1, _SAMPLE_VALUES // width) + 1]
    sample = dialect.records(looked_at, found.delimiter, found.quote)[found.has_names :]
    by_column = list(zip_longest(*sample, fillvalue=""))
    empty: tuple[str, ...] = ()
    values = [by_column[place] if place < len(by_column) else empty for place in range(width)]
    kinds = {
        name: types.TEXT if layout.is_all_text else types.of_texts(own)
        for name, own in zip(called, values, strict=True)
    }
    untold = frozenset(name for name, own in zip(called, values, strict=True) if not any(own))
    return tuple(types.column(name, kind) for name, kind in kinds.items()), untold


def _json_columns(lines: Sequence[str], layout: Layout) -> tuple[tuple[Column, ...], tuple[str, ...], frozenset[str]]:
    found = types.objects(lines)
    keys = tuple(dict.fromkeys(key for one in found for key in one))
    called = names.column_names(keys)
    sample = found[: max(1, _SAMPLE_VALUES // max(1, len(keys)))]
    kinds = {
        name: types.TEXT if layout.is_all_text else types.of_json(one.get(key) for one in sample)
        for name, key in zip(called, keys, strict=True)
    }
    untold = frozenset(
        name for name, key in zip(called, keys, strict=True) if all(one.get(key) is None for one in sample)
    )
    return tuple(types.column(name, kind) for name, kind in kinds.items()), keys, untold
