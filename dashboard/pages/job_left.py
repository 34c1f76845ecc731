"""How long a running job still takes: by what its last runs took, else by its pace, else an honest "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import median

from dashboard.formatting import duration
from jobs.models import SYNC_TYPES, Job, JobStatus, JobType

# Before that much is done, and that long, a rest cannot be told from what was done so far.
_MIN_SHARE = 0.05
_MIN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Rest:
    """`left` is "about 5 m left", empty where that is not known; `why` says in a sentence where it comes from."""

    left: str
    why: str


def usual_of(job: Job) -> tuple[float | None, int]:
    """Return the median seconds of the last successful runs of the job's kind, and how many there are of them.

    Only data syncs are remembered so: what a test or a re-sync takes has nothing to do with it.
    """
    if job.type != JobType.DATA_SYNC:
        return None, 0
    runs = (job.entity or job.connection).recent_runs
    times = [run["ms"] / 1000 for run in runs if run.get("status") == "success" and run.get("ms") is not None]
    return (median(times), len(times)) if times else (None, 0)


def rest_of(job: Job, share: float | None, now: datetime) -> Rest:
    """Return what is known of a running sync's rest. `share` is the part that is done by the source's estimates."""
    if job.status != JobStatus.RUNNING or job.started_at is None or job.type not in SYNC_TYPES:
        return Rest("", "")
    seconds = (now - job.started_at).total_seconds()
    usual, count = usual_of(job)
    if usual is not None:
        of = "Its last good run took" if count == 1 else f"The median of its last {count} good runs is"
        if seconds < usual:
            return Rest(f"about {duration(max(1, round(usual - seconds)))} left", f"{of} {duration(usual)}.")
        return Rest("", f"It takes longer than usual. {of} {duration(usual)}.")
    by_pace = _by_pace(share, seconds)
    if by_pace:
        return Rest(by_pace, "By its pace so far: there is no earlier run to compare with.")
    return Rest("", "No earlier run tells how long it takes.")


def _by_pace(share: float | None, seconds: float) -> str:
    """The rest, if it goes on at the pace so far: "about 5 m left"."""
    if share is None or share < _MIN_SHARE or seconds < _MIN_SECONDS:
        return ""
    rest = seconds * (1 - share) / share
    return f"about {duration(round(rest))} left" if rest >= 1 else ""
