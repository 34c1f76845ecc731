"""What the cloud warehouses have in common: looking, counting and dropping over a driver of Python's database API.

A module of a warehouse says how to connect and how it spells a few things, and takes the rest from here. Nobody has run
these against a real warehouse yet; the statements are tested against PostgreSQL, which spells them as Redshift does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from connectors.destinations import bookkeeping, previews
from connectors.destinations.bookkeeping import APPENDS, Mark, Standing, sorted_by_maker
from connectors.destinations.previews import LoadedTable, Preview
from connectors.plan import Endpoint, SyncError

# Opens a connection whose statements take no longer than so many seconds, where that is not None.
Connect = Callable[[Endpoint, int | None], Any]
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
_COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = %s ORDER BY table_name, ordinal_position
"""


def driver(module: str, warehouse: str, extra: str) -> Any:
    """Import a driver that few installations have. Raises `SyncError` that says what to install."""
    try:
        return import_module(module)
    except ImportError:
        told = (
            f"{warehouse} needs a driver that is not installed here. An admin installs it: pip install 'dlt[{extra}]'."
        )
        raise SyncError("misconfigured", told) from None


@dataclass(frozen=True, slots=True)
class Warehouse:
    """One kind of warehouse. `text` cuts a value: its two places are the column and the number of characters."""

    connect: Connect
    failure: Callable[[Exception], SyncError]
    quote: str = '"'
    text: str = "LEFT(CAST({} AS VARCHAR(65535)), {})"
    # Where the catalogue is a part of each dataset, as in BigQuery, its statements take no value.
    has_own_catalogue: bool = False

    def check(self, endpoint: Endpoint) -> None:
        """Sign in. Raises `SyncError`."""
        with self._opened(endpoint) as cursor:
            cursor.execute("SELECT 1")

    def look(self, endpoint: Endpoint, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
        """Check, and tell what stands of `tables` in `dataset`. Raises `SyncError`."""
        with self._opened(endpoint) as cursor:
            there = {name.lower(): name for name in self._tables(cursor, dataset)}
            filled = [name for name in tables if name.lower() in there and self._has_rows(cursor, dataset, name)]
            if bookkeeping.VERSIONS not in there:
                return sorted_by_maker(filled, None)
            stored = self._schemas(cursor, dataset, pipeline)
            marks = self._marks(cursor, dataset, pipeline) if APPENDS in there else {}
        return sorted_by_maker(filled, stored[-1] if stored else None, marks)

    def marks(self, endpoint: Endpoint, dataset: str, pipeline: str) -> Mapping[str, Mark]:
        """Return which run last appended to each table. Raises `SyncError`."""
        with self._opened(endpoint) as cursor:
            return self._marks(cursor, dataset, pipeline)

    def count_rows(self, endpoint: Endpoint, dataset: str, tables: tuple[str, ...]) -> dict[str, int | None]:
        """Return the rows of each table in `dataset`; None for a table that is not there. Raises `SyncError`."""
        with self._opened(endpoint) as cursor:
            there = {name.lower() for name in self._tables(cursor, dataset)}
            return {name: self._count(cursor, dataset, name) if name.lower() in there else None for name in tables}

    def drop_loaded(self, endpoint: Endpoint, dataset: str, pipeline: str) -> tuple[str, ...]:
        """Drop what `pipeline` made in `dataset`. Its records go last: a purge that breaks off can be repeated."""
        with self._opened(endpoint) as cursor:
            there = {name.lower(): name for name in self._tables(cursor, dataset)}
            if bookkeeping.VERSIONS not in there:
                return ()
            ours = bookkeeping.tables_of(self._schemas(cursor, dataset, pipeline))
            dropped = tuple(sorted(name for name in ours if name.lower() in there))
            for table in dropped:
                cursor.execute(f"DROP TABLE {self._name(dataset, there[table.lower()])}")
            cursor.execute(f"DROP SCHEMA IF EXISTS {self._quoted(bookkeeping.staging_of(pipeline))} CASCADE")
            for table, column in bookkeeping.ALL_RECORDS.items():
                # dlt makes its columns with quotes, our ledger's have none: a warehouse may tell the two apart.
                named = column if table == APPENDS else self._quoted(column)
                if table in there:
                    self._forget(cursor, self._name(dataset, there[table]), named, pipeline)
            if not self._tables(cursor, dataset):
                cursor.execute(f"DROP SCHEMA IF EXISTS {self._quoted(dataset)}")
        return dropped

    def list_loaded(self, endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
        """Return the tables in `dataset`, by name. Raises `SyncError`."""
        with self._opened(endpoint, previews.PREVIEW_SECONDS) as cursor:
            found = self._columns(cursor, dataset)
            names = [name for name in found if not name.lower().startswith("_dlt_")]
            return tuple(LoadedTable(name, self._count(cursor, dataset, name), tuple(found[name])) for name in names)

    def preview(self, endpoint: Endpoint, dataset: str, table: str, limit: int) -> Preview:
        """Return the first rows of a table as text. Raises `SyncError`."""
        with self._opened(endpoint, previews.PREVIEW_SECONDS) as cursor:
            known = {name.lower(): (name, columns) for name, columns in self._columns(cursor, dataset).items()}
            if table.lower() not in known:
                raise SyncError("misconfigured", f"There is no table “{table}” in “{dataset}”.")
            name, columns = known[table.lower()]
            shown = ", ".join(
                self.text.format(self._quoted(column), previews.MOST_CHARACTERS + 1)
                for column, _ in columns[: previews.MOST_COLUMNS]
            )
            most = min(limit, previews.MOST_ROWS)
            cursor.execute(f"SELECT {shown} FROM {self._name(dataset, name)} LIMIT {most}")  # noqa: S608 - quoted
            return previews.made(columns, cursor.fetchall())

    @contextmanager
    def _opened(self, endpoint: Endpoint, seconds: int | None = None) -> Iterator[Any]:
        try:
            with closing(self.connect(endpoint, seconds)) as connection:
                with closing(connection.cursor()) as cursor:
                    yield cursor
                connection.commit()
        except SyncError:
            raise
        except Exception as error:  # noqa: BLE001 - each driver has errors of its own
            raise self.failure(error) from None

    def _tables(self, cursor: Any, dataset: str) -> list[str]:
        if self.has_own_catalogue:
            cursor.execute("SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA")
            if dataset not in {str(row[0]) for row in cursor.fetchall()}:
                return []
            cursor.execute(f"SELECT table_name FROM {self._quoted(dataset)}.INFORMATION_SCHEMA.TABLES")  # noqa: S608
        else:
            cursor.execute(_TABLES, (dataset,))
        return [str(row[0]) for row in cursor.fetchall()]

    def _columns(self, cursor: Any, dataset: str) -> dict[str, list[tuple[str, str]]]:
        if not self.has_own_catalogue:
            cursor.execute(_COLUMNS, (dataset,))
        elif self._tables(cursor, dataset):
            where = f"{self._quoted(dataset)}.INFORMATION_SCHEMA.COLUMNS"
            order = "ORDER BY table_name, ordinal_position"
            cursor.execute(f"SELECT table_name, column_name, data_type FROM {where} {order}")  # noqa: S608 - quoted
        else:
            return {}
        found: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in cursor.fetchall():
            found.setdefault(str(table), []).append((str(column), str(kind)))
        return found

    def _schemas(self, cursor: Any, dataset: str, pipeline: str) -> list[str]:
        """Return the stored versions of the pipeline's schema as JSON, the newest last."""
        schema, of, at = (self._quoted(name) for name in ("schema", "schema_name", "inserted_at"))
        versions = self._name(dataset, bookkeeping.VERSIONS)
        cursor.execute(f"SELECT {schema} FROM {versions} WHERE {of} = %s ORDER BY {at}", (pipeline,))  # noqa: S608
        return [str(row[0]) for row in cursor.fetchall()]

    def _has_rows(self, cursor: Any, dataset: str, table: str) -> bool:
        cursor.execute(f"SELECT 1 FROM {self._name(dataset, table)} LIMIT 1")  # noqa: S608 - quoted
        return bool(cursor.fetchall())

    def _count(self, cursor: Any, dataset: str, table: str) -> int:
        cursor.execute(f"SELECT count(*) FROM {self._name(dataset, table)}")  # noqa: S608 - quoted
        return int(cursor.fetchall()[0][0])

    def _marks(self, cursor: Any, dataset: str, pipeline: str) -> dict[str, Mark]:
        cursor.execute(bookkeeping.marks_query(self._name(dataset, APPENDS), "%s"), (pipeline,))
        return bookkeeping.marks_of(cursor.fetchall())

    def _forget(self, cursor: Any, table: str, column: str, pipeline: str) -> None:
        cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", (pipeline,))  # noqa: S608 - quoted by the caller
        cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 - as above
        if not cursor.fetchall():
            cursor.execute(f"DROP TABLE {table}")

    def _name(self, dataset: str, table: str) -> str:
        return f"{self._quoted(dataset)}.{self._quoted(table)}"

    def _quoted(self, name: str) -> str:
        if self.quote in name or "\x00" in name:
            raise SyncError("misconfigured", f"“{name}” is no usable name there.")
        return f"{self.quote}{name}{self.quote}"
