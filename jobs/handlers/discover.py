"""Asks a source what it offers, entities and tables, and takes up what is new."""

from __future__ import annotations

from connectors.plan import Reporter, SyncResult
from connectors.providers import registry as providers
from connectors.services import connect
from jobs.models import Job
from jobs.text import counted


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Discover the entities and tables of the job's connection and store them. Raises `SyncError` or `Stopped`."""
    connection = job.connection
    access, endpoint = providers.access(connection.provider), connect.source_of(connection)
    reporter.step("check_access", "running")
    access.check(endpoint)
    reporter.step("check_access", "success")
    reporter.check()
    reporter.step("discover", "running")
    entities = access.list_entities(endpoint)
    tables = connect.tables_of_open(access, endpoint, entities)
    reporter.check()
    connect.take_up(connection=connection, entities=entities, tables=tables)
    # Companies are counted and not named: a log may be handed on.
    found = providers.manifest(connection.provider).entities_in_words(len(entities))
    what = f"{found} and {counted(len(tables), 'table')} found"
    reporter.log("info", "discover", f"{what}: {', '.join(table.name for table in tables)}".removesuffix(": "))
    reporter.step("discover", "success", what)
    return SyncResult(())
