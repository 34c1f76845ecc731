"""Rows per second and peak memory of a sync, for each pair of ends, beside plain dlt with the same settings.

Every run is a process of its own that has loaded its packages before the clock starts, as a worker has. Ours and
theirs take turns, so that whatever else the machine does meets both; what is told is the median of each. A row of the
table holds ratios within this run: on another machine the figures differ, and the ratios should not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.installation import ROOT, Installation, say
from benchmarks.throughput_api import declared, serving

SOURCE, WAREHOUSE = "pairs_source", "pairs_warehouse"
RUNS = 5
ROWS, SMALL_TABLES, SMALL_ROWS, CHANGED_SHARE = 300_000, 50, 1_000, 100
FILE_ROWS = 100_000
_WIDE = """
    CREATE TABLE {name} (
        id bigint PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL, currency char(3) NOT NULL, total numeric(12, 2) NOT NULL,
        shipping numeric(12, 2), is_gift boolean NOT NULL, note text, ratio double precision, shipped_on date
    );
    INSERT INTO {name} SELECT n, n % 9973, (ARRAY['open', 'paid', 'sent', 'returned'])[1 + n % 4],
        timestamptz '2024-01-01' + n * interval '1 minute', timestamptz '2024-01-01' + n * interval '1 minute', 'EUR',
        (n % 100000) / 100.0, CASE WHEN n % 3 = 0 THEN NULL ELSE (n % 900) / 100.0 END, n % 17 = 0,
        'Order ' || n || ', left at the back door', n / 7.0, date '2024-01-01' + n % 700
    FROM generate_series(1, {rows}) AS n;
"""
_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Run:
    """What one process is asked to do; it goes there as JSON."""

    source: dict[str, Any]
    destination: dict[str, Any]
    tables: tuple[dict[str, Any], ...]
    name: str
    folder: str
    entity: str = ""
    # Which of dlt's ways to read a file is beside us.
    reader: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A pair of ends. `before` sets the stage for each run and is not timed; `reader` names what is beside us.

    `theirs` is the module that reads so.
    """

    label: str
    rows: int
    run: Run
    reader: str
    before: Callable[[Run, str], None] = field(default=lambda _run, _module: None)
    theirs: str = "throughput_dlt"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the runs of one side came to: the median of seconds, and of the process's peak memory in MB."""

    seconds: float
    megabytes: float


def measure(here: Installation) -> None:
    """Print the table."""
    _make_databases(here)
    say(f"{'':<40}{'ours':>12}{'plain dlt':>12}{'share':>8}{'ours':>9}{'dlt':>8}{'share':>8}")
    say(f"{'':<40}{'rows/s':>12}{'rows/s':>12}{'':>8}{'MB':>9}{'MB':>8}")
    for case in _cases(here):
        _tell(case)
    with serving(_records(here)) as base_url:
        _tell(_rest(here, base_url))
    pipe = median(_copy_pipe(here) for _ in range(RUNS))
    say(f"{'PostgreSQL to PostgreSQL, COPY | COPY':<40}{ROWS / pipe:>12,.0f}")


def _tell(case: Case) -> None:
    ours, theirs = _in_turns(case)
    faster, larger = theirs.seconds / ours.seconds, ours.megabytes / theirs.megabytes
    say(
        f"{case.label:<40}{case.rows / ours.seconds:>12,.0f}{case.rows / theirs.seconds:>12,.0f}{faster:>8.0%}"
        f"{ours.megabytes:>9.0f}{theirs.megabytes:>8.0f}{larger:>8.0%}"
    )


def _make_databases(here: Installation) -> None:
    for name in (SOURCE, WAREHOUSE):
        here.server.create_database(name)
    with psycopg.connect(here.server.url(SOURCE), autocommit=True) as source:
        source.execute(_WIDE.format(name="orders", rows=ROWS))
        source.execute(_WIDE.format(name="changing", rows=ROWS))
        for number in range(SMALL_TABLES):
            source.execute(_WIDE.format(name=f"small_{number}", rows=SMALL_ROWS))
        source.execute("VACUUM ANALYZE")


def _postgres(here: Installation, database: str) -> dict[str, Any]:
    config = {"host": "127.0.0.1", "port": str(here.server.port), "user": "patchbay", "sslmode": "disable"}
    return {
        "kind": "postgres",
        "config": {**config, "database": database},
        "secrets": {"password": here.server.password},
    }


def _records(here: Installation) -> list[dict[str, Any]]:
    """Return rows as an API gives them."""
    with psycopg.connect(here.server.url(SOURCE)) as source:
        return [row[0] for row in source.execute(f"SELECT to_jsonb(o) FROM orders AS o LIMIT {FILE_ROWS}")]


def _rest(here: Installation, base_url: str) -> Case:
    """Return the case of an API that is declared."""
    endpoint = {"kind": "rest_api", "config": declared(base_url), "secrets": {}}
    table = {"name": "orders", "mode": "replace", "keys": ["id"]}
    run = Run(endpoint, _postgres(here, WAREHOUSE), (table,), "rest", str(here.home / "rest"))
    return Case("REST to PostgreSQL, rest_api beside", FILE_ROWS, run, "rest_api", theirs="throughput_rest")


def _cases(here: Installation) -> Sequence[Case]:
    def postgres(database: str) -> dict[str, Any]:
        return _postgres(here, database)

    def run(name: str, destination: dict[str, Any], *tables: dict[str, Any]) -> Run:
        return Run(postgres(SOURCE), destination, tables, name, str(here.home / name))

    duck = {"kind": "duckdb", "config": {"file": "pairs"}, "secrets": {}}
    parquet = {"kind": "parquet", "config": {"folder": "pairs"}, "secrets": {}}
    orders = {"name": "orders", "mode": "replace"}
    small = [{"name": f"small_{number}", "mode": "replace"} for number in range(SMALL_TABLES)]
    changing = {"name": "changing", "mode": "merge", "keys": ["id"], "cursor": "updated_at"}
    changes = _Changes(here)
    return (
        Case("PostgreSQL to PostgreSQL", ROWS, run("to_postgres", postgres(WAREHOUSE), orders), "postgres"),
        Case("PostgreSQL to DuckDB", ROWS, run("to_duckdb", duck, orders), "duckdb"),
        Case("PostgreSQL to Parquet files", ROWS, run("to_parquet", parquet, orders), "parquet"),
        Case(
            f"{SMALL_TABLES} small tables",
            SMALL_TABLES * SMALL_ROWS,
            run("small", postgres(WAREHOUSE), *small),
            "postgres",
        ),
        Case(
            "1 % changed, merged by key",
            ROWS // CHANGED_SHARE,
            run("merged", postgres(WAREHOUSE), changing),
            "postgres",
            changes.make,
        ),
        *_files(here, postgres(WAREHOUSE)),
    )


def _files(here: Installation, destination: dict[str, Any]) -> list[Case]:
    """Return the cases of a CSV file: beside Arrow's reader, and beside dlt's own where pandas is there for it."""
    folder = here.home / "csv"
    folder.mkdir(exist_ok=True)
    with psycopg.connect(here.server.url(SOURCE)) as source, (folder / "orders.csv").open("wb") as file:
        statement = f"COPY (SELECT * FROM orders ORDER BY id LIMIT {FILE_ROWS}) TO STDOUT (FORMAT csv, HEADER)"
        with source.cursor().copy(statement) as copy:
            for block in copy:
                file.write(block)
    endpoint = {"kind": "files_folder", "config": {"folder": str(folder)}, "secrets": {}}
    table = {"name": "orders", "mode": "replace"}
    readers = ("pyarrow", *(["read_csv"] if find_spec("pandas") else []))
    return [
        Case(
            f"CSV to PostgreSQL, {reader} beside",
            FILE_ROWS,
            Run(endpoint, destination, (table,), f"csv_{reader}", str(here.home / f"csv_{reader}"), ".", reader),
            reader,
            theirs="throughput_files",
        )
        for reader in readers
    ]


class _Changes:
    """Loads a table once for each side, and changes one row in a hundred before each run."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._loaded: set[str] = set()

    def make(self, run: Run, module: str) -> None:
        if module not in self._loaded:
            self._loaded.add(module)
            _process(module, run)
        with psycopg.connect(self._here.server.url(SOURCE), autocommit=True) as source:
            source.execute(
                "UPDATE changing SET note = note || '.', updated_at = clock_timestamp() WHERE id %% %s = 0",
                [CHANGED_SHARE],
            )
            source.execute("VACUUM changing")


def _in_turns(case: Case) -> tuple[Figures, Figures]:
    found: dict[str, list[tuple[float, float]]] = {"ours": [], case.reader: []}
    for _ in range(RUNS):
        for side, module in (("ours", "throughput_ours"), (case.reader, case.theirs)):
            case.before(case.run, module)
            found[side].append(_process(module, case.run))
    ours, theirs = (Figures(median(one[0] for one in runs), median(one[1] for one in runs)) for runs in found.values())
    return ours, theirs


def _process(module: str, run: Run) -> tuple[float, float]:
    """Do it once in a process of its own. Returns the seconds and the peak memory in MB; raises `RuntimeError`."""
    Path(run.folder).mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}"],
        input=json.dumps(asdict(run)),
        cwd=ROOT,
        env={**os.environ, "PATCHBAY_FILE_FOLDERS": str(Path(run.folder).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"], told["megabytes"]


def _copy_pipe(here: Installation) -> float:
    """Return the seconds that the same table takes from COPY to COPY, as text, into a table that was emptied."""
    with (
        psycopg.connect(here.server.url(SOURCE)) as source,
        psycopg.connect(here.server.url(WAREHOUSE), autocommit=True) as warehouse,
    ):
        warehouse.execute("DROP TABLE IF EXISTS piped")
        warehouse.execute(_WIDE.format(name="piped", rows=0))
        began = time.monotonic()
        with (
            source.cursor().copy("COPY orders TO STDOUT") as read,
            warehouse.cursor().copy("COPY piped FROM STDIN") as write,
        ):
            for block in read:
                write.write(block)
        return time.monotonic() - began
