"""The job machine under every order of events that Hypothesis finds: the rules I1, I2 and I4 hold after each step.

I1: one job per entity and slot. I2: one running and one pending sync per entity at most. I4: a job ends once, and
never changes after. `make faults` searches longer (PATCHBAY_FAULTS=all), and with new orders each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import Count
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.models import Connection, Entity, Status
from connectors.services.pause import pause, resume
from jobs.models import ENDED, Job, JobStatus, Lease, LeaseState, Queue
from jobs.services.cancel import CannotCancel, request_cancel
from jobs.services.dispatch import claim_for_dispatch, make_due_jobs
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.finish import Failure, StaleAttempt, cancel, fail, succeed
from jobs.services.reap import reap
from jobs.services.start import Claim, start
from tests.conftest import member
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import RESULT, assert_consistent, make_available, make_due, published, together
from tests.jobs.processes import gone_worker

IS_LONG = os.environ.get("PATCHBAY_FAULTS") == "all"
# Until everything is over at the end of an example; a job needs fewer attempts than this.
_ROUNDS_AT_MOST = 60
_ELSEWHERE = "elsewhere/1-1/7-7"

Index = st.integers(min_value=0, max_value=20)
Codes = st.sampled_from(["unreachable", "invalid_credentials", "unknown_error", "job_timed_out"])


class JobMachine(RuleBasedStateMachine):
    """Two connections, one with two entities, and whatever happens to their jobs."""

    gone: str

    @initialize()
    def begin(self) -> None:
        """Start from nothing, with three entities that are set up."""
        Lease.objects.all().delete()
        Job.objects.all().delete()
        Connection.objects.all().delete()
        pair, single = make_ready_connection(), make_ready_connection()
        self.connections = [pair, single]
        self.entities = [make_entity(pair), make_entity(pair), make_entity(single)]
        self.claims: list[Claim] = []
        self.endings: dict[UUID, tuple[Any, ...]] = {}
        self.slots: set[tuple[UUID, Any]] = set()

    # ---- What comes in
    @rule(at=Index)
    def a_slot_comes(self, at: int) -> None:
        entity = self._entity(at)
        # Nothing is planned while a person has paused it.
        if Connection.objects.get(pk=entity.connection_id).status != Status.PAUSED:
            make_due(entity)
            entity.refresh_from_db()
            self.slots.add((entity.pk, entity.next_run_at))

    @rule(twice=st.booleans())
    def tick(self, twice: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        self._do(make_due_jobs, twice=twice)
        claimed = {(job.entity_id, job.slot_at) for job in Job.objects.filter(slot_at__isnull=False)}
        assert claimed <= self.slots, "a job names a slot that never came"

    @rule(at=Index)
    def a_person_asks_for_a_sync(self, at: int) -> None:
        # Refused while it is paused, or while it syncs already.
        with suppress(CannotSync):
            enqueue_sync(connection=self.connections[at % 2], actor=None)

    @rule(at=Index)
    def pause(self, at: int) -> None:
        connection = self._connection(at)
        if connection.status != Status.PAUSED:
            pause(connection=connection, reason="Moving house", actor=None)

    @rule(at=Index)
    def resume(self, at: int) -> None:
        connection = self._connection(at)
        if connection.status == Status.PAUSED:
            resume(connection=connection, actor=None)

    # ---- What workers do
    @rule(twice=st.booleans())
    def dispatch(self, twice: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        found = self._do(partial(claim_for_dispatch, Queue.SYNC), twice=twice)
        chosen = [lease.pk for leases in found for lease in leases]
        assert len(chosen) == len(set(chosen)), "one job was given to the workers twice at once"

    @precondition(lambda _: Lease.objects.pending().exists())
    @rule(at=Index, twice=st.booleans())
    def a_message_arrives(self, at: int, twice: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        leases = list(Lease.objects.pending().order_by("pk"))
        job_id = leases[at % len(leases)].pk
        taken = [claim for claim in self._do(partial(self._start, job_id), twice=twice) if claim]
        assert len(taken) <= 1, "two workers took the same job"
        self.claims += taken

    @precondition(lambda self: self.claims)
    @rule(at=Index)
    def the_work_succeeds(self, at: int) -> None:
        """Also late: the job may have been taken back meanwhile, or be over."""
        claim = self._claim(at)
        self._only_while_held(claim, lambda: succeed(claim=claim, result=RESULT))

    @precondition(lambda self: self.claims)
    @rule(at=Index, code=Codes)
    def the_work_fails(self, at: int, code: str) -> None:
        claim = self._claim(at)
        self._only_while_held(claim, lambda: fail(claim=claim, failure=Failure(code, "extract", "It did not work.")))

    @precondition(lambda self: self.claims)
    @rule(at=Index)
    def the_work_stops_after_a_cancel(self, at: int) -> None:
        claim = self._claim(at)
        if Lease.objects.filter(pk=claim.job_id, token=claim.token, cancel_requested_at__isnull=True).exists():
            return
        self._only_while_held(claim, lambda: cancel(claim=claim))

    @precondition(lambda _: Lease.objects.running().exists())
    @rule(at=Index, twice=st.booleans())
    def a_worker_is_lost(self, at: int, twice: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        leases = list(Lease.objects.running().order_by("pk"))
        Lease.objects.filter(pk=leases[at % len(leases)].pk).update(worker=self.gone)
        assert sum(self._do(reap, twice=twice)) == 1, "a lost worker's job was taken back more than once, or never"

    @rule()
    def the_wait_is_over(self) -> None:
        for job in Job.objects.filter(status=JobStatus.PENDING):
            make_available(job)

    @precondition(lambda _: Lease.objects.exists())
    @rule(at=Index)
    def a_person_cancels(self, at: int) -> None:
        jobs = list(Job.objects.order_by("pk"))
        try:
            request_cancel(job=jobs[at % len(jobs)], actor=member("operator"))
        except CannotCancel:
            assert Job.objects.get(pk=jobs[at % len(jobs)].pk).is_over

    # ---- What holds after each step
    @invariant()
    def each_slot_has_one_job(self) -> None:
        slots = Job.objects.filter(slot_at__isnull=False).values("entity", "slot_at").annotate(count=Count("pk"))
        assert not slots.filter(count__gt=1).exists()

    @invariant()
    def one_runs_and_one_waits_at_most(self) -> None:
        live = Job.objects.exclude(status__in=ENDED).values("entity", "status").annotate(count=Count("pk"))
        assert not live.filter(count__gt=1).exists()

    @invariant()
    def each_job_ends_once(self) -> None:
        live = dict(Lease.objects.values_list("pk", "state"))
        states = {JobStatus.PENDING.value: LeaseState.PENDING.value, JobStatus.RUNNING.value: LeaseState.RUNNING.value}
        found = Job.objects.values_list("pk", "status", "ended_at", "error_code", "rows_loaded", "attempt")
        for job_id, status, *rest in found:
            assert live.get(job_id) == states.get(status), f"job {job_id} is {status} with the lease {live.get(job_id)}"
            if job_id in self.endings or status in ENDED:
                assert self.endings.setdefault(job_id, (status, *rest)) == (status, *rest), "an ended job changed"

    def teardown(self) -> None:
        """Let everything go on to its end: nothing is stuck."""
        if not hasattr(self, "connections"):
            return
        for number in range(2):
            self.resume(number)
        for _ in range(_ROUNDS_AT_MOST):
            leases = list(Lease.objects.order_by("pk"))
            if not leases:
                break
            self.the_wait_is_over()
            for lease in leases:
                self._finish(lease)
        assert not Lease.objects.exists(), "a job never ended"
        self.each_job_ends_once()
        for job in Job.objects.all():
            assert_consistent(job)

    # ---- How it is done
    def _finish(self, lease: Lease) -> None:
        held = Lease.objects.running().filter(pk=lease.pk).first()
        if held is None or held.token is None:
            claim = self._start(lease.pk)
        else:
            claim = Claim(held.pk, held.token, held.attempt, held.worker)
        if claim is not None:
            succeed(claim=claim, result=RESULT)

    def _start(self, job_id: UUID) -> Claim | None:
        return start(job_id=job_id, worker=_ELSEWHERE, token=uuid4())

    def _only_while_held(self, claim: Claim, end: Callable[[], None]) -> None:
        """Do what ends an attempt; it is refused exactly when the attempt does not hold its job any more."""
        is_held = Lease.objects.running().filter(pk=claim.job_id, token=claim.token).exists()
        try:
            end()
        except StaleAttempt:
            assert not is_held, "an attempt that holds its job was refused"
        else:
            assert is_held, "an attempt that lost its job wrote its result"

    def _do(self, action: Callable[[], Any], *, twice: bool) -> list[Any]:
        """Do an action once, or twice at the same moment."""
        if not twice:
            return [action()]
        found = together(action, action)
        for result in found:
            if isinstance(result, Exception):
                raise result
        return found

    def _entity(self, at: int) -> Entity:
        return Entity.objects.get(pk=self.entities[at % 3].pk)

    def _connection(self, at: int) -> Connection:
        return Connection.objects.get(pk=self.connections[at % 2].pk)

    def _claim(self, at: int) -> Claim:
        return self.claims[at % len(self.claims)]


@pytest.mark.django_db(transaction=True)
def test_rules_hold_in_every_order_of_events() -> None:
    """With the token left out of `finish._hold`, `the_work_succeeds` ends a job that another attempt holds."""
    JobMachine.gone = gone_worker()

    run_state_machine_as_test(
        JobMachine,
        settings=settings(
            max_examples=60 if IS_LONG else 10,
            stateful_step_count=40 if IS_LONG else 30,
            derandomize=not IS_LONG,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            # To shrink takes minutes; the steps that broke a rule are told either way.
            phases=[Phase.generate, Phase.shrink] if IS_LONG else [Phase.generate],
        ),
    )

    # What was published on the way is nobody's any more.
    published()
