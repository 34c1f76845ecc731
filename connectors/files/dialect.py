"""Finds out how a CSV file is written, from its beginning: what separates values, what quotes them, its first line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from connectors.files import types
from connectors.files.layout import Layout

_DELIMITERS = (",", ";", "\t", "|")
_QUOTE = '"'
_LOOKED_AT = 200
# A value may be as long as a line.
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written. `has_names` says that its first line holds the names of the columns."""

    delimiter: str
    quote: str
    has_names: bool


def dialect_of(lines: Sequence[str], layout: Layout) -> Dialect:
    """Return the dialect of a file that begins with these lines, their ends included; what `layout` says is kept."""
    quote = layout.quote or _QUOTE
    candidates = (layout.delimiter,) if layout.delimiter else _DELIMITERS
    # The more lines have the same number of values, and the more values, the likelier.
    delimiter = max(candidates, key=lambda one: _likeness(records(lines[:_LOOKED_AT], one, quote)))
    if layout.first_line:
        return Dialect(delimiter, quote, layout.first_line == "names")
    first = next(iter(records(lines[:_LOOKED_AT], delimiter, quote)), [])
    return Dialect(delimiter, quote, _are_names(first))


def records(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    """Return the records of these lines, blank ones left out, as far as they can be read."""
    found: list[list[str]] = []
    # What was read before the first fault stays.
    with suppress(csv.Error):
        found.extend(record for record in csv.reader(lines, delimiter=delimiter, quotechar=quote) if record)
    return found


def _likeness(found: Sequence[Sequence[str]]) -> tuple[bool, float, int]:
    width, times = Counter(len(record) for record in found).most_common(1)[0] if found else (0, 0)
    return width > 1, times / len(found) if found else 0.0, width


def _are_names(record: Sequence[str]) -> bool:
    """Whether a first record names columns: none of its values is a number, a moment or a truth value."""
    return any(record) and all(types.of_texts([value]) is types.TEXT for value in record)
