"""The rows of the tables that files make up, as feeds: each new file is brought here, checked, and written as text."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from connectors import protect
from connectors.engine import shaping
from connectors.file_sources import seen, settings, tables
from connectors.file_sources.stores import Opened, Store, StoredFile, below, counted
from connectors.files import beginning, names, types, union
from connectors.files.duck import Session
from connectors.files.layout import Layout, Limits
from connectors.files.opening import DataFile, Source, Wanted, open_file
from connectors.plan import Reporter, SyncError, SyncPlan, TablePlan
from connectors.providers.feed import Column, DataType, Feed, FileChunk, ReadRequest

# One file of text is one load job.
FILE_BYTES = 32 * 1024 * 1024
# The newest files of a table tell its columns, and some more that lie between them and the oldest one.
_NEWEST, _SPREAD = 5, 15
_LEAST_SAMPLE = 1_000
OWN_COLUMNS = (
    types.column(names.FILE, types.TEXT),
    types.column(names.MODIFIED, types.ZONED),
    types.column(names.ROW, types.BIGINT),
)
_COPY_BLOCK = 1024 * 1024


@contextmanager
def open_feeds(opened: Opened, plan: SyncPlan, reporter: Reporter) -> Iterator[tuple[Feed, ...]]:
    """Open the place, list its files, and give a feed per table. Raises `SyncError`, also for a table without files."""
    layout, limits = settings.layout_of(plan.source.config), settings.limits()
    with opened(plan.source) as store:
        folder = settings.folder_of(plan.entity_ref)
        found = files_by_table(store, folder, plan.source.config)
        missing = [table.name for table in plan.tables if table.name not in found]
        if missing:
            raise SyncError("source_object_missing", f"No file is there of: {', '.join(missing)}.")
        readers = []
        for table in plan.tables:
            columns = columns_of(store, found[table.name], plan.workdir, layout, limits)
            reporter.columns(table.name, {column.name: column.postgres_type for column in columns})
            readers.append(_Reader(store, reporter, table, tuple(found[table.name]), columns, layout, limits, folder))
        yield tuple(Feed(one.table, one.wanted.columns, one.read, is_key_unique=not one.is_by_file) for one in readers)


def files_by_table(store: Store, folder: str, config: Mapping[str, Any]) -> dict[str, list[StoredFile]]:
    """Return the files of each table of an entity, the oldest first. Patterns are of paths below the entity."""
    listed = list(counted(store.files(folder)))
    by_path = {below(folder, file.path): file for file in listed}
    shown = (StoredFile(path, file.size, file.modified, file.tag) for path, file in by_path.items())
    return {name: [by_path[file.path] for file in files] for name, files in tables.grouped(shown, config).items()}


def columns_of(
    store: Store, files: Sequence[StoredFile], folder: Path, layout: Layout, limits: Limits
) -> tuple[Column, ...]:
    """Return the columns of a table, and those that say where a row comes from.

    They are those of its newest files and of some that are spread over all older ones, so that they do not change with
    each file that comes.
    """
    chosen = _looked_at(files)
    few = replace(limits, sample_rows=max(_LEAST_SAMPLE, limits.sample_rows // max(1, len(chosen))))
    looked = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for file in chosen:
            read = partial(store.read, file)
            looked.append(
                beginning.look_at(read, size=file.size, name=file.path, folder=Path(scratch), layout=layout, limits=few)
            )
    return (*union.columns_of(looked), *OWN_COLUMNS)


def _looked_at(files: Sequence[StoredFile]) -> list[StoredFile]:
    """Return the files that are looked at, the newest first."""
    newest, older = files[-_NEWEST:], files[:-_NEWEST]
    step = max(1, -(-len(older) // _SPREAD))
    return [*reversed(newest), *older[::step]]


@dataclass(slots=True)
class _Reader:
    """Reads the files of one table."""

    store: Store
    reporter: Reporter
    table: TablePlan
    files: tuple[StoredFile, ...]
    found: tuple[Column, ...]
    layout: Layout
    limits: Limits
    folder: str
    rows: int = field(default=0)

    @property
    def is_by_file(self) -> bool:
        """Whether a file's rows are replaced together, when it changed."""
        return self.table.keys == (names.FILE,)

    @property
    def wanted(self) -> Wanted:
        """What is written: the chosen columns, keys and cursor always. Raises `SyncError` when one is gone."""
        needed = {*self.table.columns, *self.table.keys, *([self.table.cursor] if self.table.cursor else [])}
        missing = needed - {column.name for column in self.found}
        if missing:
            told = f"The newest files of {self.table.name} have no column {', '.join(sorted(missing))}."
            raise SyncError("source_object_missing", told)
        known = {column.name: column for column in self.found}
        if gone := sorted({one.column for one in self.table.filters} - set(known)):
            raise SyncError("source_object_missing", f"A row filter names the column {', '.join(gone)}, which is gone.")
        for one in self.table.filters:
            # Raises where the value is none of the column's type.
            shaping.condition(one, known[one.column].data_type)
        protected = dict(self.table.protected)
        chosen = (one for one in self.found if not self.table.columns or one.name in needed)
        return Wanted(
            tuple(self._written_column(one, is_protected=one.name in protected) for one in chosen),
            tuple((one, known[one.column]) for one in self.table.filters),
            protected,
            self.table.protection_key,
        )

    def _written_column(self, found: Column, *, is_protected: bool) -> Column:
        exact = protect.TYPE if is_protected else found.postgres_type
        kind: DataType = "text" if is_protected else found.data_type
        return Column(found.name, kind, nullable=found.name not in self.own_keys, postgres_type=exact)

    @property
    def own_keys(self) -> tuple[str, ...]:
        """The keys by which rows are merged, where they are the files' own columns."""
        keys = self.table.keys
        return keys if self.table.mode == "merge" and not set(keys) & set(names.OWN) else ()

    def read(self, request: ReadRequest) -> Iterator[FileChunk]:
        """Write the rows of the new files into `request.folder`: at least one file of text, if without rows.

        Where rows have a key of their own, the newest file comes first and older rows of its keys are left out.
        """
        before = seen.parsed(request.since)
        new = [file for file in self.files if before.is_new(file)]
        most = seen.MOST_APPENDED if self.table.mode == "append" else seen.MOST
        cursor = seen.cursor_of(self.files, most=most)
        wanted, keys = self.wanted, self.own_keys
        gathered = _Gathered(request.folder, wanted.columns)
        with Session(request.folder, self.limits.memory_bytes, keys) as session:
            for file in reversed(new) if keys else new:
                part, rows = self._written(session, file, wanted, request.folder)
                if full := gathered.add(part, rows):
                    yield self._told(full, cursor)
        yield self._told(gathered.finish(), cursor)

    def _written(self, session: Session, file: StoredFile, wanted: Wanted, folder: Path) -> tuple[Path, int]:
        """Bring a file here and write its rows; what was brought is removed again."""
        scratch, target = folder / uuid4().hex, folder / f"{uuid4().hex}.csv"
        scratch.mkdir()
        try:
            data = self._opened(file, scratch)
            self._tell_unknown(data, wanted)
            rows = session.write(data, wanted, Source(below(self.folder, file.path), file.modified), target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self.rows += rows
        self.reporter.rows(self.table.name, extracted=self.rows)
        self.reporter.check()
        return target, rows

    def _opened(self, file: StoredFile, scratch: Path) -> DataFile:
        copy = scratch / "fetched"
        if file.size > self.limits.file_bytes:
            told = f"{file.path} has {file.size:,} bytes; {self.limits.file_bytes:,} are allowed."
            raise SyncError("file_too_large", told)

        def passed(size: int) -> None:
            self.reporter.check()
            if size > self.limits.file_bytes:
                raise SyncError("file_changed", f"{file.path} grew while it was read.")

        self.store.fetch(file, copy, passed)
        return open_file(copy, name=file.path, folder=scratch, layout=self.layout, limits=self.limits)

    def _tell_unknown(self, data: DataFile, wanted: Wanted) -> None:
        """Tell what is left out: the table has the columns that its newest files have."""
        if self.table.columns:
            return
        known = {column.name for column in wanted.columns}
        unknown = [column.name for column in data.columns if column.name not in known]
        if unknown:
            told = f"{data.name} has columns that the newest files have not; they are left out: {', '.join(unknown)}"
            self.reporter.log("warning", "extract", f"{self.table.name}: {told}")

    def _told(self, part: _Part, cursor: str) -> FileChunk:
        what = f"{part.rows:,} rows of {part.files:,} files, {part.size / 1_000_000:.1f} MB in {part.seconds:.2f} s"
        self.reporter.log("info", "extract", f"{self.table.name}: {what}")
        return FileChunk(part.path, part.rows, part.size, cursor)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of text: its rows, out of how many files they come, its bytes, and how long it took."""

    path: Path
    rows: int
    files: int
    size: int
    seconds: float


class _Gathered:
    """Puts the texts of small files together, so that thousands of them are no thousands of load jobs."""

    def __init__(self, folder: Path, columns: Sequence[Column]) -> None:
        quoted = (f'"{column.name.replace(chr(34), chr(34) * 2)}"' for column in columns)
        self._header = (",".join(quoted) + "\n").encode()
        self._folder = folder
        self._path: Path | None = None
        self._rows = self._files = 0
        self._since = time.monotonic()

    def add(self, part: Path, rows: int) -> _Part | None:
        """Take over a text with the header. Returns what has been gathered once that is large."""
        if self._path is None:
            self._path = part
        else:
            with self._path.open("ab") as whole, part.open("rb") as more:
                more.seek(len(self._header))
                shutil.copyfileobj(more, whole, _COPY_BLOCK)
            part.unlink()
        self._rows, self._files = self._rows + rows, self._files + 1
        return self.finish() if self._path.stat().st_size >= FILE_BYTES else None

    def finish(self) -> _Part:
        """Return what has been gathered since the last time: without any, a text without rows."""
        path = self._path
        if path is None:
            path = self._folder / f"{uuid4().hex}.csv"
            path.write_bytes(self._header)
        now = time.monotonic()
        made = _Part(path, self._rows, self._files, path.stat().st_size, now - self._since)
        self._path, self._rows, self._files, self._since = None, 0, 0, now
        return made
