"""Which rows at the destination are of an older making: protected by another rule, merged by another key, of old types.

The number of the making that a run read is kept in dlt's state, which lies beside the rows: it comes back with them
when the attempt's folder is gone, and goes with them when they are purged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from connectors.plan import TablePlan

STATE_KEY = "generation"


def outdated(tables: Collection[TablePlan], state: Mapping[str, Any], source: str) -> frozenset[str]:
    """Return the tables whose rows must all be read again, by dlt's `state` of the pipeline."""
    known = state.get("sources", {}).get(source, {}).get("resources", {})
    return frozenset(
        table.name
        for table in tables
        if table.mode != "replace"
        and not table.is_afresh
        and known.get(table.name, {}).get(STATE_KEY, 0) != table.generation
    )


def afresh(tables: Collection[TablePlan], names: Collection[str]) -> tuple[TablePlan, ...]:
    """Return the tables, those of `names` to be read again from their beginning."""
    return tuple(replace(table, is_afresh=True) if table.name in names else table for table in tables)
