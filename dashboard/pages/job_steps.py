"""The steps of a job, as its page shows them: those that ran, and those that are still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.formatting import duration, width_class
from jobs.handlers import HANDLED, steps_of
from jobs.models import Job, JobStatus, Step, StepStatus

# What a step is called, and what a job does while it is in it.
WORDS = {
    "check_access": ("Check access", "checking access"),
    "extract": ("Extract", "extracting"),
    "normalize": ("Normalize", "normalizing"),
    "load": ("Load", "loading"),
    "finalize": ("Finalize", "finishing"),
    "connectivity": ("Connectivity", "connecting"),
    "authentication": ("Authentication", "signing in"),
    "permissions": ("Permissions", "checking permissions"),
    "discover": ("Discover", "looking for entities and tables"),
    "purge": ("Purge", "removing loaded data"),
    "submit": ("Submit", "sending lines to the source"),
    "confirm": ("Confirm", "looking whether all is there"),
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step, ready to print. `is_now` marks where the job is, or where it stopped."""

    name: str
    label: str
    status: str
    took: str
    detail: str
    is_now: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the job's time that a step took, as a class of `widths.css`."""

    status: str
    width: str


def label_of(name: str) -> str:
    """Return a step's name for people."""
    return WORDS[name][0] if name in WORDS else name.replace("_", " ").capitalize()


def doing(name: str) -> str:
    """Return what a job does in a step: "extracting"."""
    return WORDS[name][1] if name in WORDS else name.replace("_", " ")


def rows_of(job: Job, steps: Sequence[Step], now: datetime) -> tuple[StepRow, ...]:
    """Return the steps of the job's current attempt, in their order, with those that have not begun."""
    # A job that waits for its next attempt starts over, whatever the attempt before it reached.
    is_waiting = job.status == JobStatus.PENDING
    reached = {} if is_waiting else {step.name: step for step in steps if step.attempt == job.attempt}
    planned = _planned(job)
    names = [*planned, *(name for name in reached if name not in planned)]
    return tuple(_row(job, name, reached.get(name), now) for name in names)


def shares_of(rows: Sequence[StepRow]) -> tuple[Share, ...]:
    """Return how the job's time went to its steps; nothing where no time was taken."""
    total = sum(row.seconds for row in rows)
    taken = [row for row in rows if row.seconds > 0]
    return tuple(Share(row.status, width_class(row.seconds, total)) for row in taken)


def _planned(job: Job) -> tuple[str, ...]:
    return steps_of(job.type) if job.type in HANDLED else ()


def _row(job: Job, name: str, step: Step | None, now: datetime) -> StepRow:
    if step is None:
        status, detail = ("skipped", "Not started") if job.is_over else ("pending", "Pending")
        return StepRow(name, label_of(name), status, duration(None), detail, is_now=False, seconds=0)
    status = _status(job, step)
    took = _took(step, job.ended_at or now)
    return StepRow(
        name=name,
        label=label_of(name),
        status=status,
        took=duration(took),
        # The source's own words stand in the verdict and the log; here is room for the code.
        detail=_usual_detail(status, job) if status == "failed" else step.detail or _usual_detail(status, job),
        is_now=status in {"running", "failed", "cancelled"},
        seconds=took.total_seconds() if took else 0,
    )


def _status(job: Job, step: Step) -> str:
    """A step that was cut off in the middle ended as its job did; where a person stopped it, nothing failed."""
    if job.status == JobStatus.CANCELLED and step.started_at and step.status != StepStatus.SUCCESS:
        return "cancelled"
    is_cut_off = job.is_over and step.status == StepStatus.RUNNING
    return job.status if is_cut_off else step.status


def _took(step: Step, until: datetime) -> timedelta | None:
    return None if step.started_at is None else (step.ended_at or until) - step.started_at


def _usual_detail(status: str, job: Job) -> str:
    if status == "failed" and job.error_code:
        return f"Stopped by {job.error_code}"
    return {"cancelled": "Stopped here", "skipped": "Not started", "pending": "Pending"}.get(status, "")
