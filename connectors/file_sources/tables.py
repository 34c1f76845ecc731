"""Which table a file belongs to: by its name without date and number, by its folder, or by a pattern of a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.file_sources.stores import StoredFile
from connectors.files import names
from connectors.files.layout import format_of, stem_of
from connectors.plan import SyncError

BY_NAME, BY_FOLDER, BY_PATTERN = "name", "folder", "pattern"
GROUPINGS = (BY_NAME, BY_FOLDER, BY_PATTERN)
PLACEHOLDER = "{table}"
_ROOT = "files"
# What tells the days and parts of one table apart: digits and what stands between them, at the name's end.
_NUMBERED = re.compile(r"[-_. ()]*(?<![A-Za-z0-9])[0-9]{1,4}[0-9TZ:_. ()-]*$|[-_. ()]+[0-9][0-9TZ:_. ()-]*$")
_UNUSABLE = re.compile(r"[^\w-]+")


def grouped(files: Iterable[StoredFile], config: Mapping[str, Any]) -> dict[str, list[StoredFile]]:
    """Return the files of each table, the oldest first, by the table's name; what is no table's file is left out.

    Raises `SyncError("misconfigured")` for a pattern that cannot be used.
    """
    is_forced = config.get("format", "ending") != "ending"
    pattern = _compiled(config)
    found: dict[str, list[StoredFile]] = {}
    for file in files:
        last = file.path.rpartition("/")[2]
        if last.startswith((".", "_")) or not (is_forced or format_of(last)):
            continue
        if name := _table_of(file.path, str(config.get("tables") or BY_NAME), pattern):
            found.setdefault(name, []).append(file)
    return {name: sorted(own, key=lambda one: (one.modified, one.path)) for name, own in sorted(found.items())}


def _table_of(path: str, grouping: str, pattern: re.Pattern[str] | None) -> str:
    if grouping == BY_PATTERN and pattern:
        found = pattern.fullmatch(path)
        return _usable(found["table"]) if found else ""
    if grouping == BY_FOLDER:
        return _usable(path.rpartition("/")[0] or _ROOT)
    stem = stem_of(path)
    return _usable(_NUMBERED.sub("", stem) or stem)


def _usable(name: str) -> str:
    """Return a name that every destination can have for a table."""
    return names.cut(_UNUSABLE.sub("_", names.visible(name)).strip("_")) or _ROOT


def _compiled(config: Mapping[str, Any]) -> re.Pattern[str] | None:
    """Return the pattern that a person typed: “*” within a folder's name or a file's, “**” over folders, “{table}”."""
    if config.get("tables") != BY_PATTERN:
        return None
    typed = str(config.get("pattern") or "").strip().lstrip("/")
    if typed.count(PLACEHOLDER) != 1:
        raise SyncError("misconfigured", f"The pattern must say once where the table's name stands: {PLACEHOLDER}.")
    parts = re.split(r"(\{table\}|\*\*/|\*\*|\*|\?)", typed)
    made = {PLACEHOLDER: "(?P<table>[^/]+?)", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(made.get(part, re.escape(part)) for part in parts))
