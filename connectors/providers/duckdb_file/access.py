"""Quick questions to a DuckDB file. Used by forms, tests of a connection, discovery.

DuckDB is heavy, and opens files that somebody else made: where it is not loaded already, as it is in workers, a process
of its own answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers.duckdb_file import link

_ASKED = "connectors.providers.duckdb_file.asked"
# Where the packages of Patchbay are found, wherever the process was started.
_ROOT = Path(__file__).parents[3]
# A question on the web side must come back while a person waits.
QUESTION_SECONDS = 15.0


def reach(endpoint: Endpoint) -> str:
    """Look whether the file is there, and return its size as a sentence. Raises `SyncError`."""
    path = link.path_of(endpoint)
    return f"The file “{path.name}” is there, {path.stat().st_size / 1_000_000:,.1f} MB"


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Open the file and look whether the schemas are there, or the one of the entity. Raises `SyncError`."""
    _ask(endpoint, "check", _setting(endpoint), entity_ref)


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the chosen schemas. Raises `SyncError`, also for one that is not there."""
    file = link.path_of(endpoint).name
    return [FoundEntity(name, f"{file} · {name}") for name in _ask(endpoint, "schemas", _setting(endpoint))]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables and views of a schema with keys, columns, types and row counts. Raises `SyncError`."""
    found = _ask(endpoint, "tables", entity_ref)
    return [
        FoundTable(**{**one, "keys": tuple(one["keys"]), "columns": tuple((name, of) for name, of in one["columns"])})
        for one in found
    ]


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether every one of `tables`, (schema, name), is there and may be read. Raises `SyncError`."""
    _ask(endpoint, "check_tables", [(schema or entity_ref, name) for schema, name in tables])


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: rights are those of the file."""
    del config, tables
    return ""


def _setting(endpoint: Endpoint) -> str:
    return str(endpoint.config.get("schema") or "main")


def _ask(endpoint: Endpoint, question: str, *words: Any) -> Any:
    asked = [question, str(link.path_of(endpoint)), *words]
    if "duckdb" in sys.modules:
        return import_module(_ASKED).answer(*asked)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", _ASKED],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
            timeout=QUESTION_SECONDS,
            cwd=_ROOT,
        )
    except subprocess.TimeoutExpired:
        said = f"The file was not read within {QUESTION_SECONDS:.0f} s."
        raise SyncError("connection_timeout", said) from None
    except subprocess.CalledProcessError:
        # A damaged file may end the process that reads it.
        raise SyncError("bad_record", "The file cannot be read: DuckDB ended while it opened it.") from None
    told = json.loads(ran.stdout)
    if "code" in told:
        raise SyncError(told["code"], told["detail"])
    return told["answer"]
