"""What the tests of the job chain share: jobs in each state, things done at the same moment, what was published."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from celery import current_app
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.models import Connection, Entity
from connectors.plan import SyncResult, TableCounts
from connectors.services import facts
from connectors.status import RunFacts, derive_connection, derive_entity
from jobs.models import Job, JobStatus, Lease, LeaseState
from jobs.services.finish import Failure, fail, succeed
from jobs.services.start import Claim, start
from tests.factories import make_entity, make_job, make_ready_connection

Given = TypeVar("Given")

RESULT = SyncResult((TableCounts("orders", 70, 70, 4096), TableCounts("customers", 5, 4, 128)))


def ready_entity(**values: Any) -> Entity:
    """The only entity of a connection that is set up and has its next run in an hour."""
    planned = timezone.now() + timedelta(hours=1)
    return make_entity(make_ready_connection(**values), next_run_at=planned)


def waiting_job(entity: Entity, **values: Any) -> Job:
    """A pending sync of an entity that may start now."""
    return make_job(entity.connection, entity, status=JobStatus.PENDING, **values)


def started(job: Job, worker: str = "elsewhere/1-1/7-7") -> Claim:
    """The claim of a worker that took a pending job."""
    claim = start(job_id=job.pk, worker=worker)
    assert claim is not None
    return claim


def make_available(job: Job) -> None:
    """Let the wait for the next attempt be over."""
    Lease.objects.filter(pk=job.pk).update(available_at=timezone.now() - timedelta(seconds=1))


def together(*actions: Callable[[], Given]) -> list[Given | Exception]:
    """Do all actions at the same moment, each in a thread with a connection of its own. Exceptions are results."""
    gate = threading.Barrier(len(actions))
    results: list[Given | Exception | None] = [None] * len(actions)

    def do(place: int, action: Callable[[], Given]) -> None:
        try:
            database.ensure_connection()
            gate.wait(timeout=10)
            results[place] = action()
        except Exception as error:  # noqa: BLE001 - what went wrong is the result
            results[place] = error
        finally:
            database.close()

    threads = [threading.Thread(target=do, args=(place, action)) for place, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive(), "an action hangs"
    return [result for result in results if result is not None]


class Beside:
    """One action in a thread of its own, beside the test. Leaving the block waits for it and raises what it raised."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._do)

    def _do(self) -> None:
        try:
            self._action()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        finally:
            database.close()

    def start(self) -> Beside:
        self._thread.start()
        return self

    def join(self) -> None:
        self._thread.join(timeout=30)
        assert not self._thread.is_alive(), "the action beside hangs"
        if self._error is not None:
            raise self._error


def somebody_waits_for_a_lock() -> bool:
    """Whether a session of this database waits for a lock now."""
    with database.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        (found,) = cursor.fetchone()
    return bool(found)


def published(queue: str = "sync") -> list[list[Any]]:
    """Take the messages out of a queue of the broker and return the arguments of each."""
    found = []
    with current_app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        while message := channel.basic_get(queue, no_ack=True):
            found.append(json.loads(message.body)[0])
    return found


def assert_consistent(job: Job) -> None:
    """The rules that hold after whatever happened: one lease per live job and none else, one end, derived statuses."""
    job = Job.objects.get(pk=job.pk)
    lease = Lease.objects.filter(pk=job.pk).first()
    states = {JobStatus.PENDING: LeaseState.PENDING, JobStatus.RUNNING: LeaseState.RUNNING}
    assert (lease.state if lease else None) == states.get(JobStatus(job.status))
    open_attempts = job.attempts.filter(ended_at__isnull=True).count()
    assert open_attempts == (1 if job.status == JobStatus.RUNNING else 0)
    assert_statuses_derived(job.connection)


def assert_statuses_derived(connection: Connection) -> None:
    """Every stored status is what the one function makes of the stored facts."""
    connection = Connection.everything.get(pk=connection.pk)
    setup = facts.setup_facts(connection)
    entities = list(connection.entities.selected())
    for entity in entities:
        derived = derive_entity(setup, RunFacts(entity.last_error_code, entity.failure_streak))
        assert (entity.status, entity.status_reason) == (derived.status, derived.reason)
    whole = derive_connection(setup, [RunFacts(one.last_error_code, one.failure_streak) for one in entities])
    assert (connection.status, connection.status_reason) == (whole.status, whole.reason)


def rows_of(*jobs: Job) -> list[Sequence[object]]:
    """Everything that is stored about these jobs and their entities, to see that nothing changed."""
    found: list[Sequence[object]] = []
    for job in jobs:
        found += Job.objects.filter(pk=job.pk).values_list()
        found += Lease.objects.filter(pk=job.pk).values_list()
        found += job.attempts.order_by("number").values_list()
        found += job.steps.order_by("number").values_list()
        found += Entity.objects.filter(jobs=job).values_list()
        found += Connection.objects.filter(pk=job.connection_id).values_list()
    return found


def make_due(entity: Entity, slot: datetime | None = None) -> None:
    """Let an entity's slot have come, a second ago or at `slot`."""
    with transaction.atomic():
        Entity.objects.filter(pk=entity.pk).update(next_run_at=slot or timezone.now() - timedelta(seconds=1))


def running_entity() -> tuple[Entity, Job, Claim]:
    """An entity with a job that a worker has taken."""
    entity = ready_entity()
    job = waiting_job(entity)
    return entity, job, started(job)


def run_once(entity: Entity, code: str = "") -> Job:
    """Let a sync of an entity run to its end, failing with `code` as often as it is tried."""
    job = waiting_job(entity)
    while not Job.objects.get(pk=job.pk).is_over:
        make_available(job)
        claim = started(job)
        if code:
            fail(claim=claim, failure=Failure(code))
        else:
            succeed(claim=claim, result=RESULT)
    return Job.objects.get(pk=job.pk)
