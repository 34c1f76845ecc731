"""Calls the columns of a file as its table does: what people type in capitals one month is the same column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from connectors.files.opening import DataFile


def named(file: DataFile, names: Iterable[str]) -> DataFile:
    """Return the file with each column called as the one of `names` that has the same letters, whatever their case."""
    known = {name.casefold(): name for name in names}
    columns = tuple(replace(one, name=known.get(one.name.casefold(), one.name)) for one in file.columns)
    return replace(file, columns=columns)
