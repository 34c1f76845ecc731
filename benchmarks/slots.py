"""A thousand entities on a one-minute schedule, with syncs that do nothing: how late does each start after its slot?"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.installation import WORK, Installation, say, wait_until
from benchmarks.payroll import fill, make_connections, on_schedule

MINUTES = 10.0
SHAPES = ((100, 10), (1, 1000))
_REST_SECONDS = 120.0


def measure(here: Installation, minutes: float = MINUTES) -> None:
    """Print how late syncs start, of a thousand entities that are spread inside the minute."""
    here.start_workers(**{WORK: "none"})
    for connections, entities in SHAPES:
        made = make_connections(here, connections, prefix=f"Every minute {entities}")
        fill(made, entities)
        _watch(made, minutes, f"{connections:,} connections with {entities:,} entities each")


def _watch(connections: list[Any], minutes: float, what: str) -> None:
    from connectors.models import Connection, Entity  # noqa: PLC0415 - Django is set up late
    from jobs.models import Lease  # noqa: PLC0415 - likewise

    on_schedule(connections, seconds=60)
    time.sleep(minutes * 60)
    mine = Connection.objects.filter(pk__in=[connection.pk for connection in connections])
    mine.update(schedule_kind="manual", next_run_at=None)
    Entity.objects.filter(connection__in=mine).update(next_run_at=None)
    wait_until(lambda: not Lease.objects.exists(), seconds=_REST_SECONDS, what="all jobs are over")
    _tell(connections, what, minutes)


def _tell(connections: list[Any], what: str, minutes: float) -> None:
    from django.db import connection as database  # noqa: PLC0415 - Django is set up late

    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE status = 'success'), coalesce(sum(missed_slots), 0), "
            "count(*) - count(DISTINCT (entity_id, slot_at)), "
            "percentile_cont(ARRAY[0.5, 0.9, 0.99, 1]) "
            "WITHIN GROUP (ORDER BY extract(epoch FROM started_at - slot_at)) "
            "FROM jobs_job WHERE connection_id = ANY(%s)",
            [[connection.pk for connection in connections]],
        )
        jobs, done, missed, twice, (half, nine, most, longest) = cursor.fetchone()
    say(f"{what}, every minute for {minutes:g} minutes: {jobs:,} jobs, {done:,} succeeded")
    say(f"  slots made up by a later run: {missed}, slots with two jobs: {twice}")
    say(f"  from slot to start: median {half:.2f} s, p90 {nine:.2f} s, p99 {most:.2f} s, longest {longest:.2f} s")
