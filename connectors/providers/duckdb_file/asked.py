"""Answers one question about a DuckDB file, as a program of its own: the question and the answer are JSON.

`access` asks it from processes that must not load DuckDB. It reads no settings: the file was found before.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from connectors.plan import SyncError
from connectors.providers.duckdb_file.session import opened
from connectors.providers.sql import questions


def answer(question: str, path: str, *words: Any) -> Any:
    """Return what can be written as JSON: of `check`, `schemas`, `tables` or `check_tables`. Raises `SyncError`."""
    with opened(Path(path)) as session, questions.told(session):
        if question == "check":
            return questions.check(session, *words)
        if question == "schemas":
            return questions.chosen(session, *words)
        if question == "tables":
            return [asdict(table) for table in questions.tables(session, *words)]
        return questions.check_tables(session, *words)


def main() -> None:
    """Read a question from standard input and write its answer, or its refusal, to standard output."""
    try:
        told = {"answer": answer(*json.load(sys.stdin))}
    except SyncError as error:
        told = {"code": error.code, "detail": error.detail}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
