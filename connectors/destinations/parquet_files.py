"""Tables as Parquet files in a store: `<dataset>/<table>.parquet`, one file per table, which is replaced in one step.

dlt's own records (schema, state, loads) of each pipeline lie beside them in `<dataset>/_patchbay/<pipeline>.json`; they
are written last, so that what they tell is there. A table's file says in its own metadata which columns it was made
with and, where it is appended to, up to which cursor: that changes with the rows, in the same step.

Functions that look into files need DuckDB: they are for workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import uuid4

from connectors.destinations import bookkeeping, previews
from connectors.destinations.bookkeeping import Mark, Standing, sorted_by_maker
from connectors.destinations.previews import LoadedTable, Preview
from connectors.destinations.stores import Store
from connectors.plan import SyncError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUFFIX = ".parquet"
# The entry of a file's metadata that holds what we know of it, as JSON.
FACTS = "patchbay"
MEMORY_LIMIT = "512MB"
_RECORDS = "_patchbay/"
# Left as they are in a file's name, beside letters and digits of every script.
_PLAIN = " !#$&'()+,-.;@^_`~"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a table's file says of itself: its rows, DuckDB's type of each column, and the last append."""

    rows: int
    types: Mapping[str, str] = field(default_factory=dict)
    mark: Mark | None = None


def key_of(dataset: str, table: str) -> str:
    """Return the key of a table's file; characters that lead elsewhere are written as in an address."""
    kept = "".join(one if one.isalnum() or one in _PLAIN else quote(one, safe="") for one in table)
    # A name that begins with a dot is hidden, and one with “_” is passed over by those who read whole folders.
    first = f"%{ord(kept[0]):02X}{kept[1:]}" if kept[:1] in {".", "_"} else kept
    return f"{_folder(dataset)}{first}{SUFFIX}"


def _folder(dataset: str) -> str:
    if dataset in {"", ".", ".."} or "/" in dataset or "\x00" in dataset:
        raise SyncError("misconfigured", f"“{dataset}” is no usable name of a folder.")
    return f"{dataset}/"


def tables_in(store: Store, dataset: str) -> dict[str, str]:
    """Return the tables of a dataset and the key of each."""
    folder = _folder(dataset)
    keys = [key for key in store.sizes(folder) if key.endswith(SUFFIX)]
    return {unquote(key.removeprefix(folder).removesuffix(SUFFIX)): key for key in keys}


# ---- dlt's records ----------------------------------------------------------------------------------------------


def read_records(store: Store, dataset: str, pipeline: str) -> dict[str, Any]:
    """Return dlt's records of a pipeline: of each of its tables `columns` (name and type) and `rows`; {} for none."""
    key = _records_key(dataset, pipeline)
    if key not in store.sizes(f"{_folder(dataset)}{_RECORDS}"):
        return {}
    found: dict[str, Any] = json.loads(store.read(key))
    return found


def write_records(store: Store, dataset: str, pipeline: str, records: Mapping[str, Any], work: Path) -> None:
    """Store dlt's records of a pipeline; `work` is a folder for what is on its way."""
    path = work / f"{uuid4().hex}.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    store.put(_records_key(dataset, pipeline), path)
    path.unlink(missing_ok=True)


def _records_key(dataset: str, pipeline: str) -> str:
    return f"{_folder(dataset)}{_RECORDS}{pipeline}.json"


def _schemas(records: Mapping[str, Any]) -> list[str]:
    """Return the stored versions of the pipeline's schema as JSON, the newest last."""
    kept = records.get(bookkeeping.VERSIONS)
    if not kept:
        return []
    names = [name for name, _ in kept["columns"]]
    rows = sorted(kept["rows"], key=lambda row: str(row[names.index("inserted_at")]))
    return [str(row[names.index("schema")]) for row in rows]


# ---- What every destination offers ------------------------------------------------------------------------------


def look(store: Store, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
    """Return which of `tables` hold rows, who made them, and how far they were appended to."""
    known = tables_in(store, dataset)
    with opened(store) as connection:
        facts = {name: facts_of(connection, store, known[name]) for name in tables if name in known}
    schemas = _schemas(read_records(store, dataset, pipeline))
    marks = {name: one.mark for name, one in facts.items() if one.mark is not None}
    return sorted_by_maker((name for name, one in facts.items() if one.rows), schemas[-1] if schemas else None, marks)


def marks(store: Store, dataset: str, pipeline: str) -> dict[str, Mark]:
    """Return which run last appended to each table that `pipeline` made."""
    made = bookkeeping.tables_of(_schemas(read_records(store, dataset, pipeline)))
    with opened(store) as connection:
        found = {
            name: facts_of(connection, store, key).mark
            for name, key in tables_in(store, dataset).items()
            if name in made
        }
    return {name: mark for name, mark in found.items() if mark is not None}


def count_rows(store: Store, dataset: str, tables: Sequence[str]) -> dict[str, int | None]:
    """Return the rows of each table; None for one that is not there."""
    known = tables_in(store, dataset)
    with opened(store) as connection:
        return {name: facts_of(connection, store, known[name]).rows if name in known else None for name in tables}


def drop_loaded(store: Store, dataset: str, pipeline: str) -> tuple[str, ...]:
    """Remove what a pipeline made. Its records go last, so that a purge that is killed can be repeated."""
    known = tables_in(store, dataset)
    records = read_records(store, dataset, pipeline)
    dropped = tuple(sorted(bookkeeping.tables_of(_schemas(records)) & set(known)))
    store.delete(known[name] for name in dropped)
    if records:
        store.delete([_records_key(dataset, pipeline)])
    return dropped


def list_loaded(store: Store, dataset: str) -> tuple[LoadedTable, ...]:
    """Return the tables of a dataset with rows and columns, by name, out of the ends of their files."""
    with opened(store) as connection:
        return tuple(
            LoadedTable(name, facts_of(connection, store, key).rows, _columns(connection, store, key))
            for name, key in sorted(tables_in(store, dataset).items())
        )


def preview(store: Store, dataset: str, table: str, limit: int) -> Preview:
    """Return the first rows of a table as text. Raises `SyncError` where it is not there."""
    key = tables_in(store, dataset).get(table)
    if key is None:
        raise SyncError("misconfigured", f"There is no file of “{table}”.")
    with opened(store) as connection:
        columns = _columns(connection, store, key)
        shown = ", ".join(
            previews.shown_by_duckdb(quoted(name), kind) for name, kind in columns[: previews.MOST_COLUMNS]
        )
        rows = connection.execute(
            f"SELECT {shown} FROM {reading(store, key)} LIMIT ?",  # noqa: S608 - quoted
            [min(limit, previews.MOST_ROWS)],
        ).fetchall()
    return previews.made(columns, rows)


# ---- Looking into files -----------------------------------------------------------------------------------------


@contextmanager
def opened(store: Store) -> Iterator[DuckDBPyConnection]:
    """Open DuckDB in memory, able to read the files of `store`."""
    import duckdb  # noqa: PLC0415 - heavy, and only workers look into files

    try:
        with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
            teach(connection, store)
            yield connection
    except duckdb.Error as error:
        raise SyncError("misconfigured", f"A file is no usable Parquet file: {str(error).splitlines()[0]}") from None


def teach(connection: DuckDBPyConnection, store: Store) -> None:
    """Let DuckDB read a store that is no folder, piece by piece."""
    connection.execute("SET TimeZone = 'UTC'")
    if isinstance(store.path("any"), Path):
        return
    from connectors.destinations.remote_files import RemoteFiles  # noqa: PLC0415 - imports fsspec

    if not connection.filesystem_is_registered(RemoteFiles.protocol):
        connection.register_filesystem(RemoteFiles(store))


def address(store: Store, key: str) -> str:
    """Return where DuckDB finds a file, quoted."""
    path = store.path(key)
    return literal(str(path) if path else f"patchbay://{key}")


def reading(store: Store, key: str) -> str:
    """Return the table function that reads a table's file. A folder's name says nothing about its columns."""
    return f"read_parquet({address(store, key)}, hive_partitioning = false)"


def facts_of(connection: DuckDBPyConnection, store: Store, key: str) -> Facts:
    """Read what the end of a table's file says of it."""
    where = address(store, key)
    rows = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({where})").fetchall()  # noqa: S608 - quoted
    known = connection.execute(
        f"SELECT decode(value) FROM parquet_kv_metadata({where}) WHERE decode(key) = ?",  # noqa: S608 - quoted
        [FACTS],
    ).fetchall()
    told: dict[str, Any] = json.loads(known[0][0]) if known else {}
    return Facts(int(rows[0][0]), told.get("types", {}), Mark(*told["mark"]) if told.get("mark") else None)


def facts_json(types: Mapping[str, str], mark: Mark | None) -> str:
    """Return what a table's file is to say of itself, for `facts_of`."""
    return json.dumps({"types": dict(types), "mark": [mark.name, mark.column, mark.cursor] if mark else None})


def _columns(connection: DuckDBPyConnection, store: Store, key: str) -> tuple[tuple[str, str], ...]:
    found = connection.execute(f"DESCRIBE SELECT * FROM {reading(store, key)}").fetchall()  # noqa: S608
    return tuple((str(row[0]), str(row[1])) for row in found)


def quoted(name: str) -> str:
    """Return a name as it stands in a statement."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as it stands in a statement."""
    return "'" + text.replace("'", "''") + "'"
