"""Names of tables and columns that come from files: usable at every destination, each once, and the same each time."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

# What every table of files has beside the columns of the files themselves: where a row comes from.
FILE, MODIFIED, ROW = "_file", "_modified", "_row"
OWN = (FILE, MODIFIED, ROW)
# PostgreSQL cuts longer names off, in bytes.
LONGEST_NAME = 63


def cut(name: str, longest: int = LONGEST_NAME) -> str:
    """Return the beginning of a name that has `longest` bytes at most."""
    return name.encode()[:longest].decode(errors="ignore")


def visible(text: str) -> str:
    """Return `text` without what is not seen or turns the direction of what is; blanks of all kinds become one."""
    spaced = "".join(" " if character in "\t\n\r\v\f" else character for character in text)
    kept = "".join(one for one in spaced if not unicodedata.category(one).startswith("C"))
    return " ".join(kept.split())


def column_names(found: Sequence[str], taken: Iterable[str] = OWN) -> tuple[str, ...]:
    """Return a name for each column as its file calls it.

    One without a name is called by its place, and one whose name is there already, in whatever case, gets a number.
    """
    used = {name.casefold() for name in taken}
    names = []
    for place, raw in enumerate(found, start=1):
        wanted = cut(visible(raw)) or f"column_{place}"
        name, number = wanted, 2
        while name.casefold() in used:
            end = f"_{number}"
            name, number = cut(wanted, LONGEST_NAME - len(end)) + end, number + 1
        used.add(name.casefold())
        names.append(name)
    return tuple(names)
