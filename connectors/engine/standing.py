"""What stands at the destination before a run: which tables of the plan are there, and that they are ours."""

from __future__ import annotations

from connectors.destinations.bookkeeping import Standing
from connectors.destinations.registry import Destination
from connectors.plan import SyncError, SyncPlan


def standing_tables(plan: SyncPlan, destination: Destination) -> Standing:
    """Return which of the plan's tables earlier runs of this entity made and still hold rows, and their marks.

    An empty one counts as not there: a load that was killed right after it made a dropped table anew leaves it so, and
    reading on from the stored cursor would miss all its rows. A table that is rightly empty costs one full read.
    Raises `SyncError` when the destination cannot be written to, and `SyncError("misconfigured")` for a table that
    somebody else made and filled: a copy would replace its rows. An empty one is taken over; it may be what a first run
    that was killed had just made.
    """
    names = [table.name for table in plan.tables]
    standing = destination.look(plan.destination, plan.dataset, plan.pipeline, names)
    if standing.others:
        message = (
            f"The schema “{plan.dataset}” at the destination already holds rows in {', '.join(standing.others)} that "
            "this connection did not load. They would be lost, so nothing was copied. Move them or drop them there."
        )
        raise SyncError("misconfigured", message)
    return standing
