"""Counts what the load jobs did. They run in threads; the reporter is called from the main thread only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class Meter:
    """Rows that reached the destination's staging tables, per table, and the lines to log about them."""

    _lock: Lock = field(default_factory=Lock)
    _rows: Counter[str] = field(default_factory=Counter)
    _lines: list[str] = field(default_factory=list)

    def loaded(self, table: str, rows: int, seconds: float) -> None:
        """Add the rows of one finished load job. Called from any thread."""
        with self._lock:
            self._rows[table] += rows
            self._lines.append(f"{table}: {rows:,} rows loaded in {seconds:.2f} s")

    def take(self) -> tuple[dict[str, int], list[str]]:
        """Return the totals so far and the lines that came since the last call."""
        with self._lock:
            lines, self._lines = self._lines, []
            return dict(self._rows), lines
