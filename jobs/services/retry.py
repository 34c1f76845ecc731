"""Whether a failed attempt is followed by another one, and when: the limits and waits of the error registry applied."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from connectors.errors import Retry, entry
from jobs.models import AccountBlock, Job, Lease, Step, StepStatus

LONGEST_WAIT_SECONDS = 3600
# A source may ask for more than we would wait by ourselves, a daily quota for example.
LONGEST_ASKED_SECONDS = 24 * 3600
# Beyond this the wait has long reached its limit; a larger power would be an endless number.
_DOUBLINGS_AT_MOST = 16
# Signing in moves nothing.
_STEPS_THAT_MOVE_NOTHING = ("check_access",)
_REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: a code of the registry, the step, and the source's own words without secrets."""

    code: str
    step: str = ""
    detail: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows a failed attempt: the new counts of the lease, and the wait in seconds, None when the job ends.

    `max_attempts` is the number of the last attempt there will be, as far as one can say now.
    """

    charged: int
    no_progress: int
    lost_count: int
    wait_seconds: float | None
    max_attempts: int


def weigh(job: Job, lease: Lease, failure: Failure) -> Verdict:
    """Return what follows the failed attempt of a held job. Reads its steps; changes nothing."""
    retry = entry(failure.code).retry
    if not retry.is_charged:
        wait = wait_seconds(retry, 0, failure.retry_after)
        return Verdict(lease.charged, lease.no_progress, lease.lost_count, wait, job.max_attempts + 1)
    if retry.kind == "worker_lost":
        lost = lease.lost_count + 1
        return _verdict(job, retry, (lease.charged, lease.no_progress, lost), retry.in_a_row - lost, failure)
    has_moved = _has_moved(job, lease)
    charged, still = lease.charged + 1, 0 if has_moved else lease.no_progress + 1
    in_all = retry.in_all_moving if has_moved else retry.in_all
    left = min(retry.in_a_row - still, in_all - charged)
    return _verdict(job, retry, (charged, still, lease.lost_count), left, failure)


def wait_seconds(retry: Retry, doublings: int, asked: float | None = None) -> float:
    """Return how long to wait: what the source asked for, or the class's first wait, doubled, with jitter."""
    if asked is not None:
        return min(max(0.0, asked), LONGEST_ASKED_SECONDS)
    doubled: int = retry.first_wait_seconds * 2 ** min(max(0, doublings), _DOUBLINGS_AT_MOST)
    return min(LONGEST_WAIT_SECONDS, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing


def loaded_rows(lease: Lease) -> int:
    """Return how many rows the lease's attempt has loaded so far."""
    return sum(int(loaded) for _, loaded in lease.progress.get("tables", {}).values())


def best_loaded(lease: Lease) -> int:
    """Return the most rows that one attempt of the job has loaded, the lease's own included."""
    return max(loaded_rows(lease), _best_before(lease))


def _best_before(lease: Lease) -> int:
    return int(lease.progress.get("best", 0))


def block_account(lease: Lease, until: datetime, reason: str) -> None:
    """Let no job of the lease's account start before `until`; a longer block that stands already is kept."""
    if not lease.account_key:
        return
    block = AccountBlock(account_key=lease.account_key, until=until, reason=reason[:_REASON_LENGTH])
    AccountBlock.objects.filter(account_key=lease.account_key, until__lt=until).update(until=until, reason=block.reason)
    AccountBlock.objects.bulk_create([block], ignore_conflicts=True)


def forget_old_blocks(now: datetime) -> None:
    """Remove blocks that ended a day ago."""
    AccountBlock.objects.filter(until__lt=now - timedelta(days=1)).delete()


def _verdict(job: Job, retry: Retry, counts: tuple[int, int, int], left: int, failure: Failure) -> Verdict:
    if left <= 0:
        return Verdict(*counts, wait_seconds=None, max_attempts=job.attempt)
    _, still, lost = counts
    is_first_loss = retry.kind == "worker_lost" and lost == 1
    doublings = lost - 2 if retry.kind == "worker_lost" else still - 1
    wait = 0.0 if is_first_loss else wait_seconds(retry, doublings, failure.retry_after)
    return Verdict(*counts, wait_seconds=wait, max_attempts=job.attempt + left)


def _has_moved(job: Job, lease: Lease) -> bool:
    """Whether the attempt loaded more rows or ended more steps than every attempt before it."""
    if loaded_rows(lease) > _best_before(lease):
        return True
    done = Step.objects.filter(job=job, status=StepStatus.SUCCESS).exclude(name__in=_STEPS_THAT_MOVE_NOTHING)
    by_attempt = dict(done.values_list("attempt").annotate(Count("number")).order_by())
    now = by_attempt.pop(job.attempt, 0)
    return bool(now > max(by_attempt.values(), default=0))
