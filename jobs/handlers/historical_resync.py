"""Copies an entity's tables again from the beginning, or from a date: see `connectors.engine.resync`.

`Job.options` holds what was asked for: `tables`, the ids of the chosen ones (empty: all selected), and `since`, the
date from which on tables with a cursor are read again (empty: everything, in place of all rows that are there).
"""

from __future__ import annotations

from dataclasses import replace

from connectors.models import Table
from connectors.plan import Reporter, SyncResult, TablePlan
from jobs.handlers.data_sync import copy_entity
from jobs.models import Job


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Copy the job's entity again. Raises `SyncError` or `Stopped`."""
    chosen = frozenset(job.options.get("tables", ()))
    since = str(job.options.get("since", ""))

    def as_asked(table: Table, planned: TablePlan) -> TablePlan | None:
        if chosen and str(table.pk) not in chosen:
            return None
        return again(planned, since)

    return copy_entity(job, reporter, as_asked)


def again(planned: TablePlan, since: str) -> TablePlan:
    """Return the plan that reads a table again: from the date `since` where it has a cursor, else all of it."""
    if since and planned.cursor and planned.mode == "merge":
        return replace(planned, since=f"{since}T00:00:00+00:00")
    return replace(planned, is_afresh=True)
