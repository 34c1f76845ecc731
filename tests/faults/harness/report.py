"""The table of faults: what was done, what held, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `seconds` go from the fault to its recovery."""

    name: str
    done: str
    held: str
    seconds: float


ROWS: list[Row] = []


def table() -> list[str]:
    """Return the lines of the table, in the order of the faults' names."""
    rows = sorted(ROWS, key=lambda row: row.name)
    name = max(len(row.name) for row in rows)
    done = max(len(row.done) for row in rows)
    held = max(len(row.held) for row in rows)
    head = f"{'Fault':<{name}}  {'What was done':<{done}}  {'What held':<{held}}  Seconds"
    return [head, *(f"{r.name:<{name}}  {r.done:<{done}}  {r.held:<{held}}  {r.seconds:7.1f}" for r in rows)]
