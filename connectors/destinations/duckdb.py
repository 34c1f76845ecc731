"""A DuckDB file as a destination. Files live in one folder of this installation; a person gives a name, no path."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

from connectors.destinations import bookkeeping, previews
from connectors.destinations.bookkeeping import APPENDS, Mark, Standing, sorted_by_maker
from connectors.destinations.previews import LoadedTable, Preview
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUFFIX = ".duckdb"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_FILE = rf"{_NAME.pattern}({re.escape(SUFFIX)})?"

MANIFEST = DestinationManifest(
    kind="duckdb",
    name="DuckDB",
    tile="Du",
    tile_hue=5,
    summary="A file on this machine; one load at a time writes to it.",
    fields=(
        Field(
            "file",
            "File name",
            "Letters, digits, “-” and “_”. The file lies in this installation's data folder.",
            pattern=_FILE,
            pattern_error="This is no usable file name: only letters, digits, “-” and “_”, and no folder.",
        ),
    ),
    is_exclusive=True,
    is_heavy=True,
)
ARRAYS_AS_JSON = True
# What every DuckDB file says of itself, after a checksum.
_MAGIC_AT, _MAGIC = 8, b"DUCK"
# Beside a file: locked by whoever looks into it. A look is ended before this time, and a load waits as long at most.
_LOOKING = ".looking"
_LONGEST_LOOK_SECONDS, _AGAIN_SECONDS = 20.0, 0.1
_LOOK_MEMORY = "256MB"

ConnectionT = TypeVar("ConnectionT")


def path_of(endpoint: Endpoint) -> Path:
    """Return the file of the destination, in its folder. Raises `SyncError("misconfigured")` for any other name."""
    name = str(endpoint.config.get("file") or "").removesuffix(SUFFIX)
    if not _NAME.fullmatch(name):
        raise SyncError("misconfigured", f"“{name}” is no usable file name.")
    folder = Path(settings.PATCHBAY_HOME) / "duckdb"
    path = folder / f"{name}{SUFFIX}"
    # A link in the folder must not lead the file out of it.
    if path.is_symlink():
        raise SyncError("misconfigured", f"“{name}{SUFFIX}” is a link.")
    return path


def place_of(config: Mapping[str, Any]) -> str:
    """Return the file's name."""
    return f"{str(config.get('file') or '').removesuffix(SUFFIX)}{SUFFIX}"


def probe(endpoint: Endpoint) -> Generator[str]:
    """Look at the folder and at the first bytes of the file, without DuckDB: the web must not load it."""
    path = path_of(endpoint)
    _make_folder(path)
    free = shutil.disk_usage(path.parent).free / 1_000_000_000
    yield f"The data folder is there, {free:,.0f} GB are free"
    yield "A file needs no sign-in"
    if not path.exists():
        if not os.access(path.parent, os.W_OK):
            raise SyncError("destination_permission_denied", "No file can be made in the data folder.")
        yield "The file can be made; the first load makes it"
        return
    if not os.access(path, os.R_OK | os.W_OK):
        raise SyncError("destination_permission_denied", "The file cannot be written to.")
    with path.open("rb") as file:
        head = file.read(_MAGIC_AT + len(_MAGIC))
    if head and head[_MAGIC_AT:] != _MAGIC:
        raise SyncError("misconfigured", f"“{path.name}” is no DuckDB file.")
    yield "The file is there and can be written to"


def check(endpoint: Endpoint) -> None:
    """Open the file for writing, creating it and its folder. Raises `SyncError`."""
    path = path_of(endpoint)
    _make_folder(path)
    with _opened(path):
        pass


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SyncError("destination_permission_denied", f"The data folder cannot be made: {error.strerror}.") from None


def count_rows(endpoint: Endpoint, dataset: str, tables: tuple[str, ...]) -> dict[str, int | None]:
    """Return the rows of each table in `dataset`; None for a table that is not there. Raises `SyncError`."""
    import duckdb  # noqa: PLC0415 - heavy, and only workers open files

    counts: dict[str, int | None] = dict.fromkeys(tables)
    with _opened(path_of(endpoint)) as connection:
        for table in tables:
            try:
                name = f"{_quoted(dataset)}.{_quoted(table)}"
                row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608 - quoted above
            except duckdb.CatalogException:
                continue
            counts[table] = int(row[0]) if row else None
    return counts


def look(endpoint: Endpoint, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
    """Check, tell what stands of `tables` in `dataset`, and forget old loads of `pipeline`. Raises `SyncError`."""
    path = path_of(endpoint)
    _make_folder(path)
    with _opened(path) as connection:
        # Names in a DuckDB file differ by more than upper and lower case.
        there = {name.lower() for name in _tables_in(connection, dataset)}
        filled = [
            name
            for name in tables
            if name.lower() in there
            and connection.execute(f"SELECT 1 FROM {_quoted(dataset)}.{_quoted(name)} LIMIT 1").fetchall()  # noqa: S608
        ]
        if bookkeeping.VERSIONS not in there:
            return sorted_by_maker(filled, None)
        if set(bookkeeping.RECORDS) <= there:
            _forget_old_loads(connection, dataset, pipeline)
        versions = f"{_quoted(dataset)}.{_quoted(bookkeeping.VERSIONS)}"
        newest = f"SELECT schema FROM {versions} WHERE schema_name = ? ORDER BY inserted_at DESC LIMIT 1"  # noqa: S608
        stored = connection.execute(newest, [pipeline]).fetchall()
        marks = _marks(connection, dataset, pipeline) if APPENDS in there else {}
    return sorted_by_maker(filled, str(stored[0][0]) if stored else None, marks)


def marks(endpoint: Endpoint, dataset: str, pipeline: str) -> Mapping[str, Mark]:
    """Return which run last appended to each table. Raises `SyncError`."""
    with _opened(path_of(endpoint)) as connection:
        return _marks(connection, dataset, pipeline)


def _marks(connection: DuckDBPyConnection, dataset: str, pipeline: str) -> dict[str, Mark]:
    query = bookkeeping.marks_query(f"{_quoted(dataset)}.{_quoted(APPENDS)}", "?")
    return bookkeeping.marks_of(connection.execute(query, [pipeline]).fetchall())


def _forget_old_loads(connection: DuckDBPyConnection, dataset: str, pipeline: str) -> None:
    loads = f"{_quoted(dataset)}.{_quoted(bookkeeping.LOADS)}"
    count = f"SELECT count(*) FROM {loads} WHERE schema_name = ?"  # noqa: S608 - quoted above
    row = connection.execute(count, [pipeline]).fetchone()
    if row is None or row[0] <= bookkeeping.KEPT_LOADS + bookkeeping.SPARE_LOADS:
        return
    for statement in bookkeeping.statements(f"{_quoted(dataset)}.", "?"):
        connection.execute(statement, [pipeline, pipeline])


def _tables_in(connection: DuckDBPyConnection, dataset: str) -> set[str]:
    found = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [dataset]).fetchall()
    return {str(row[0]) for row in found}


def drop_loaded(endpoint: Endpoint, dataset: str, pipeline: str) -> tuple[str, ...]:
    """Drop what `pipeline` made in `dataset`, in one transaction, and return the tables' names. Raises `SyncError`."""
    path = path_of(endpoint)
    if not path.exists():
        return ()
    with _opened(path) as connection:
        connection.begin()
        dropped = _drop(connection, dataset, pipeline)
        connection.commit()
    return dropped


def _drop(connection: DuckDBPyConnection, dataset: str, pipeline: str) -> tuple[str, ...]:
    there = _tables_in(connection, dataset)
    if bookkeeping.VERSIONS not in there:
        return ()
    versions = f"{_quoted(dataset)}.{_quoted(bookkeeping.VERSIONS)}"
    read = f"SELECT schema FROM {versions} WHERE schema_name = ?"  # noqa: S608 - quoted above
    stored = connection.execute(read, [pipeline]).fetchall()
    dropped = tuple(sorted(bookkeeping.tables_of(str(row[0]) for row in stored) & there))
    for table in dropped:
        connection.execute(f"DROP TABLE {_quoted(dataset)}.{_quoted(table)}")
    for table, column in bookkeeping.ALL_RECORDS.items():
        if table in there:
            _forget(connection, f"{_quoted(dataset)}.{_quoted(table)}", column, pipeline)
    connection.execute(f"DROP SCHEMA IF EXISTS {_quoted(bookkeeping.staging_of(pipeline))} CASCADE")
    _drop_if_empty(connection, dataset)
    return dropped


def _forget(connection: DuckDBPyConnection, table: str, column: str, pipeline: str) -> None:
    """Remove a pipeline's rows from one of dlt's tables, and the table where nobody else has rows in it."""
    connection.execute(f"DELETE FROM {table} WHERE {_quoted(column)} = ?", [pipeline])  # noqa: S608 - quoted by caller
    if not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall():  # noqa: S608 - as above
        connection.execute(f"DROP TABLE {table}")


def _drop_if_empty(connection: DuckDBPyConnection, dataset: str) -> None:
    """Drop the schema if no table and no view is left in it."""
    left = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? "
        "UNION ALL SELECT 1 FROM duckdb_views() WHERE schema_name = ?",
        [dataset, dataset],
    ).fetchall()
    if not left:
        connection.execute(f"DROP SCHEMA IF EXISTS {_quoted(dataset)}")


def list_loaded(endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
    """Return the tables in `dataset`, by name. Raises `SyncError`, also while a load has the file open."""
    path = path_of(endpoint)
    if not path.exists():
        return ()
    with _looked_into(path) as connection:
        names = sorted(name for name in _tables_in(connection, dataset) if not name.startswith("_dlt_"))
        return tuple(_loaded(connection, dataset, name) for name in names)


def _loaded(connection: DuckDBPyConnection, dataset: str, table: str) -> LoadedTable:
    name = f"{_quoted(dataset)}.{_quoted(table)}"
    rows = connection.execute(f"SELECT count(*) FROM {name}").fetchall()  # noqa: S608 - quoted above
    return LoadedTable(table, int(rows[0][0]), _columns(connection, name))


def _columns(connection: DuckDBPyConnection, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(row[0]), str(row[1])) for row in connection.execute(f"DESCRIBE {name}").fetchall())


def preview(endpoint: Endpoint, dataset: str, table: str, limit: int) -> Preview:
    """Return the first rows of a table as text. Raises `SyncError`."""
    path = path_of(endpoint)
    if not path.exists():
        raise SyncError("misconfigured", "The file is not there.")
    with _looked_into(path) as connection:
        if table not in _tables_in(connection, dataset):
            raise SyncError("misconfigured", f"There is no table “{table}” in the schema “{dataset}”.")
        name = f"{_quoted(dataset)}.{_quoted(table)}"
        columns = _columns(connection, name)
        shown = ", ".join(
            previews.shown_by_duckdb(_quoted(one), kind) for one, kind in columns[: previews.MOST_COLUMNS]
        )
        select = f"SELECT {shown} FROM {name} LIMIT {min(limit, previews.MOST_ROWS)}"  # noqa: S608 - quoted above
        return previews.made(columns, connection.execute(select).fetchall())


@contextmanager
def _looked_into(path: Path) -> Iterator[DuckDBPyConnection]:
    """Open the file for reading, and tell writers that they have to wait for a moment; see `when_free`."""
    import duckdb  # noqa: PLC0415 - heavy, and only workers open files

    with path.with_suffix(_LOOKING).open("a") as mark:
        # The mark goes with the process that holds it, however it ends.
        fcntl.flock(mark, fcntl.LOCK_SH)
        try:
            connection = duckdb.connect(str(path), read_only=True, config={"memory_limit": _LOOK_MEMORY, "threads": 1})
        except duckdb.Error as error:
            text = str(error)
            code = "destination_busy" if "lock" in text.lower() else "destination_permission_denied"
            raise SyncError(code, text.splitlines()[0]) from None
        with connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


def when_free(path: Path, connect: Callable[[], ConnectionT]) -> ConnectionT:
    """Open the file for writing as `connect` does, after somebody who looks into it has gone, which takes seconds.

    Where another writer has it, what `connect` raises is raised at once.
    """
    import duckdb  # noqa: PLC0415 - as above

    until = time.monotonic() + _LONGEST_LOOK_SECONDS
    while True:
        try:
            return connect()
        except duckdb.IOException:
            if time.monotonic() > until or not _is_looked_into(path):
                raise
            time.sleep(_AGAIN_SECONDS)


def _is_looked_into(path: Path) -> bool:
    try:
        with path.with_suffix(_LOOKING).open("a") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@contextmanager
def _opened(path: Path) -> Iterator[DuckDBPyConnection]:
    import duckdb  # noqa: PLC0415 - heavy, and only workers open files

    try:
        connection = when_free(path, lambda: duckdb.connect(str(path)))
    except duckdb.Error as error:
        text = str(error)
        code = "destination_unreachable" if "lock" in text.lower() else "destination_permission_denied"
        raise SyncError(code, text.splitlines()[0]) from None
    with connection:
        yield connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
