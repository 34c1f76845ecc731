"""Jobs of the past: each with an id, and a time of its making, of the moment it says."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection as database

from connectors.ids import first_id_at
from connectors.models import Connection, Entity
from jobs.models import Job, JobStatus, JobType, Trigger

_MADE = """
UPDATE jobs_job
SET created_at = to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)
WHERE connection_id = %s
"""


@dataclass(frozen=True)
class Run:
    """A data sync that was made at `at` and ended `seconds` after it started."""

    at: datetime
    seconds: float = 10.0
    status: str = JobStatus.SUCCESS
    values: dict[str, Any] = field(default_factory=dict)


def make_past(connection: Connection, runs: Iterable[Run], entity: Entity | None = None) -> list[Job]:
    """Write ended jobs of the past."""
    jobs = Job.objects.bulk_create([_job(connection, entity, run) for run in runs])
    with database.cursor() as cursor:
        cursor.execute(_MADE, [connection.pk])
    return jobs


def every(length: timedelta, *, since: datetime, until: datetime) -> Iterable[datetime]:
    """Give moments `length` apart."""
    while since < until:
        yield since
        since += length


def _job(connection: Connection, entity: Entity | None, run: Run) -> Job:
    is_failed = run.status == JobStatus.FAILED
    defaults: dict[str, Any] = {
        "type": JobType.DATA_SYNC,
        "trigger": Trigger.SCHEDULE,
        "attempt": 1,
        "max_attempts": 3,
        "error_code": "provider_unavailable" if is_failed else "",
        "error_step": "extract" if is_failed else "",
        "rows_loaded": 0 if is_failed else 100,
        "bytes": 0 if is_failed else 5000,
    }
    return Job(
        pk=UUID(int=first_id_at(run.at).int | random.getrandbits(60)),
        connection=connection,
        entity=entity,
        status=run.status,
        started_at=run.at,
        ended_at=run.at + timedelta(seconds=run.seconds),
        **{**defaults, **run.values},
    )
