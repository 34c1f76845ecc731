"""How the guards of the job chain are taken out: of the tick, the start, the end, the reporter and the reaper."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from connectors.models import EntityQuerySet
from jobs import reporter, runner, tasks
from jobs.limits import Limits, limits_of
from jobs.models import Job, Lease, LeaseQuerySet, Queue
from jobs.services import cancel, dispatch, drain, enqueue_test, fallback, finish, start
from jobs.services import publish as publishing
from jobs.services.caps import Room
from jobs.services.retry import Failure, Verdict, weigh
from jobs.services.start import Claim
from tests.faults.harness.guards import DISPATCH, SYNC, SYSTEM, TEST, Put, guard, rule

_NEVER = timedelta(days=1)


# ---- The tick and the messages --------------------------------------------------------------------------------------


@guard("missed slots are counted", SYSTEM)
def missed_count(put: Put) -> None:
    put(dispatch, "missed_between", lambda *_: 0)


@guard("SKIP LOCKED on what is due", SYSTEM, TEST)
def lock_on_due(put: Put) -> None:
    locked = EntityQuerySet.select_for_update

    def unlocked(query: EntityQuerySet, **options: Any) -> EntityQuerySet:
        return query if options.get("skip_locked") else locked(query, **options)

    put(EntityQuerySet, "select_for_update", unlocked)


rule(
    "unique_leases",
    "unique rules of pending syncs and slots",
    "DROP INDEX lease_one_per_slot, lease_one_pending_sync",
    "CREATE UNIQUE INDEX lease_one_per_slot ON jobs_lease (entity_id, slot_at) WHERE slot_at IS NOT NULL; "
    "CREATE UNIQUE INDEX lease_one_pending_sync ON jobs_lease (entity_id) "
    "WHERE state = 'pending' AND type IN ('data_sync', 'historical_resync')",
)


@guard("jobs are published again", SYSTEM, SYNC)
def republishing(put: Put) -> None:
    put(dispatch, "REPUBLISH_AFTER", _NEVER)


@guard("a job that was not sent is free again", SYSTEM, SYNC, TEST)
def release_of_unsent(put: Put) -> None:
    for module in (publishing, dispatch):
        put(module, "publish", partial(_publish_and_forget, module.publish))


def _publish_and_forget(publish: Any, leases: list[Lease]) -> None:
    publish(leases)
    freed = Lease.objects.pending().filter(pk__in=[lease.pk for lease in leases], dispatched_at__isnull=True)
    freed.update(dispatched_at=Now(), dispatch_count=1)


@guard("no more jobs are sent than workers have room for", SYSTEM, SYNC)
def room(put: Put) -> None:
    put(dispatch, "Room", _EndlessRoom)


class _EndlessRoom(Room):
    def in_queue(self, queue: str) -> int:
        del queue
        return dispatch.BATCH

    def take(self, lease: Lease) -> bool:
        self._add(lease)
        return True


@guard("connections take turns", SYSTEM, SYNC)
def turns(put: Put) -> None:
    put(dispatch, "_lock_in_turns", _oldest_first)


def _oldest_first(waiting: LeaseQuerySet, queues: list[Queue], now: datetime, _: Room) -> list[Lease]:
    batch = waiting.filter(queue__in=queues).order_by("pk").select_for_update(skip_locked=True, of=("self",))
    return [lease for lease in batch[: dispatch.BATCH] if not dispatch._waits_longer(lease, now)]


@guard("tests have workers of their own", TEST)
def own_queue(put: Put) -> None:
    put(enqueue_test, "Queue", SimpleNamespace(INTERACTIVE=Queue.SYNC))


@guard("the dispatcher listens for the tick", DISPATCH)
def silence(put: Put) -> None:
    put(fallback, "SILENT", _NEVER)


# ---- Start and end --------------------------------------------------------------------------------------------------


@guard("a message must name a job", SYNC)
def id_check(put: Put) -> None:
    put(tasks, "UUID", lambda text: text)


@guard("only a pending job is started", SYNC)
def pending_state(put: Put) -> None:
    put(start, "Lease", SimpleNamespace(objects=_AnyState(Lease)))


class _AnyState(LeaseQuerySet):
    def pending(self) -> LeaseQuerySet:
        return self.all()


@guard("a start knows its own token again", SYNC)
def own_token(put: Put) -> None:
    def begin(*, job_id: UUID, worker: str, token: UUID) -> Claim | None:
        del token
        return start.start(job_id=job_id, worker=worker)

    put(runner, "start", begin)


@guard("writes are repeated (persist)", SYNC)
def persist(put: Put) -> None:
    for module in (runner, reporter):
        put(module, "persist", lambda write: write())


@guard("a failed attempt heeds a cancel", SYNC)
def cancel_after_failure(put: Put) -> None:
    put(finish, "stopped_by", lambda *_: "")


@guard("a cancel ends a waiting job at once", TEST)
def end_of_waiting(put: Put) -> None:
    put(cancel, "end_cancelled", lambda _: None)


# ---- While it runs --------------------------------------------------------------------------------------------------


@guard("the guard thread", SYNC)
def guard_thread(put: Put) -> None:
    put(reporter.JobReporter, "_watch", lambda self: self._is_over.wait())


@guard("the token in the renewal", SYNC)
def renewal_token(put: Put) -> None:
    put(reporter, "Lease", SimpleNamespace(objects=_Held(Lease)))


class _Held(LeaseQuerySet):
    def update(self, **values: Any) -> int:
        super().update(**values)
        return 1


@guard("the limit without progress", SYNC)
def no_progress_limit(put: Put) -> None:
    put(runner, "limits_of", lambda kind: replace(limits_of(kind), no_progress_seconds=math.inf))


@guard("the deadline", SYNC)
def deadline(put: Put) -> None:
    put(runner, "limits_of", lambda kind: Limits(limits_of(kind).no_progress_seconds, math.inf))


@guard("work hears of a cancel", SYNC)
def heard_cancel(put: Put) -> None:
    put(reporter.JobReporter, "check", lambda _: None)


@guard("the forced end after a cancel", SYNC)
def forced_end(put: Put) -> None:
    put(reporter, "_FORCE_AFTER_SECONDS", math.inf)


@guard("the drain", SYNC)
def draining(put: Put) -> None:
    put(drain, "begin", lambda: None)


# ---- The reaper -----------------------------------------------------------------------------------------------------


@guard("the reaper", SYSTEM)
def reaper(put: Put) -> None:
    put(tasks, "reap_once", lambda: 0)


@guard("lost workers are counted", SYSTEM)
def lost_count(put: Put) -> None:

    def forgetful(job: Job, lease: Lease, failure: Failure) -> Verdict:
        lease.lost_count = 0
        return weigh(job, lease, failure)

    put(finish, "weigh", forgetful)
