"""How long jobs are kept, in words: at the end of a list of jobs, and in place of the page of one that is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder

from dashboard import formatting
from dashboard.charts import run_time
from jobs.partitions import week_of

_UUID_OF_TIME = 7


@dataclass(frozen=True, slots=True)
class Retention:
    """The rule: how many days, the first moment that is kept, and when what came before it was removed."""

    days: int
    oldest: datetime
    removed_at: datetime
    has_removed: bool
    rule: str


def retention(now: datetime, zone: tzinfo, *, is_end: bool = False, began: datetime | None = None) -> Retention:
    """Return the rule at `now`. A week goes as a whole, once its last day is out of the time that is kept.

    Whether jobs were removed is told by when what they belong to `began`. Without that, one query asks at the end of a
    list (`is_end`) whether this installation is as old as that.
    """
    days = settings.PATCHBAY_RETENTION_DAYS
    oldest = week_of(now - timedelta(days=days))
    edge = formatting.exact_time(oldest, zone)
    return Retention(
        days=days,
        oldest=oldest,
        removed_at=oldest + timedelta(days=days),
        has_removed=began < oldest if began else is_end and _began_before(oldest),
        rule=f"Jobs are kept for {days} days and removed by whole weeks, each once its last day is older than that. "
        f"Now the oldest ones kept are those made since {edge}.",
    )


def _began_before(moment: datetime) -> bool:
    """Whether there could be jobs from before a moment: since when this installation is, its migrations say."""
    return MigrationRecorder.Migration.objects.filter(app="jobs", applied__lt=moment).exists()


def is_removed(job_id: UUID, kept: Retention) -> bool:
    """Whether an ID is that of a job that would have been removed by now, if there was one."""
    return job_id.version == _UUID_OF_TIME and made_at(job_id) < kept.oldest


def made_at(job_id: UUID) -> datetime:
    """Return when the job of an ID was made."""
    return run_time({"id": str(job_id), "status": "", "ms": None})
