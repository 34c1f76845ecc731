"""One valid record of each kind, for tests of pages and rules. Data that a sync makes comes from real syncs."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from connectors import secrets
from connectors.models import Connection, Destination, Entity, Status, Table
from jobs.models import ENDED, Job, JobStatus, JobType, Lease, LeaseState, Queue, Trigger

_numbers = count(1)
SOURCE_PASSWORD = "correct horse/battery&staple"


def make_destination(**values: Any) -> Destination:
    """A Postgres destination."""
    number = next(_numbers)
    return Destination.objects.create(**{"name": f"Warehouse {number}", "kind": "postgres", "config": {}, **values})


def make_connection(**values: Any) -> Connection:
    """An active Postgres connection with one table."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "name": f"Shop {number}",
        "provider": "postgres",
        "dataset": f"shop_{number}",
        "status": Status.ACTIVE,
        "status_reason": "ok",
        "config": {"host": "127.0.0.1", "port": 5432, "database": "shop"},
        "tested_at": timezone.now(),
    }
    if "destination" not in values:
        defaults["destination"] = make_destination()
    connection = Connection.objects.create(**{**defaults, **values})
    Table.objects.create(connection=connection, name="orders", source_schema="public", keys=["id"])
    return connection


def make_ready_connection(**values: Any) -> Connection:
    """A connection whose set-up is whole, so that its derived status is active too: it has credentials."""
    connection = make_connection(credentials_set_at=timezone.now(), **values)
    connection.credentials = secrets.seal({"password": SOURCE_PASSWORD}, owner=f"connection:{connection.pk}")
    connection.save(update_fields=["credentials"])
    return connection


def make_entity(connection: Connection, **values: Any) -> Entity:
    """An active entity of a connection."""
    number = next(_numbers)
    defaults = {"ref": f"ref-{number}", "name": f"Company {number}", "dataset": f"company_{number}"}
    defaults |= {"status": Status.ACTIVE, "status_reason": "ok"}
    return Entity.objects.create(connection=connection, **{**defaults, **values})


def make_job(connection: Connection, entity: Entity | None = None, **values: Any) -> Job:
    """A successful data sync of ten seconds; a status that is not over gets its lease."""
    now = timezone.now()
    status = values.get("status", JobStatus.SUCCESS)
    defaults: dict[str, Any] = {
        "type": JobType.DATA_SYNC,
        "status": status,
        "trigger": Trigger.SCHEDULE,
        "attempt": 0 if status == JobStatus.PENDING else 1,
        "max_attempts": 3,
        "started_at": None if status == JobStatus.PENDING else now - timedelta(seconds=10),
        "ended_at": now if status in ENDED else None,
        "error_code": "unreachable" if status == JobStatus.FAILED else "",
    }
    job = Job.objects.create(connection=connection, entity=entity, **{**defaults, **values})
    if status not in ENDED:
        make_lease(job)
    return job


def make_lease(job: Job, **values: Any) -> Lease:
    """The lease of a live job, in the state that fits it."""
    now = timezone.now()
    is_running = job.status == JobStatus.RUNNING
    defaults: dict[str, Any] = {
        "type": job.type,
        "queue": Queue.SYNC,
        "connection": job.connection,
        "entity": job.entity,
        "state": LeaseState.RUNNING if is_running else LeaseState.PENDING,
        "available_at": now,
        "token": job.pk if is_running else None,
        "expires_at": now + timedelta(minutes=2) if is_running else None,
        "worker": "sync-1" if is_running else "",
        "attempt": job.attempt,
    }
    return Lease.objects.create(job=job, **{**defaults, **values})
