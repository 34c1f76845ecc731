"""What stands at the destination before a run: which tables of the plan are there, and that they are ours."""

from __future__ import annotations

import json
from typing import cast

import dlt
from dlt.destinations.job_client_impl import SqlJobClientBase

from connectors.destinations.registry import Destination
from connectors.plan import SyncError, SyncPlan


def standing_tables(pipeline: dlt.Pipeline, plan: SyncPlan, destination: Destination) -> frozenset[str]:
    """Return the names of the plan's tables that earlier runs of this entity made and that still hold rows.

    An empty one counts as not there: a load that was killed right after it made a dropped table anew leaves it so, and
    reading on from the stored cursor would miss all its rows. A table that is rightly empty costs one full read.
    Raises `SyncError("misconfigured")` for a table that somebody else made and filled: a copy would replace its rows.
    An empty one is taken over; it may be what a first run that was killed had just made.
    """
    names = [table.name for table in plan.tables]
    with pipeline.destination_client() as opened:
        client = cast("SqlJobClientBase", opened)
        records = client.schema.version_table_name
        there = {name for name, columns in client.get_storage_tables([*names, records]) if columns}
        stored = client.get_stored_schema(plan.pipeline) if records in there else None
        ours = set(json.loads(stored.schema)["tables"]) if stored else set()
        standing = frozenset(name for name in names if name in there & ours and _has_rows(client, name))
    others = tuple(name for name in names if name in there - ours)
    counts = destination.count_rows(plan.destination, plan.dataset, others) if others else {}
    if filled := [name for name in others if counts[name]]:
        message = (
            f"The schema “{plan.dataset}” at the destination already holds rows in {', '.join(filled)} that this "
            "connection did not load. They would be lost, so nothing was copied. Move them or drop them there."
        )
        raise SyncError("misconfigured", message)
    return standing


def _has_rows(client: SqlJobClientBase, table: str) -> bool:
    name = client.sql_client.make_qualified_table_name(table)
    return bool(client.sql_client.execute_sql(f"SELECT 1 FROM {name} LIMIT 1"))  # noqa: S608 - dlt quoted the name
