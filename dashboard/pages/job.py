"""What the page of one job shows: the verdict as a title, cause and actions, facts, attempts, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from connectors.errors import REGISTRY, Action, ErrorEntry, told
from connectors.providers import registry as providers
from dashboard.formatting import clock_time, duration, number
from dashboard.pages.job_again import can_sync
from dashboard.pages.job_facts import Fact, facts_of
from dashboard.pages.job_left import Rest, rest_of
from dashboard.pages.job_progress import Progress, progress_of
from dashboard.pages.job_rates import Rates, rates_of
from dashboard.pages.job_steps import Share, StepRow, doing, rows_of, shares_of
from dashboard.pages.waiting import Wait, wait_of
from jobs.models import SYNC_TYPES, Attempt, Job, JobStatus, Lease, Step
from jobs.services.why import Reason, why_waiting
from jobs.text import counted

MANY = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a job ended badly, or why it waits: the entry of its error code, told with the names of this job."""

    tone: str
    icon: str
    title: str
    code: str
    cause: str
    words: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt, ready to print."""

    number: int
    status: str
    reason: str
    span: str
    took: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class JobPage:
    """Everything that the templates of a job's page print."""

    job: Job
    lease: Lease | None
    title: str
    subject: str
    subject_url: str
    steps: tuple[StepRow, ...]
    shares: tuple[Share, ...]
    progress: Progress
    rest: Rest
    rates: Rates | None
    verdict: Verdict | None
    attempts: tuple[AttemptRow, ...]
    facts: tuple[Fact, ...]
    headline: str
    spoken: str
    can_sync_again: bool
    is_cancelling: bool
    reason: Reason | None
    wait: Wait | None


def page_of(job: Job, attempts: Sequence[Attempt], steps: Sequence[Step], *, now: datetime, zone: tzinfo) -> JobPage:
    """Prepare the page of a job that was loaded with `for_page`, and of its attempts and steps."""
    lease = live_lease(job)
    rows = rows_of(job, steps, now)
    step = _current_step(job, lease, rows)
    progress = progress_of(job, lease, step)
    rest = rest_of(job, progress.share, now)
    reason = why_waiting(job, now=now) if job.status == JobStatus.PENDING else None
    title = title_of(job, lease, step, progress, reason.clause if reason else "")
    if job.status == JobStatus.SUCCESS and job.type not in SYNC_TYPES:
        title = f"Success: {_outcome(job, rows)}"
    subject, subject_url = subject_of(job)
    return JobPage(
        job=job,
        lease=lease,
        title=title,
        subject=subject,
        subject_url=subject_url,
        steps=rows,
        shares=shares_of(rows) if job.is_over else (),
        progress=progress,
        rates=rates_of(job, lease, step, zone),
        verdict=verdict_of(job, attempts),
        attempts=tuple(_attempt_row(job, one, now, zone) for one in attempts) if _has_tried(job, attempts) else (),
        facts=facts_of(job, progress, now, zone),
        rest=rest,
        headline=_headline(progress, rest) if job.type in SYNC_TYPES else _place(rows),
        # Said aloud when it changes, so in tens: a voice that counts every percent helps nobody.
        spoken=title if progress.percent is None else f"{title}, about {progress.percent // 10 * 10}% done",
        can_sync_again=job.is_over and can_sync(job),
        is_cancelling=bool(lease and lease.cancel_requested_at),
        reason=reason,
        wait=wait_of(reason) if lease and not lease.cancel_requested_at else None,
    )


def _has_tried(job: Job, attempts: Sequence[Attempt]) -> bool:
    """Whether there is more to say about attempts than that this is the only one."""
    return len(attempts) > MANY or (job.status == JobStatus.PENDING and bool(attempts))


def live_lease(job: Job) -> Lease | None:
    """Return the lease of a job that is not over."""
    return getattr(job, "lease", None)


def title_of(job: Job, lease: Lease | None, step: str, progress: Progress, why: str) -> str:
    """Say what happens, or what happened, in one line. `why` says what a pending job waits for."""
    if lease and lease.cancel_requested_at:
        return "Cancelling: it stops at the next safe point"
    if job.status == JobStatus.PENDING:
        return f"Pending: {why or 'waiting for a free worker'}"
    if job.status == JobStatus.RUNNING:
        return f"In progress: {_doing_now(step, progress)}"
    if job.status == JobStatus.SUCCESS:
        return f"Success: {_result(job, progress)}"
    word = "Failed" if job.status == JobStatus.FAILED else "Cancelled"
    if job.started_at is None:
        return f"{word} before it started"
    return f"{word} while {doing(step)}" if step else f"{word} while waiting"


def verdict_of(job: Job, attempts: Sequence[Attempt]) -> Verdict | None:
    """Return the cause of a bad end, or of the wait for another attempt; None when there is nothing to explain."""
    if job.status == JobStatus.CANCELLED:
        return _verdict(job, "idle", "st-cancel", job.error_code or "cancelled_by_user", job.error_detail)
    if job.status == JobStatus.FAILED:
        return _verdict(job, "bad", "st-bad", job.error_code, job.error_detail)
    failed = next((one for one in attempts if one.error_code), None)
    if job.status != JobStatus.PENDING or failed is None:
        return None
    return _verdict(job, "warn", "st-warn", failed.error_code, failed.error_detail)


def subject_of(job: Job) -> tuple[str, str]:
    """Return what the job works on, its name and address: the entity where there are several, else the connection.

    What was deleted has no address.
    """
    is_gone = job.connection.deleted_at is not None
    if job.entity and providers.manifest(job.connection.provider).has_several(job.connection.config):
        return job.entity.name, "" if is_gone else job.entity.get_absolute_url()
    return job.connection.name, "" if is_gone else job.connection.get_absolute_url()


def entry_of(code: str) -> ErrorEntry:
    """Return the entry of a stored code; a code that a later version dropped is an unknown error."""
    return REGISTRY.get(code, REGISTRY["unknown_error"])


def _current_step(job: Job, lease: Lease | None, rows: Sequence[StepRow]) -> str:
    """The step that the job is in, or in which it stopped."""
    now = next((row.name for row in reversed(rows) if row.is_now), "")
    if job.is_over:
        return job.error_step or now
    return now or str((lease.progress or {}).get("step", "") if lease else "")


def _doing_now(step: str, progress: Progress) -> str:
    if not step or step == "check_access":
        return "checking access" if step else "starting"
    if step == "finalize":
        return "finishing"
    if step == "normalize":
        return f"preparing {number(progress.extracted)} rows for loading"
    if progress.total == 1 and progress.copying:
        return f"copying {progress.copying[0]}"
    if progress.copying:
        return f"copying {len(progress.copying)} of {progress.total} tables"
    return doing(step)


def _outcome(job: Job, rows: Sequence[StepRow]) -> str:
    """What a job that loads nothing has found or done: what its last step says of itself."""
    said = rows[-1].detail if rows and rows[-1].status == "success" else ""
    return f"{said[:1].lower()}{said[1:]}" if said else job.get_type_display().lower()


def _result(job: Job, progress: Progress) -> str:
    tables = f" in {counted(progress.total, 'table')}" if progress.total else ""
    return f"{counted(job.rows_loaded, 'row')}{tables}"


def _place(rows: Sequence[StepRow]) -> str:
    """The line above the steps of a running job that copies no rows."""
    reached = next((number for number, row in enumerate(rows, 1) if row.is_now), 1)
    return f"Step {reached} of {len(rows)}"


def _headline(progress: Progress, rest: Rest) -> str:
    """The line above the bar of a running job: a share where there are estimates, else the rows so far."""
    if progress.percent is not None:
        so_far = f"About {progress.percent}% done"
    elif progress.loaded:
        so_far = f"{counted(progress.extracted, 'row')} read, {progress.loaded:,} written so far"
    else:
        so_far = f"{counted(progress.extracted, 'row')} read so far"
    return ", ".join(filter(None, (so_far, rest.left)))


def _verdict(job: Job, tone: str, icon: str, code: str, words: str) -> Verdict:
    entry = entry_of(code)
    destination = job.connection.destination
    source = providers.manifest(job.connection.provider).name
    target = destination.name if destination else "the destination"
    entity = job.entity.name if job.entity else job.connection.name

    def say(text: str) -> str:
        return told(text, source=source, destination=target, entity=entity)

    # A job that tries again by itself is no reason to start another one beside it.
    offered = [one for one in entry.actions if job.is_over or one.kind != "sync_now"]
    actions = tuple(Action(say(one.title), say(one.hint), one.kind) for one in offered)
    return Verdict(tone, icon, say(entry.title), code, say(entry.cause), words, actions)


def _attempt_row(job: Job, attempt: Attempt, now: datetime, zone: tzinfo) -> AttemptRow:
    end = clock_time(attempt.ended_at, zone) if attempt.ended_at else "now"
    seconds = ((attempt.ended_at or now) - attempt.started_at).total_seconds()
    return AttemptRow(
        number=attempt.number,
        status=attempt.status,
        reason=entry_of(attempt.error_code).short if attempt.error_code else "",
        span=f"{clock_time(attempt.started_at, zone)} to {end}",
        took=duration(seconds if attempt.ended_at else round(seconds)),
        is_current=attempt.number == job.attempt,
    )
