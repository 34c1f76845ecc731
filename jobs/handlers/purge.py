"""Removes what was loaded of an entity from the destination, and with it the place up to which it was read."""

from __future__ import annotations

from connectors.destinations import registry as destinations
from connectors.plan import Reporter, SyncError, SyncResult
from connectors.services.connect import destination_of
from connectors.services.review import record_purged
from jobs.handlers.data_sync import pipeline_of
from jobs.models import Job
from jobs.text import counted


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Drop the tables of the job's entity; those that others made stay. Raises `SyncError` or `Stopped`.

    The next sync of the entity begins from nothing, since dlt keeps its state beside the tables.
    """
    entity = job.entity
    if entity is None:
        raise SyncError("misconfigured", "A purge needs an entity.")
    endpoint = destination_of(job.connection)
    destination = destinations.destination(endpoint.kind)
    reporter.step("check_access", "running")
    destination.check(endpoint)
    reporter.step("check_access", "success")
    reporter.check()
    reporter.step("purge", "running")
    dropped = destination.drop_loaded(endpoint, entity.dataset, pipeline_of(entity))
    record_purged(entity=entity)
    for table in dropped:
        reporter.log("info", "purge", f"{entity.dataset}.{table} is removed.")
    reporter.step("purge", "success", f"{counted(len(dropped), 'table')} removed" if dropped else "Nothing was there")
    return SyncResult(())
