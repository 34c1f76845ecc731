"""How dlt writes Parquet files: it loads into a DuckDB file of the attempt, out of which each table's file is replaced.

So rows are staged, replaced, merged and appended as in any database, with exact types and flat memory, and readers of
the files see nothing of it: when all is loaded, each table's file is written anew beside the old one and takes its
place in one step. dlt's records follow last. A process that dies before leaves what was there; one that dies in
between leaves whole tables, and the next run does the rest again. Only tables that are merged into or appended to are
read back from their files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, cast
from uuid import uuid4

import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from connectors.destinations import bookkeeping, parquet_files, registry
from connectors.destinations.bookkeeping import Mark
from connectors.destinations.parquet_files import literal, quoted
from connectors.destinations.stores import Store
from connectors.engine import append, duck_types
from connectors.engine.destinations.common import Intake, Loading, header
from connectors.engine.destinations.duckdb import Copy, DuckDb, DuckDbFileClient
from connectors.plan import SyncError, SyncPlan, TablePlan

LOAD_WORKERS = 1
INTAKE = Intake()
# DuckDB calls a database like its file, and a dataset must not be called the same.
_FILE = "patchbay-parquet-work.duckdb"
_FEW_ROWS = 122_880  # of a row group: what a reader must hold in memory


@dataclass(frozen=True, slots=True)
class _Known:
    """What a client knows beside dlt's own things."""

    plan: SyncPlan
    store: Store
    # The text files of tables that are replaced, with dlt's types of their columns: they go straight into the table's
    # file, past DuckDB's own tables.
    texts: dict[str, list[Path]] = field(default_factory=dict)
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    @property
    def replaced(self) -> frozenset[str]:
        """The tables of which all rows are written anew, as they come."""
        return frozenset(table.name for table in self.plan.tables if table.mode == "replace")


def build(plan: SyncPlan, loading: Loading, **common: Any) -> DuckDb:
    """Return dlt's destination for the plan, with dlt's records of the last run. Raises `SyncError`."""
    kind = cast("Any", registry.destination(plan.destination.kind))
    known = _Known(plan, kind.store_of(plan.destination))
    path = plan.workdir / _FILE
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _bring_records(connection, known)
    limits = {
        "memory_limit": parquet_files.MEMORY_LIMIT,
        "temp_directory": str(plan.workdir / "spill"),
        "preserve_insertion_order": False,
    }
    credentials = DuckDbCredentials(str(path), global_config=limits)
    return DuckDb(loading, _Client, _Copy, known, credentials=credentials, **common)


def _bring_records(connection: duckdb.DuckDBPyConnection, known: _Known) -> None:
    dataset = quoted(known.plan.dataset)
    records = parquet_files.read_records(known.store, known.plan.dataset, known.plan.pipeline)
    if records:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset}")
    for table, kept in records.items():
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in kept["columns"])
        connection.execute(f"CREATE OR REPLACE TABLE {dataset}.{quoted(table)} ({columns})")
        marks = ", ".join("?" for _ in kept["columns"])
        insert = f"INSERT INTO {dataset}.{quoted(table)} VALUES ({marks})"  # noqa: S608 - quoted
        if kept["rows"]:
            connection.executemany(insert, kept["rows"])


class _Copy(Copy):
    """Stages a text file in DuckDB, or keeps it where its rows replace all others."""

    known: ClassVar[_Known]

    def run(self) -> None:
        """Copy the file, or link it: dlt moves its own away."""
        known, table = self.known, self.load_table_name
        if table not in known.replaced:
            super().run()
            return
        path = Path(self._file_path)
        with path.open("rb") as file:
            names = header(file, self._schema)
        kept = known.plan.workdir / f"{uuid4().hex}.csv"
        os.link(path, kept)
        hints = self._load_table["columns"]
        with known.lock:
            known.texts.setdefault(table, []).append(kept)
            known.kinds[table] = {name: str(hints[name]["data_type"]) for name in names}


class _Client(DuckDbFileClient):
    """Brings back what is merged into, and puts the tables' files in place when all is loaded."""

    known: ClassVar[_Known]

    def update_stored_schema(
        self,
        only_tables: Any = None,
        expected_update: Any = None,
        force: bool = True,  # noqa: FBT001, FBT002 - dlt's
    ) -> Any:
        """Read back the tables that are merged into or appended to, then make those that are not there."""
        if not self.in_staging_dataset_mode:
            self._bring_tables()
        return super().update_stored_schema(only_tables, expected_update, force)

    def complete_load(self, load_id: str) -> None:
        """Put each table's file in place, then dlt's records."""
        # By now dlt may have closed and opened its DuckDB file.
        parquet_files.teach(self._connection, self.known.store)
        for table in self.known.plan.tables:
            self._put_table(table)
        super().complete_load(load_id)
        self._put_records()

    def _create_replace_followup_jobs(self, table_chain: Any) -> list[Any]:
        """Do nothing: what replaces a table's rows is written when all is loaded."""
        del table_chain
        return []

    def _bring_tables(self) -> None:
        known = self.known
        parquet_files.teach(self._connection, known.store)
        there = parquet_files.tables_in(known.store, known.plan.dataset)
        for table in known.plan.tables:
            if table.name not in there:
                continue
            facts = parquet_files.facts_of(self._connection, known.store, there[table.name])
            if facts.mark is not None and table.mode == "append":
                self._note(table.name, facts.mark)
            if self._goes_on(table):
                self._bring(table.name, there[table.name], facts.types)

    def _goes_on(self, table: TablePlan) -> bool:
        """Whether rows are added to those that are there."""
        if table.mode == "replace" or table.is_afresh:
            return False
        return table.mode == "merge" or not self.loading.appends[table.name].is_anew

    def _bring(self, table: str, key: str, types: Mapping[str, str]) -> None:
        """Make the table with the types that it had, since Parquet does not know them all, and fill it."""
        name, reading = self._name(table), parquet_files.reading(self.known.store, key)
        found = self._connection.execute(f"DESCRIBE SELECT * FROM {reading}").fetchall()  # noqa: S608 - quoted
        columns = ", ".join(f"{quoted(str(row[0]))} {types.get(str(row[0]), row[1])}" for row in found)
        # dlt tries again where making tables failed on the way.
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
        self._connection.execute(f"INSERT INTO {name} SELECT * FROM {reading}")  # noqa: S608 - quoted

    def _note(self, table: str, mark: Mark) -> None:
        """Write what the file says of its last append into the ledger, out of which the next one goes on."""
        ledger, key = append.make_ledger(self.sql_client), (self.known.plan.pipeline, table)
        self.sql_client.execute_sql(f"DELETE FROM {ledger} WHERE pipeline_name = %s AND table_name = %s", *key)  # noqa: S608
        values = "(pipeline_name, table_name, mark, cursor_column, cursor_value) VALUES (%s, %s, %s, %s, %s)"
        self.sql_client.execute_sql(f"INSERT INTO {ledger} {values}", *key, mark.name, mark.column, mark.cursor)

    def _put_table(self, table: TablePlan) -> None:
        known = self.known
        key = parquet_files.key_of(known.plan.dataset, table.name)
        mark = self._mark(table.name, key)
        types = self._connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [known.plan.dataset, table.name],
        ).fetchall()
        facts = parquet_files.facts_json({str(name): str(kind) for name, kind in types}, mark)
        path = known.plan.workdir / f"{uuid4().hex}.parquet"
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_FEW_ROWS}"
        entry = f"KV_METADATA {{{parquet_files.FACTS}: {literal(facts)}}}"
        rows = self._rows(table.name, types) if table.name in known.replaced else self._name(table.name)
        started = time.monotonic()
        copied = self._connection.execute(f"COPY {rows} TO {literal(str(path))} ({options}, {entry})").fetchall()
        if table.name in known.replaced:
            self.loading.meter.loaded(table.name, int(copied[0][0]), time.monotonic() - started)
        known.store.put(key, path)
        path.unlink(missing_ok=True)

    def _rows(self, table: str, types: Sequence[tuple[str, str]]) -> str:
        """Return the query that reads a replaced table's text files with the types that dlt gave its columns."""
        paths, kinds = self.known.texts.get(table, []), self.known.kinds.get(table, {})
        values = []
        for name, kind in types:
            read = duck_types.reading(quoted(name), kinds[name]) if name in kinds else "NULL"
            values.append(f"CAST({read} AS {kind}) AS {quoted(name)}")
        size = max((path.stat().st_size for path in paths), default=0)
        text = duck_types.reader([str(path) for path in paths], list(kinds), size)
        return f"(SELECT {', '.join(values)} FROM {text})"  # noqa: S608 - quoted

    def _mark(self, table: str, key: str) -> Mark | None:
        """Return the mark that the file is to carry. Raises `SyncError` where another run has appended meanwhile."""
        if (added := self.loading.appends.get(table)) is None:
            return None
        known = self.known
        is_there = key in parquet_files.tables_in(known.store, known.plan.dataset).values()
        mark = parquet_files.facts_of(self._connection, known.store, key).mark if is_there else None
        if (mark.name if mark else "") != added.after:
            raise SyncError("unknown_error", f"{table}: another run appended meanwhile; these rows were not added.")
        return Mark(added.mark, added.column, added.cursor)

    def _put_records(self) -> None:
        known, records = self.known, {}
        for statement in bookkeeping.statements(f"{quoted(known.plan.dataset)}.", "?"):
            self._connection.execute(statement, [known.plan.pipeline] * 2)
        for table in bookkeeping.RECORDS:
            name = self._name(table)
            columns = [(str(row[0]), str(row[1])) for row in self._connection.execute(f"DESCRIBE {name}").fetchall()]
            texts = ", ".join(f"{quoted(column)}::VARCHAR" for column, _ in columns)
            rows = self._connection.execute(f"SELECT {texts} FROM {name}").fetchall()  # noqa: S608 - quoted
            records[table] = {"columns": columns, "rows": [list(row) for row in rows]}
        parquet_files.write_records(known.store, known.plan.dataset, known.plan.pipeline, records, known.plan.workdir)

    def _name(self, table: str) -> str:
        return f"{quoted(self.known.plan.dataset)}.{quoted(table)}"

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self.sql_client.native_connection
