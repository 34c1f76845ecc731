"""From running to its end, or back to pending: each in one transaction that the attempt's token must still allow.

What ends a job also writes the facts that lists show: of the entity, of the connection, and both statuses.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from connectors.errors import entry
from connectors.models import Connection, Entity, Status
from connectors.plan import SyncResult
from connectors.services import facts
from connectors.services.review import sign_in_codes
from jobs.models import SYNC_TYPES, Attempt, Job, JobStatus, JobType, Lease, LeaseState, Step, StepStatus
from jobs.services.clock import database_now
from jobs.services.reached import read_so_far
from jobs.services.retry import Failure, Verdict, best_loaded, block_account, weigh
from jobs.services.start import Claim
from jobs.text import storable

__all__ = (
    "Failure",
    "StaleAttempt",
    "after_attempt_failed",
    "cancel",
    "end_cancelled",
    "fail",
    "give_back",
    "lock_entity",
    "stopped_by",
    "succeed",
)

log = structlog.get_logger(__name__)

RUNS_KEPT = 30
_OF_A_RUN = ("recent_runs", "last_run_at", "last_job_id", "last_success_at", "last_error_code", "failure_streak")
DETAIL_LENGTH = 4000
# A person waits for their answer, so a failure is told at once in place of tried again.
ONE_TRY = (JobType.TEST_CONNECTION, JobType.DISCOVER)


class StaleAttempt(Exception):  # noqa: N818 - nothing went wrong: another attempt owns the job now
    """The token is no longer valid, so nothing was written."""


@transaction.atomic
def succeed(*, claim: Claim, result: SyncResult) -> None:
    """End a job as a success with its counts. Raises `StaleAttempt`."""
    job, _ = _hold(claim)
    planned = {table["name"]: table for table in job.tables}
    tables = [
        {
            **planned.get(counts.name, {"name": counts.name}),
            "extracted": counts.rows_extracted,
            "loaded": counts.rows_loaded,
            "bytes": counts.bytes,
            "new": counts.is_new,
        }
        for counts in result.tables
    ]
    _end(
        job,
        JobStatus.SUCCESS,
        tables=tables,
        rows_extracted=sum(counts.rows_extracted for counts in result.tables),
        rows_loaded=sum(counts.rows_loaded for counts in result.tables),
        bytes=sum(counts.bytes for counts in result.tables),
    )


@transaction.atomic
def fail(*, claim: Claim, failure: Failure) -> None:
    """End an attempt as failed: the job waits for its next attempt if its code says that helps, or ends as failed.

    Raises `StaleAttempt`.
    """
    job, lease = _hold(claim)
    after_attempt_failed(job, lease, failure)


@transaction.atomic
def cancel(*, claim: Claim) -> None:
    """End a running job as cancelled, after its work has stopped. Raises `StaleAttempt`."""
    job, lease = _hold(claim)
    end_cancelled(job, stopped_by(job, lease), lease)


@transaction.atomic
def give_back(*, claim: Claim) -> None:
    """Put a running job back to pending because its worker stops: at once, and without charging the attempt.

    One that a person cancelled in the meantime ends as cancelled. Raises `StaleAttempt`.
    """
    job, lease = _hold(claim)
    if reason := stopped_by(job, lease):
        end_cancelled(job, reason, lease)
        return
    failure = Failure("worker_stopping")
    now = database_now()
    _close_attempt(job, JobStatus.CANCELLED, now, failure)
    _wait_again(job, lease, failure, replace(weigh(job, lease, failure), wait_seconds=0.0), now)


def after_attempt_failed(job: Job, lease: Lease, failure: Failure) -> None:
    """Record the failed attempt of a held job, and either put it back to pending or end it."""
    failure = replace(failure, detail=storable(failure.detail, DETAIL_LENGTH))
    now = database_now()
    verdict = weigh(job, lease, failure)
    _close_attempt(job, JobStatus.FAILED, now, failure)
    is_told_at_once = job.type in ONE_TRY and failure.code != "worker_lost"
    if verdict.wait_seconds is None or is_told_at_once:
        told = {"error_code": failure.code, "error_step": failure.step, "error_detail": failure.detail}
        _end(job, JobStatus.FAILED, **told, **read_so_far(job, lease))
    elif reason := stopped_by(job, lease):
        end_cancelled(job, reason, lease)
    else:
        available_at = now + timedelta(seconds=verdict.wait_seconds)
        _wait_again(job, lease, failure, verdict, available_at)
        if entry(failure.code).retry.kind == "rate_limit":
            block_account(lease, available_at, failure.detail)


def stopped_by(job: Job, lease: Lease) -> str:
    """Return the code of what keeps a held job from another attempt, empty where nothing does."""
    if job.connection.deleted_at is not None:
        return "connection_deleted"
    if lease.cancel_requested_at is not None:
        # Asked for while the attempt failed by itself: waiting again would wait for ever.
        return "cancelled_by_user"
    if job.type in SYNC_TYPES and job.connection.status == Status.PAUSED:
        return "paused"
    if job.entity_id and not Entity.objects.selected().filter(pk=job.entity_id).exists():
        return "excluded"
    waiting = Lease.objects.pending().filter(entity=job.entity, type=JobType.HISTORICAL_RESYNC)
    # A person's re-sync that waits behind a sync copies the same and more.
    return "superseded" if job.type == JobType.DATA_SYNC and waiting.exists() else ""


def end_cancelled(job: Job, code: str = "", lease: Lease | None = None) -> None:
    """End a held job, running or waiting, as cancelled; `code` says why, without one a person asked.

    With its `lease`, what it had read so far is recorded.
    """
    read = read_so_far(job, lease) if lease else {}
    _end(job, JobStatus.CANCELLED, error_code=code or "cancelled_by_user", **read)


def lock_entity(job: Job) -> Entity | None:
    """Lock the row of a job's entity until the transaction ends and return it; None for a job without one.

    After the connection and before a lease that waits is changed: a tick that makes a job holds the entity, and waits
    for whoever changes the entity's waiting lease.
    """
    return Entity.objects.select_for_update(no_key=True).get(pk=job.entity_id) if job.entity_id else None


def _hold(claim: Claim) -> tuple[Job, Lease]:
    """Lock connection, lease and job in this order. Raises `StaleAttempt` when the token is not valid any more."""
    ours = Lease.objects.running().filter(pk=claim.job_id, token=claim.token)
    connection_id = ours.values_list("connection_id", flat=True).first()
    connection = facts.lock(connection_id) if connection_id else None
    lease = ours.select_for_update(of=("self",)).first()
    if lease is None or connection is None:
        message = f"Attempt {claim.attempt} of job {claim.job_id} does not hold it any more."
        raise StaleAttempt(message)
    job = Job.objects.get(pk=claim.job_id)
    job.connection = connection
    return job, lease


def _wait_again(job: Job, lease: Lease, failure: Failure, verdict: Verdict, available_at: datetime) -> None:
    """Put a held job back to pending. A run of the same entity that only waits is folded into it."""
    _fold_waiting_into(job)
    best = best_loaded(lease)
    Lease.objects.filter(pk=job.pk).update(
        state=LeaseState.PENDING,
        token=None,
        worker="",
        expires_at=None,
        available_at=available_at,
        dispatched_at=None,
        dispatch_count=0,
        lost_count=verdict.lost_count,
        charged=verdict.charged,
        no_progress=verdict.no_progress,
        progress={"best": best} if best else {},
    )
    Job.objects.filter(pk=job.pk).update(
        status=JobStatus.PENDING,
        next_attempt_at=available_at,
        max_attempts=verdict.max_attempts,
        error_code=failure.code,
        error_step=failure.step,
        error_detail=failure.detail,
    )


def _fold_waiting_into(job: Job) -> None:
    """End the entity's pending sync, which the sync that goes on makes needless: one of them may wait, not both.

    Locking the entity's row first keeps a tick from adding another one before our transaction ends.
    """
    if job.entity_id is None or job.type not in SYNC_TYPES:
        return
    lock_entity(job)
    waiting = Lease.objects.syncs().pending().select_for_update(of=("self",)).filter(entity_id=job.entity_id).first()
    if waiting is None:
        return
    folded = Job.objects.get(pk=waiting.pk)
    waiting.delete()
    folded_slots = folded.missed_slots + (1 if folded.slot_at else 0)
    Job.objects.filter(pk=job.pk).update(missed_slots=F("missed_slots") + folded_slots)
    Job.objects.filter(pk=folded.pk, status=JobStatus.PENDING).update(
        status=JobStatus.CANCELLED, ended_at=database_now(), error_code="superseded"
    )


def _close_attempt(job: Job, status: JobStatus, now: datetime, failure: Failure | None = None) -> None:
    Attempt.objects.filter(job=job, number=job.attempt, ended_at__isnull=True).update(
        status=status,
        ended_at=now,
        error_code=failure.code if failure else "",
        error_detail=failure.detail if failure else "",
    )
    stopped = StepStatus.FAILED if status == JobStatus.FAILED else StepStatus.SKIPPED
    was_running = Q(status=StepStatus.RUNNING)
    left = Step.objects.filter(was_running | Q(status=StepStatus.PENDING), job=job, attempt=job.attempt)
    left.update(
        status=Case(When(was_running, then=Value(stopped)), default=Value(StepStatus.SKIPPED)),
        ended_at=Case(When(was_running, then=Value(now)), default=F("ended_at")),
    )


def _end(job: Job, status: JobStatus, **values: Any) -> None:
    """End a held job for good: its lease goes, its record is closed, the facts and both statuses follow."""
    now = database_now()
    entity = lock_entity(job)
    _close_attempt(job, status, now)
    Lease.objects.filter(pk=job.pk).delete()
    final = {"error_code": "", "error_step": "", "error_detail": "", "next_attempt_at": None, **values}
    live = Job.objects.filter(pk=job.pk, status__in=[JobStatus.PENDING, JobStatus.RUNNING])
    changed = live.update(status=status, ended_at=now, **final)
    if changed != 1:
        message = f"Job {job.pk} had ended already."
        raise StaleAttempt(message)
    if job.type in SYNC_TYPES:
        for name, value in {"status": status, "ended_at": now, **final}.items():
            setattr(job, name, value)
        # A test, a discovery or a purge is no run: lists show when data last moved.
        _record_run(job, facts.lock(job.connection_id), entity, now)


def _record_run(job: Job, connection: Connection, entity: Entity | None, now: datetime) -> None:
    run = {"id": str(job.pk), "status": job.status, "ms": job.duration_ms or 0}
    is_overtaken = _is_overtaken(job, connection)
    _record_on(connection, job, run, now, is_overtaken=is_overtaken)
    if entity is None:
        connection.save(update_fields=_OF_A_RUN)
        return
    _record_on(entity, job, run, now, is_overtaken=is_overtaken)
    entity.last_duration_ms = job.duration_ms
    entity.last_rows = job.rows_loaded if job.status == JobStatus.SUCCESS else entity.last_rows
    of_entity = [*_OF_A_RUN, "last_duration_ms", "last_rows"]
    facts.refresh_one(connection, entity, now=now, of_entity=of_entity, of_connection=_OF_A_RUN)


def _is_overtaken(job: Job, connection: Connection) -> bool:
    """Whether a job was refused with a sign-in that is not the stored one: the source has accepted that one since.

    It says nothing about what is stored, so it must not hold the schedule that a person has just set going.
    """
    if job.status != JobStatus.FAILED or job.error_code not in sign_in_codes() or connection.tested_at is None:
        return False
    return job.attempts.filter(number=job.attempt, started_at__lt=connection.tested_at).exists()


def _record_on(
    record: Connection | Entity, job: Job, run: dict[str, Any], now: datetime, *, is_overtaken: bool
) -> None:
    record.recent_runs = [*record.recent_runs, run][-RUNS_KEPT:]
    record.last_run_at, record.last_job_id = now, job.pk
    if job.status == JobStatus.SUCCESS:
        record.last_success_at, record.last_error_code, record.failure_streak = now, "", 0
    elif job.status == JobStatus.FAILED and not is_overtaken:
        record.last_error_code, record.failure_streak = job.error_code, record.failure_streak + 1
