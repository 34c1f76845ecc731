"""Sync now: one pending job per entity, never two, and a sentence for every refusal."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from functools import partial

import pytest
import redis
from celery import current_app
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from connectors.models import Connection, Entity, Status
from connectors.services.pause import pause
from connectors.status import MISSING
from jobs.models import Job, JobStatus, JobType, Lease, LeaseState, Queue, Trigger
from jobs.services.dispatch import make_due_jobs
from jobs.services.enqueue import CannotSync, enqueue_sync
from tests.conftest import member
from tests.factories import make_destination, make_entity, make_job, make_ready_connection
from tests.jobs.chain import make_due, published, ready_entity, started, together, waiting_job
from tests.servers import REDIS


def sync(connection: Connection) -> list[Job]:
    return enqueue_sync(connection=connection, actor=None)


@pytest.mark.django_db
def test_enqueue_makes_one_pending_job_per_selected_entity() -> None:
    connection = make_ready_connection()
    chosen = {make_entity(connection).pk, make_entity(connection).pk}
    make_entity(connection, is_selected=False)

    jobs = enqueue_sync(connection=connection, actor=member("operator"))

    assert {job.entity_id for job in jobs} == chosen
    assert {(job.type, job.trigger, job.status) for job in Job.objects.all()} == {
        (JobType.DATA_SYNC, Trigger.USER, JobStatus.PENDING)
    }
    assert {str(job.actor) for job in Job.objects.all()} == {"operator"}
    assert {(lease.state, lease.queue) for lease in Lease.objects.all()} == {(LeaseState.PENDING, Queue.SYNC)}


@pytest.mark.django_db
def test_enqueue_of_one_entity_leaves_the_others() -> None:
    entity = ready_entity()
    make_entity(entity.connection)

    (job,) = enqueue_sync(connection=entity.connection, entity=entity, actor=None, trigger=Trigger.API)

    assert (job.entity_id, job.trigger) == (entity.pk, Trigger.API)
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_enqueue_beside_a_sync_of_another_entity_is_allowed() -> None:
    entity = ready_entity()
    waiting_job(make_entity(entity.connection))

    assert len(enqueue_sync(connection=entity.connection, entity=entity, actor=None)) == 1


@pytest.mark.django_db
def test_job_may_start_at_once_on_the_clock_of_the_database() -> None:
    (job,) = sync(ready_entity().connection)

    lease = Lease.objects.get(pk=job.pk)

    assert abs(lease.available_at - timezone.now()) < timedelta(seconds=5)
    assert lease.dispatched_at is None


@pytest.mark.parametrize(("kind", "is_exclusive"), [("postgres", False), ("duckdb", True)])
@pytest.mark.django_db
def test_lease_names_the_destination_that_takes_one_writer(kind: str, is_exclusive: bool) -> None:  # noqa: FBT001
    entity = ready_entity(destination=make_destination(kind=kind))

    (job,) = sync(entity.connection)

    expected = entity.connection.destination_id if is_exclusive else None
    assert Lease.objects.get(pk=job.pk).exclusive_key == expected


@pytest.mark.django_db
def test_paused_connection_refuses_with_its_reason() -> None:
    entity = ready_entity(name="Shop")
    pause(connection=entity.connection, reason="Moving house", actor=None)

    with pytest.raises(CannotSync) as refused:
        sync(entity.connection)

    assert refused.value.reason == "paused"
    assert str(refused.value) == "Shop is paused: Moving house. Resume it first, then sync."
    assert not Job.objects.exists()


@pytest.mark.parametrize("reason", [*MISSING, "awaiting_upload"])
@pytest.mark.django_db
def test_incomplete_connection_refuses_and_says_what_is_missing(reason: str) -> None:
    entity = ready_entity(name="Shop", status=Status.INCOMPLETE, status_reason=reason)

    with pytest.raises(CannotSync) as refused:
        sync(entity.connection)

    text = str(refused.value)
    is_review = reason == "schema_review_pending"
    assert refused.value.reason == ("schema_review_pending" if is_review else "incomplete")
    assert text.startswith("Shop cannot sync yet. ")
    assert text.endswith(".")
    assert MISSING.get(reason, "Its setup is not finished.") in text
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_broken_connection_may_be_synced() -> None:
    entity = ready_entity(status=Status.BROKEN, status_reason="invalid_credentials")

    assert len(sync(entity.connection)) == 1


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (JobStatus.PENDING, "Shop is waiting to sync already. Nothing new was started."),
        (JobStatus.RUNNING, "Shop is syncing already. Nothing new was started."),
    ],
)
@pytest.mark.django_db
def test_second_sync_starts_nothing_and_names_the_first(status: str, sentence: str) -> None:
    entity = ready_entity(name="Shop")
    first = waiting_job(entity)
    if status == JobStatus.RUNNING:
        first.delete()
        first = make_running(entity)

    with pytest.raises(CannotSync) as refused:
        sync(entity.connection)

    assert (refused.value.reason, refused.value.job_id, str(refused.value)) == ("already_syncing", first.pk, sentence)
    assert Job.objects.count() == 1


def make_running(entity: Entity) -> Job:
    job = waiting_job(entity)
    started(job)
    return job


@pytest.mark.django_db
def test_refusal_names_the_running_job_before_the_waiting_one() -> None:
    entity = ready_entity()
    running = make_running(entity)
    waiting_job(entity)

    with pytest.raises(CannotSync, match="is syncing already") as refused:
        sync(entity.connection)

    assert refused.value.job_id == running.pk


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_make_one_set_of_jobs() -> None:
    connection = make_ready_connection()
    for _ in range(4):
        make_entity(connection)

    results = together(*[partial(sync, connection)] * 2)

    made = [result for result in results if isinstance(result, list)]
    assert [len(jobs) for jobs in made] == [4]
    assert [type(result) for result in results if not isinstance(result, list)] == [CannotSync]
    assert Job.objects.count() == Lease.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_press_and_tick_at_once_make_one_job_per_entity() -> None:
    connection = make_ready_connection()
    entities = [make_entity(connection) for _ in range(5)]
    for _ in range(5):
        for place, entity in enumerate(entities):
            # The tick takes them in another order than the press.
            make_due(entity, timezone.now() - timedelta(seconds=1 + place))

        results = together(partial(sync, connection), make_due_jobs)

        assert all(isinstance(result, list | int | CannotSync) for result in results), results
        # A press that came first keeps its jobs; a tick that found the entities taken comes again.
        make_due_jobs()
        assert Lease.objects.pending().count() == Job.objects.count() == 5
        assert set(Job.objects.values_list("entity_id", flat=True)) == {entity.pk for entity in entities}
        Lease.objects.all().delete()
        Job.objects.all().delete()


@pytest.mark.django_db
def test_first_job_is_published_on_commit_and_the_rest_left_to_the_tick(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    published()
    connection = make_ready_connection()
    make_entity(connection)
    make_entity(connection)

    with django_capture_on_commit_callbacks(execute=True):
        jobs = sync(connection)

    first = min(job.pk for job in jobs)
    assert published() == [[str(first)]]
    assert list(Lease.objects.filter(dispatched_at__isnull=False).values_list("pk", "dispatch_count")) == [(first, 1)]


@pytest.mark.django_db(transaction=True)
def test_job_is_published_after_its_rows_are_committed_and_not_before() -> None:
    published()
    entity = ready_entity()

    with transaction.atomic():
        (job,) = sync(entity.connection)
        assert published() == []

    assert published() == [[str(job.pk)]]


@pytest.mark.django_db(transaction=True)
def test_broker_that_is_away_refuses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis+socket://{tmp_path}/nobody.sock")

    began = time.monotonic()
    (job,) = sync(ready_entity().connection)

    assert Lease.objects.filter(pk=job.pk).exists()
    # A person waits for the answer; the broker's own retries would take seconds.
    assert time.monotonic() - began < 3


@pytest.mark.django_db(transaction=True)
def test_broker_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        began = time.monotonic()
        (job,) = sync(ready_entity().connection)

    assert time.monotonic() - began < 5
    assert Lease.objects.get(pk=job.pk).dispatched_at is None


@pytest.mark.django_db(transaction=True)
def test_broker_that_is_full_refuses_nothing() -> None:
    with redis.Redis(unix_socket_path=str(REDIS.server.socket)) as broker:
        broker.config_set("maxmemory", "1")
        try:
            (job,) = sync(ready_entity().connection)
        finally:
            broker.config_set("maxmemory", "0")

    assert Lease.objects.filter(pk=job.pk).exists()


def _between_attempts(error_code: str) -> Job:
    connection = make_ready_connection()
    job = make_job(connection, make_entity(connection), status=JobStatus.PENDING, attempt=1, error_code=error_code)
    later = timezone.now() + timedelta(minutes=10)
    Job.objects.filter(pk=job.pk).update(next_attempt_at=later)
    Lease.objects.filter(pk=job.pk).update(attempt=1, available_at=later)
    return job


@pytest.mark.django_db
def test_job_that_waits_for_its_next_attempt_is_brought_forward() -> None:
    job = _between_attempts("unreachable")

    assert enqueue_sync(connection=job.connection, actor=None) == [job]

    job.refresh_from_db()
    assert job.next_attempt_at is None
    assert job.lease.available_at <= timezone.now()
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_source_that_asked_to_slow_down_is_not_hurried() -> None:
    job = _between_attempts("rate_limited")

    with pytest.raises(CannotSync) as refusal:
        enqueue_sync(connection=job.connection, actor=None)

    assert refusal.value.job_id == job.pk
