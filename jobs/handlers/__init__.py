"""One module per job type, found by the type's name and loaded on first use in a worker.

A handler is a function `run(job, reporter)` that does the work and returns its counts. It raises `SyncError` with a
code of the registry, or `Stopped`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from connectors.plan import Reporter, SyncResult
from connectors.secrets import Redactor
from jobs.models import Job, JobType

Handler = Callable[[Job, Reporter], SyncResult]

_MODULES = {JobType.DATA_SYNC: "jobs.handlers.data_sync"}


def handler(job_type: str) -> Handler:
    """Return the handler of a job type. Raises `KeyError` when there is none."""
    return cast("Handler", import_module(_MODULES[JobType(job_type)]).run)


def redactor(job: Job) -> Redactor:
    """Return what removes the secrets of a job's connection and destination from text."""
    values = list(job.connection.read_credentials().values())
    if job.connection.destination is not None:
        values += job.connection.destination.read_credentials().values()
    return Redactor(values)
