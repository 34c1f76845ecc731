"""How many jobs may be with the workers at once, and who comes first among those that wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from connectors import secrets
from connectors.ids import new_id
from connectors.models import Connection
from jobs.models import Job, JobType, Lease, Queue, Worker
from jobs.services import presence, pulse
from jobs.services.caps import account_key
from jobs.services.dispatch import claim_for_dispatch, refill, tick
from jobs.services.enqueue import new_lease
from jobs.services.finish import cancel
from tests.factories import make_entity, make_ready_connection
from tests.jobs.chain import make_due, published, ready_entity, started, waiting_job


@pytest.fixture
def much_room(settings: Settings) -> None:
    settings.PATCHBAY_IN_FLIGHT = 100


def chosen(*queues: Queue) -> list[object]:
    return [lease.pk for lease in claim_for_dispatch(*(queues or (Queue.SYNC,)))]


def crowd(count: int, connection: Connection | None = None) -> list[Job]:
    """Waiting syncs of so many entities of one connection, or of a connection each."""
    return [
        waiting_job(make_entity(connection) if connection else ready_entity(), type=JobType.DATA_SYNC)
        for _ in range(count)
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("much_room")
def test_connection_has_a_few_jobs_at_once(settings: Settings) -> None:
    settings.PATCHBAY_CONNECTION_JOBS = 3
    jobs = crowd(5, make_ready_connection())
    claim = started(jobs[0])

    assert chosen() == [jobs[1].pk, jobs[2].pk]
    cancel(claim=claim)
    assert chosen() == [jobs[3].pk]


@pytest.mark.parametrize("what", ["destination_id", "account_key"])
@pytest.mark.django_db
@pytest.mark.usefixtures("much_room")
def test_destination_and_account_have_a_few_jobs_at_once(what: str, settings: Settings) -> None:
    settings.PATCHBAY_DESTINATION_JOBS = settings.PATCHBAY_ACCOUNT_JOBS = 2
    jobs = crowd(4)
    other = crowd(1)[0]
    shared = new_id() if what == "destination_id" else "same"
    Lease.objects.filter(pk__in=[job.pk for job in jobs]).update(**{what: shared})

    assert chosen() == [jobs[0].pk, jobs[1].pk, other.pk]
    assert chosen() == []


@pytest.mark.django_db
@pytest.mark.usefixtures("much_room")
def test_historical_jobs_take_half_of_a_connection_at_most(settings: Settings) -> None:
    settings.PATCHBAY_CONNECTION_JOBS = 4
    connection = make_ready_connection()
    bulk, syncs = crowd(4, connection), crowd(4, connection)
    Lease.objects.filter(pk__in=[job.pk for job in bulk]).update(queue=Queue.BULK, is_bulk=True)

    assert chosen(Queue.BULK) == [bulk[0].pk, bulk[1].pk]
    assert chosen(Queue.BULK, Queue.SYNC) == [syncs[0].pk, syncs[1].pk]


@pytest.mark.django_db
def test_what_a_person_waits_for_is_never_capped(settings: Settings) -> None:
    settings.PATCHBAY_CONNECTION_JOBS = 1
    connection = make_ready_connection()
    started(crowd(1, connection)[0])
    test = crowd(1, connection)[0]
    Lease.objects.filter(pk=test.pk).update(queue=Queue.INTERACTIVE)

    assert chosen(Queue.INTERACTIVE) == [test.pk]


@pytest.mark.django_db
def test_room_is_two_jobs_for_each_slot_of_the_workers_that_live() -> None:
    now = timezone.now()
    for number, values in enumerate(({}, {}, {"draining_at": now}, {"seen_at": now - timedelta(minutes=1)})):
        row = {"queue": Queue.SYNC, "slots": 1, "started_at": now, "seen_at": now, **values}
        Worker.objects.create(identity=str(number), **row)
    jobs = crowd(6)

    assert presence.slots_by_queue() == {"sync": 2}
    assert chosen() == [job.pk for job in jobs[:4]]


@pytest.mark.django_db
def test_long_wait_makes_up_for_a_late_turn(settings: Settings) -> None:
    settings.PATCHBAY_IN_FLIGHT = 2
    of_large = crowd(3, make_ready_connection())
    Lease.objects.update(available_at=timezone.now() - timedelta(minutes=5))
    crowd(3)

    assert chosen() == [of_large[0].pk, of_large[1].pk]


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.django_db
def test_tick_takes_few_queries_whatever_the_batch(count: int) -> None:
    for _ in range(count):
        make_due(ready_entity())

    with CaptureQueriesContext(database) as captured:
        pulse.measured("tick", tick, "published")

    queries = [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(queries) <= 15, queries
    assert Job.objects.count() == count


@pytest.mark.django_db(transaction=True)
def test_worker_that_has_ended_a_job_lets_the_next_one_follow(settings: Settings) -> None:
    published()
    settings.PATCHBAY_IN_FLIGHT = 1
    jobs = crowd(2)
    assert refill(Queue.SYNC) == 1
    assert refill(Queue.SYNC) == 0
    cancel(claim=started(jobs[0]))

    assert refill(Queue.SYNC) == 1
    assert published() == [[str(job.pk)] for job in jobs]


# ---- accounts -------------------------------------------------------------------------------------------------------


def with_secret(**secret: str) -> Connection:
    connection = make_ready_connection(provider="sandbox_payroll", config={"base_url": "http://127.0.0.1:1"})
    connection.credentials = secrets.seal(secret, owner=f"connection:{connection.pk}")
    return connection


@pytest.mark.django_db
def test_account_is_the_same_for_the_same_key_at_the_same_place() -> None:
    one, same, other = (with_secret(api_key=key) for key in ("key-1", "key-1", "key-2"))

    assert account_key(one) == account_key(same) != account_key(other)
    assert "key-1" not in account_key(one)
    assert len(account_key(one)) == 64
    same.config = {"base_url": "http://127.0.0.1:2"}
    assert account_key(one) != account_key(same)


@pytest.mark.django_db
def test_account_of_a_database_is_its_user_whatever_the_password() -> None:
    one, same, other = (
        make_ready_connection(config={"host": "db", "port": 1, "user": user}) for user in ("ann", "ann", "bob")
    )
    same.credentials = b""

    assert account_key(one) == account_key(same) != account_key(other)


@pytest.mark.django_db
def test_connection_whose_account_nobody_can_name_is_one_of_its_own() -> None:
    one, other = with_secret(password="same"), with_secret(password="same")
    other.credentials = b"\x01unreadable"

    assert account_key(one) != account_key(other)


@pytest.mark.parametrize(
    ("job_type", "queue", "is_bulk"),
    [
        (JobType.DATA_SYNC, Queue.SYNC, False),
        (JobType.HISTORICAL_RESYNC, Queue.BULK, True),
        (JobType.PURGE, Queue.BULK, True),
        (JobType.TEST_CONNECTION, Queue.INTERACTIVE, False),
        (JobType.DISCOVER, Queue.INTERACTIVE, False),
    ],
)
@pytest.mark.django_db
def test_lease_carries_what_caps_count(job_type: JobType, queue: Queue, is_bulk: bool) -> None:  # noqa: FBT001
    connection = make_ready_connection()

    lease = new_lease(Job(type=job_type, connection=connection), connection)

    assert (lease.queue, lease.is_bulk) == (queue, is_bulk)
    assert (lease.destination_id, lease.account_key) == (connection.destination_id, account_key(connection))
