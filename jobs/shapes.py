"""The columns that the tables of one attempt have at the source, within bounds: to be compared with another run."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.services.changing import version_of
from jobs.text import counted, storable

# Columns whose names and types are kept of one attempt; of tables beyond them only a digest.
MOST_COLUMNS = 2000
_NAME_LENGTH = 200

Shape = dict[str, str] | str


class Shapes:
    """Gathers shapes; `take` gives them all when some are new. Not safe between threads by itself."""

    def __init__(self) -> None:
        self._kept: dict[str, Shape] = {}
        self._columns = 0
        self._is_new = False

    def add(self, table: str, found: Mapping[str, str]) -> None:
        """Keep what columns a table has, with their types; a digest where there are too many: it shows a difference."""
        shape = {storable(name, _NAME_LENGTH): storable(kind, _NAME_LENGTH) for name, kind in found.items()}
        is_few = self._columns + len(shape) <= MOST_COLUMNS
        self._columns += len(shape) if is_few else 0
        self._kept[storable(table, _NAME_LENGTH)] = (
            shape if is_few else f"{counted(len(shape), 'column')}, {version_of(shape)}"
        )
        self._is_new = True

    def take(self) -> dict[str, Shape] | None:
        """Return all shapes, None when nothing came since the last time."""
        is_new, self._is_new = self._is_new, False
        return dict(self._kept) if is_new else None

    def give_back(self, taken: Mapping[str, Shape] | None) -> None:
        """Call it with what `take` gave when that could not be stored: the next one gives it again."""
        self._is_new = self._is_new or taken is not None
