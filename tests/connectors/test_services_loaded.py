"""What is at a destination is seen without loading anything heavy here, and without standing in a load's way."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from connectors.destinations import duckdb as duckdb_files
from connectors.destinations import registry
from connectors.plan import SyncError
from connectors.services import loaded
from tests.connectors.recorder import Route, table

NOTES = table("notes", "id")
HOLD = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def notes(source_db: psycopg.Connection[Any], to_duck: Route) -> Route:
    """A table in a DuckDB file, with bytes in it."""
    source_db.execute("CREATE TABLE notes (id int PRIMARY KEY, text text, blob bytea)")
    source_db.execute("INSERT INTO notes VALUES (1, NULL, '\\x00ff10'), (2, '', NULL)")
    to_duck.sync(NOTES)
    return to_duck


@contextmanager
def writer(path: Path) -> Iterator[None]:
    """Another process that has the file open for writing."""
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "open\n"
    try:
        yield
    finally:
        held.kill()
        held.communicate()


def test_a_file_is_looked_into_by_another_process(notes: Route) -> None:
    (found,) = loaded.tables_at(notes.destination, notes.dataset)
    shown = loaded.first_rows(notes.destination, notes.dataset, "notes")

    assert (found.name, found.rows, found.is_exact) == ("notes", 2, True)
    assert found.columns == shown.columns == (("id", "INTEGER"), ("text", "VARCHAR"), ("blob", "BLOB"))
    assert shown.rows == (("1", None, "3 bytes"), ("2", "", None))


def test_bytes_in_postgres_are_told_by_their_size(source_db: psycopg.Connection[Any], to_postgres: Route) -> None:
    source_db.execute("CREATE TABLE notes (id int PRIMARY KEY, blob bytea)")
    source_db.execute("INSERT INTO notes VALUES (1, '\\x00ff10'), (2, NULL)")
    to_postgres.sync(NOTES)

    shown = loaded.first_rows(to_postgres.destination, to_postgres.dataset, "notes")

    assert shown.rows == (("1", "3 bytes"), ("2", None))


def test_a_load_that_runs_is_told_and_not_disturbed(notes: Route) -> None:
    with writer(duckdb_files.path_of(notes.destination)), pytest.raises(SyncError) as caught:
        loaded.tables_at(notes.destination, notes.dataset)

    assert caught.value.code == "destination_busy"


def test_a_load_waits_until_nobody_looks_any_more(
    notes: Route, source_db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB lets no process write while another one reads: without the wait the sync would fail."""
    source_db.execute("INSERT INTO notes VALUES (3, 'new', NULL)")
    is_met, may_go = threading.Event(), threading.Event()
    met = duckdb_files._is_looked_into

    def told(path: Path) -> bool:
        is_met.set()
        return met(path)

    monkeypatch.setattr(duckdb_files, "_is_looked_into", told)
    path = duckdb_files.path_of(notes.destination)
    look = (
        "import sys; from pathlib import Path; from connectors.destinations.duckdb import _looked_into\n"
        "with _looked_into(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    looker = subprocess.Popen(
        [sys.executable, "-c", look, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert looker.stdout is not None
    assert looker.stdout.readline() == "open\n"

    def leave() -> None:
        is_met.wait(30)
        looker.communicate()
        may_go.set()

    leaving = threading.Thread(target=leave)
    leaving.start()
    result = notes.sync(NOTES)
    leaving.join()

    assert may_go.is_set()
    assert result.tables[0].rows_loaded >= 1


def test_another_writer_is_not_waited_for(notes: Route) -> None:
    path = duckdb_files.path_of(notes.destination)

    with writer(path), pytest.raises(duckdb.IOException):
        duckdb_files.when_free(path, lambda: duckdb.connect(str(path)))


def test_what_takes_too_long_is_ended(notes: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "PATIENCE_SECONDS", 0.01)

    with pytest.raises(SyncError, match="No answer came"):
        loaded.tables_at(notes.destination, notes.dataset)


def test_kinds_that_open_files_are_looked_into_elsewhere() -> None:
    heavy = {kind for kind in registry.kinds() if registry.manifest(kind).is_heavy}

    assert {"duckdb", "parquet", "parquet_s3"} <= heavy
    assert "postgres" not in heavy
