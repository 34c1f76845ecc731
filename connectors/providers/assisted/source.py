"""The rows of uploaded files: one file per table, as it was checked when it was uploaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from connectors import protect
from connectors.engine import shaping
from connectors.files.layout import Layout, Limits
from connectors.files.opening import Source, Wanted, open_file
from connectors.plan import Reporter, SyncError, SyncPlan, TablePlan
from connectors.providers.assisted import access
from connectors.providers.feed import Column, Feed, FileChunk, ReadRequest
from connectors.uploads.naming import named

# Where the plan's source says which file each table has: path, name, format, encoding, columns.
UPLOADS = "uploads"


@contextmanager
def open_feeds(plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Iterator[tuple[Feed, ...]]:
    """Give a feed per table of the plan. Raises `SyncError` for one without a file."""
    del arrays_as_json
    access.check(plan.source, plan.entity_ref)
    uploads: Mapping[str, Mapping[str, Any]] = plan.source.config.get(UPLOADS, {})
    for name, upload in uploads.items():
        reporter.columns(name, {one["name"]: one["postgres_type"] for one in upload["columns"]})
    yield tuple(_feed(table, uploads.get(table.name), reporter) for table in plan.tables)


def _feed(table: TablePlan, upload: Mapping[str, Any] | None, reporter: Reporter) -> Feed:
    if upload is None:
        raise SyncError("awaiting_upload", f"No file is there for {table.name}.")
    wanted = _wanted(tuple(Column(**one) for one in upload["columns"]), table)

    def read(request: ReadRequest) -> Iterator[FileChunk]:
        path, name, form = Path(upload["path"]), upload["name"], upload["format"]
        if not path.is_file():
            raise SyncError("source_object_missing", f"The content of {name} is not kept any more.")
        layout = Layout(format=form, encoding=upload["encoding"], first_line="names" if form == "csv" else "")
        file = open_file(path, name=name, folder=request.folder, layout=layout, limits=Limits())
        file = named(file, [one["name"] for one in upload["columns"]])
        target = request.folder / f"{uuid4().hex}.csv"
        rows = file.write(wanted, Source(name, ""), target)
        reporter.rows(table.name, extracted=rows)
        reporter.log("info", "extract", f"{table.name}: {rows:,} rows of {name}")
        if file.path != path:
            # It was unpacked or decoded into a file of its own.
            file.path.unlink(missing_ok=True)
        yield FileChunk(target, rows, target.stat().st_size)

    return Feed(table=table, columns=wanted.columns, read=read)


def _wanted(found: tuple[Column, ...], table: TablePlan) -> Wanted:
    """Return what is written: the chosen columns, keys always, as row filters and protection have it.

    Raises `SyncError` for a column that no file has, and for a filter whose value is none of its column's type.
    """
    known = {column.name: column for column in found}
    needed = {*table.columns, *table.keys}
    if missing := sorted((needed | {one.column for one in table.filters}) - set(known)):
        message = f"The file for {table.name} has no column {', '.join(missing)}."
        raise SyncError("source_object_missing", message)
    for one in table.filters:
        shaping.condition(one, known[one.column].data_type)
    protected = dict(table.protected)
    chosen = (one for one in found if not table.columns or one.name in needed)
    columns = (
        replace(one, data_type="text", postgres_type=protect.TYPE) if one.name in protected else one for one in chosen
    )
    filters = tuple((one, known[one.column]) for one in table.filters)
    return Wanted(tuple(columns), filters, protected, table.protection_key)
