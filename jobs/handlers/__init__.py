"""One module per job type, found by the type's name and loaded on first use in a worker.

A handler is a function `run(job, reporter)` that does the work and returns its counts. It raises `SyncError` with a
code of the registry, or `Stopped`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from connectors.plan import (
    DISCOVER_STEPS,
    PURGE_STEPS,
    SYNC_STEPS,
    TEST_STEPS,
    WRITE_STEPS,
    Reporter,
    StepName,
    SyncResult,
)
from connectors.secrets import Redactor
from jobs.models import Job, JobType

Handler = Callable[[Job, Reporter], SyncResult]

# The module of each type, and the steps that its job goes through.
_TYPES: dict[JobType, tuple[str, tuple[StepName, ...]]] = {
    JobType.DATA_SYNC: ("jobs.handlers.data_sync", SYNC_STEPS),
    JobType.HISTORICAL_RESYNC: ("jobs.handlers.historical_resync", SYNC_STEPS),
    JobType.TEST_CONNECTION: ("jobs.handlers.test_connection", TEST_STEPS),
    JobType.DISCOVER: ("jobs.handlers.discover", DISCOVER_STEPS),
    JobType.PURGE: ("jobs.handlers.purge", PURGE_STEPS),
    JobType.ENROLL_BENEFITS: ("jobs.handlers.write_back", WRITE_STEPS),
}

HANDLED = frozenset(_TYPES)


def handler(job_type: str) -> Handler:
    """Return the handler of a job type. Raises `KeyError` when there is none."""
    return cast("Handler", import_module(_TYPES[JobType(job_type)][0]).run)


def steps_of(job_type: str) -> tuple[StepName, ...]:
    """Return the steps that a job of this type goes through. Raises `KeyError` for a type without a handler."""
    return _TYPES[JobType(job_type)][1]


def redactor(job: Job) -> Redactor:
    """Return what removes the secrets of a job's connection and destination from text."""
    values = list(job.connection.read_credentials().values())
    if job.connection.destination is not None:
        values += job.connection.destination.read_credentials().values()
    return Redactor(values)
