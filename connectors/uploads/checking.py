"""Looks into an uploaded file in a process of its own, with limits on its time and memory, and says what it holds.

The file is a stranger's: whatever it does to a reader ends that process, and never the one that serves pages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.providers.assisted.declared import FORMATS, Awaited

# Seconds that somebody waits for the page, and bytes that the process may have.
PATIENCE_SECONDS = 60
_MEMORY_BYTES = 3 * 1024**3
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Found:
    """What a good file holds: its format and encoding, its rows, and the columns of its table as they are stored."""

    format: str
    encoding: str
    rows: int
    columns: tuple[Mapping[str, str], ...]


class RefusedFileError(Exception):
    """The file cannot be used. `reason` is a sentence for whoever uploaded it, `line` the line where there is one."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


def look_into(path: Path, *, name: str, awaited: Awaited, known: Sequence[Mapping[str, str]]) -> Found:
    """Return what the file at `path` holds, called `name` by its owner. Raises `RefusedFileError`.

    `known` are the columns of earlier files of the table, whose types hold for this one, too.
    """
    question = {
        "path": str(path),
        "name": name,
        "format": FORMATS.get(awaited.format, ""),
        "columns": list(awaited.columns),
        "keys": list(awaited.keys),
        "known": [dict(one) for one in known],
        "memory": _MEMORY_BYTES,
    }
    command = [sys.executable, "-m", "connectors.uploads.examine"]
    try:
        ran = subprocess.run(
            command, input=json.dumps(question), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        reason = (
            f"It takes longer than {PATIENCE_SECONDS} seconds to look through this file. Split it, and upload a part."
        )
        raise RefusedFileError(reason) from None
    try:
        answer = json.loads(ran.stdout)
    except ValueError:
        reason = "This file could not be looked through: it is damaged, or larger inside than it may be."
        raise RefusedFileError(reason) from None
    if "reason" in answer:
        raise RefusedFileError(str(answer["reason"])[:_LONGEST_REASON], answer.get("line"))
    return Found(answer["format"], answer["encoding"], answer["rows"], tuple(answer["columns"]))
