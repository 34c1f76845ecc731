"""The same as one sync by dlt alone, for `benchmarks.throughput`, as somebody writes it who has read its manual.

With the settings that serve ours best: text files from COPY that PostgreSQL reads back, Parquet files for DuckDB and
folders, up to four load jobs at once where the destination can, a staging dataset for what is replaced.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import dlt
import psycopg
import psycopg2  # noqa: F401 - dlt loads it with the first load otherwise, inside the measured time
from dlt.extract import DltResource
from psycopg import sql

from benchmarks.throughput_ours import peak_megabytes

_OF_FILES = {"duckdb", "parquet"}
_FILE_BYTES = 32 * 1024 * 1024
_TYPES = {
    "bigint": "bigint",
    "integer": "bigint",
    "text": "text",
    "character": "text",
    "boolean": "bool",
    "numeric": "decimal",
    "double precision": "double",
    "date": "date",
    "timestamp with time zone": "timestamp",
}


def main() -> None:
    """Do it and print seconds and megabytes."""
    asked = json.load(sys.stdin)
    address = _address(asked["source"])
    kind = asked["destination"]["kind"]
    with psycopg.connect(address) as warm:
        warm.execute("SELECT 1")
    if kind in _OF_FILES:
        import adbc_driver_postgresql.dbapi  # noqa: F401, PLC0415 - what ours has loaded by now as well
        import duckdb  # noqa: F401, PLC0415
        import pyarrow.parquet  # noqa: F401, PLC0415
    folder = Path(mkdtemp(dir=asked["folder"]))
    began = time.monotonic()
    _run(asked, address, folder)
    print(json.dumps({"seconds": time.monotonic() - began, "megabytes": peak_megabytes()}))  # noqa: T201 - the answer


def _run(asked: dict[str, Any], address: str, folder: Path) -> None:
    is_file = asked["destination"]["kind"] in _OF_FILES
    pipeline = dlt.pipeline(
        f"plain_{asked['name']}",
        pipelines_dir=str(folder / "pipelines"),
        destination=_destination(asked),
        dataset_name=f"plain_{asked['name']}",
    )
    pipeline.sync_destination()
    read = _arrow if is_file else _text
    pipeline.extract([read(address, table, folder) for table in asked["tables"]], workers=1)
    pipeline.normalize(workers=1)
    pipeline.load(workers=1 if is_file else 4)


def _destination(asked: dict[str, Any]) -> Any:
    staging: dict[str, Any] = {"replace_strategy": "insert-from-staging"}
    if asked["destination"]["kind"] == "duckdb":
        return dlt.destinations.duckdb(str(Path(asked["folder"]) / "plain.duckdb"), **staging)
    if asked["destination"]["kind"] == "parquet":
        # It knows no staging: its readers see no rows until the new ones are there.
        return dlt.destinations.filesystem((Path(asked["folder"]) / "plain").as_uri())
    return dlt.destinations.postgres(_address(asked["destination"]), **staging)


def _text(address: str, table: dict[str, Any], folder: Path) -> DltResource:
    """Return a resource of text files."""
    name, cursor = table["name"], table.get("cursor", "")

    def files() -> Iterator[Any]:
        state = dlt.current.resource_state(name)
        where = f" WHERE {cursor} >= '{state['cursor']}'" if state.get("cursor") else ""
        with psycopg.connect(address) as connection:
            if cursor:
                row = connection.execute(f"SELECT max({cursor})::text FROM {name}").fetchone()
                state["cursor"] = row[0] if row else None
            statement = f"COPY (SELECT * FROM {name}{where}) TO STDOUT (FORMAT csv)"
            with connection.cursor().copy(statement) as copy:
                lines, is_more = iter(copy), True
                while is_more:
                    path, rows, is_more = _fill(folder, lines, columns)
                    yield dlt.mark.with_file_import(str(path), "csv", rows)

    columns = _columns(address, name)
    hints: Any = {column: {"name": column, "data_type": kind} for column, kind in columns.items()}
    disposition: Any = {"disposition": "merge", "strategy": "delete-insert"} if cursor else "replace"
    # What its types say does not know of what its resources take.
    make: Any = dlt.resource
    resource: DltResource = make(
        files(),
        name=name,
        columns=hints,
        write_disposition=disposition,
        primary_key=table.get("keys") or None,
        file_format="csv",
    )
    return resource


def _fill(folder: Path, lines: Iterator[Any], columns: dict[str, str]) -> tuple[Path, int, bool]:
    path, rows, size = folder / f"{uuid4().hex}.csv", 0, 0
    with path.open("w", encoding="utf-8", newline="") as head:
        csv.writer(head).writerow(columns)
    with path.open("ab") as file:
        for line in lines:
            size += file.write(line)
            rows += 1
            if size >= _FILE_BYTES:
                return path, rows, True
    return path, rows, False


def _arrow(address: str, table: dict[str, Any], folder: Path) -> DltResource:
    """Return a resource of Arrow batches. ADBC has no exact numbers that dlt takes, so they come as floating ones."""
    del folder
    columns = ", ".join(
        f"{name}::float8 AS {name}" if kind == "decimal" else name
        for name, kind in _columns(address, table["name"]).items()
    )
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - loaded for this pair alone

    def batches() -> Iterator[Any]:
        with dbapi.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {table['name']}")
            yield from cursor.fetch_record_batch()

    resource: DltResource = dlt.resource(
        batches(), name=table["name"], write_disposition="replace", file_format="parquet"
    )
    return resource


def _columns(address: str, name: str) -> dict[str, str]:
    with psycopg.connect(address) as connection:
        found = connection.execute(
            sql.SQL(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = {} "
                "AND table_schema = 'public' ORDER BY ordinal_position"
            ).format(sql.Literal(name))
        )
        return {column: _TYPES[kind] for column, kind in found}


def _address(end: dict[str, Any]) -> str:
    config = end["config"]
    return (
        f"postgresql://{config['user']}:{end['secrets']['password']}@{config['host']}:{config['port']}"
        f"/{config['database']}"
    )


if __name__ == "__main__":
    main()
