"""What the tests of a failed job beside its last good run share: both of them, as workers would have recorded them."""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import randbits
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from connectors.ids import first_id_at
from connectors.models import Activity, Connection, Entity
from dashboard.pages.changes import Changes, changes_of
from jobs.models import Attempt, Job, JobStatus
from tests.dashboard.job_records import sync_of

VERSIONS = {"patchbay": "0.1.0", "python": "3.11.9", "dlt": "1.31.0", "provider": "sandbox_payroll 1.0.0 (aa)"}
SHAPE = {"id": "text", "amount": "numeric(10,2)"}
PLAN = {"name": "employees", "mode": "merge", "keys": ["id"], "cursor": "updated_at"}


def id_at(moment: datetime) -> UUID:
    """An ID of a record that was made then."""
    return UUID(int=first_id_at(moment).int | randbits(60))


def attempt_of(job: Job, **values: Any) -> Attempt:
    """The one try of a job, with what it ran with and the columns that it found."""
    defaults = {
        "ran_with": VERSIONS,
        "shapes": {"employees": SHAPE},
        "worker": job.worker,
        "started_at": job.started_at,
    }
    return Attempt.objects.create(job=job, number=job.attempt, token=uuid4(), **{**defaults, **values})


def good_run(entity: Entity, **values: Any) -> Job:
    """A run of two minutes that began an hour ago, with its attempt."""
    began = timezone.now() - timedelta(hours=1)
    ended = began + timedelta(minutes=2)
    defaults = {"tables": [{**PLAN, "extracted": 1200, "loaded": 1200}], "rows_extracted": 1200, "worker": "w/1/1-1"}
    times = {"pk": id_at(began), "started_at": began, "ended_at": ended}
    good = sync_of(entity, **{**defaults, **times, **values})
    for record in (entity, entity.connection):
        record.last_success_at = ended
        record.save(update_fields=["last_success_at"])
    attempt_of(good)
    return good


def failed_run(entity: Entity, **values: Any) -> Job:
    """A run of ten seconds that begins in a minute, so that what is done now lies before it. Without an attempt."""
    began = timezone.now() + timedelta(minutes=1)
    times = {"pk": id_at(began), "started_at": began, "ended_at": began + timedelta(seconds=10)}
    defaults = {"error_code": "invalid_credentials", "tables": [PLAN], "worker": "w/1/2-2"}
    return sync_of(entity, JobStatus.FAILED, **{**defaults, **times, **values})


def act_before(good: Job, connection: Connection, **values: Any) -> Activity:
    """An act of a minute before the good run began."""
    began = good.started_at or good.created_at
    return Activity.objects.create(pk=id_at(began - timedelta(minutes=1)), connection=connection, **values)


def compared(job: Job) -> Changes:
    """A job beside its last good run."""
    return changes_of(Job.objects.for_page().get(pk=job.pk))


def lines_of(job: Job) -> dict[str, tuple[str, str, str, str]]:
    """The lines of the comparison by what they compare: verdict, then, now, note."""
    return {line.what: (line.verdict, line.before, line.now, line.note) for line in compared(job).lines}
