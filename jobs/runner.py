"""One attempt of a job in a worker child: take it, do the work, record how it ended."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import structlog
from django.core.exceptions import ImproperlyConfigured

from connectors.plan import Stopped, SyncError
from connectors.secrets import UnreadableSecretError
from jobs.handlers import handler, redactor, steps_of
from jobs.limits import limits_of
from jobs.models import Job
from jobs.persist import persist
from jobs.reporter import JobReporter
from jobs.services import finish
from jobs.services.finish import Failure, StaleAttempt
from jobs.services.start import Claim, start
from jobs.services.workers import identity

log = structlog.get_logger(__name__)


def run_job(job_id: UUID) -> None:
    """Run the pending job `job_id` here, if it still waits; a message that came twice or late does nothing."""
    token = uuid4()
    claim = persist(lambda: start(job_id=job_id, worker=identity(), token=token))
    if claim is None:
        return
    job = persist(lambda: Job.objects.for_run().get(pk=job_id))
    try:
        _attempt(job, claim)
    except StaleAttempt as stale:
        log.warning("The attempt's result was dropped", job=str(job_id), reason=str(stale))


def _attempt(job: Job, claim: Claim) -> None:
    try:
        redact, work, steps = redactor(job), handler(job.type), steps_of(job.type)
    except KeyError:
        failure = Failure("unknown_error", detail=f"Nothing here can do a job of the type {job.type}.")
        persist(lambda: finish.fail(claim=claim, failure=failure))
        return
    except (UnreadableSecretError, ImproperlyConfigured) as error:
        failure = Failure("misconfigured", detail=str(error))
        persist(lambda: finish.fail(claim=claim, failure=failure))
        return
    with JobReporter(claim, redact, steps, limits_of(job.type)) as reporter:
        try:
            result = work(job, reporter)
        except Stopped as stopped:
            _stop(reporter, claim, stopped)
        except SyncError as error:
            failure = Failure(error.code, error.step or reporter.current_step, redact(error.detail), error.retry_after)
            _fail(reporter, claim, failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job's record must say so
            detail = redact(f"{type(error).__name__}: {error}")
            # Without the trace: its values may hold secrets.
            log.error("A job failed in an unknown way", job=str(job.pk), reason=detail)  # noqa: TRY400
            _fail(reporter, claim, Failure("unknown_error", reporter.current_step, detail))
        else:
            _record(reporter, lambda: finish.succeed(claim=claim, result=result))


def _stop(reporter: JobReporter, claim: Claim, stopped: Stopped) -> None:
    """Record work that stopped because it was asked to: for good by a person, for now by its worker."""
    if stopped.code == "worker_stopping":
        reporter.log("warning", reporter.current_step, "The worker stops; another one goes on with the job.")
        _record(reporter, lambda: finish.give_back(claim=claim))
        return
    reporter.log("warning", reporter.current_step, "Cancelled by a person; what was loaded before is unchanged.")
    _record(reporter, lambda: finish.cancel(claim=claim))


def _fail(reporter: JobReporter, claim: Claim, failure: Failure) -> None:
    reporter.log("error", failure.step, f"{failure.code}: {failure.detail}" if failure.detail else failure.code)
    _record(reporter, lambda: finish.fail(claim=claim, failure=failure))


def _record(reporter: JobReporter, end: Callable[[], None]) -> None:
    """Write what the reporter still holds, then the attempt's end."""
    persist(reporter.finish)
    persist(end)
