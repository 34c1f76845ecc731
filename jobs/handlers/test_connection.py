"""Tests a connection's source: can it be reached, is the sign-in accepted, may every selected table be read.

The job's result is the test's; only a sign-in that is accepted or refused changes facts of the connection.
"""

from __future__ import annotations

from connectors.models import Connection
from connectors.plan import Endpoint, Reporter, StepName, SyncError, SyncResult
from connectors.providers import registry as providers
from connectors.services import review
from connectors.services.connect import source_of
from jobs.models import Job
from jobs.text import counted

_ACCEPTED = "The sign-in is accepted"
# The step that a failure of the sign-in belongs to; any other one happened while signing in. Encryption belongs to the
# line, and whoever learns that a database or an address does not exist has been let in.
_STEP_OF: dict[str, StepName] = {
    "tls_error": "connectivity",
    "misconfigured": "permissions",
    "insufficient_permissions": "permissions",
    "insufficient_scope": "permissions",
    "entity_access_lost": "permissions",
    "source_object_missing": "permissions",
}


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Test the job's connection and record what it says about the sign-in. Raises `SyncError` or `Stopped`."""
    connection = job.connection
    endpoint = source_of(connection)
    try:
        _sign_in(connection, endpoint, reporter)
        _read(connection, endpoint, reporter)
    except SyncError as error:
        if review.record_refused(connection=connection, code=error.code):
            reporter.log("warning", "authentication", "The schedule is held back until the sign-in works again.")
        raise
    if not review.record_accepted(connection=connection):
        reporter.log("warning", "permissions", "Other credentials or settings were stored meanwhile; test those too.")
    return SyncResult(())


def _sign_in(connection: Connection, endpoint: Endpoint, reporter: Reporter) -> None:
    access = providers.access(connection.provider)
    reporter.step("connectivity", "running")
    try:
        found = access.reach(endpoint)
    except SyncError as error:
        error.step = "connectivity"
        reporter.step("connectivity", "failed", error.detail)
        raise
    reporter.step("connectivity", "success", found)
    reporter.log("info", "connectivity", f"{found}.")
    reporter.check()
    reporter.step("authentication", "running")
    try:
        access.check(endpoint)
    except SyncError as error:
        _tell_failure(error, reporter)
        raise
    reporter.step("authentication", "success", _ACCEPTED)
    reporter.log("info", "authentication", f"{_ACCEPTED}.")
    reporter.check()


def _tell_failure(error: SyncError, reporter: Reporter) -> None:
    """Mark the step in which a sign-in failed. The step goes with the error."""
    error.step = _STEP_OF.get(error.code, "authentication")
    if error.step == "connectivity":
        reporter.step("authentication", "skipped")
    if error.step == "permissions":
        reporter.step("authentication", "success", _ACCEPTED)
    reporter.step(error.step, "failed", error.detail)


def _read(connection: Connection, endpoint: Endpoint, reporter: Reporter) -> None:
    """See whether the selected tables can be read, in the first entity that gives access."""
    reporter.step("permissions", "running")
    access = providers.access(connection.provider)
    tables = list(connection.tables.filter(is_selected=True).values_list("source_schema", "name"))
    try:
        refusal: SyncError | None = None
        for ref, name in _entities(connection, access, endpoint):
            reporter.check()
            try:
                access.check_tables(endpoint, ref, tables)
            except SyncError as error:
                if error.code != "entity_access_lost":
                    raise
                reporter.log("warning", "permissions", f"{name} no longer gives access.")
                refusal = error
                continue
            _tell_readable([table for _, table in tables], reporter)
            return
    except SyncError as error:
        refusal = error
    refusal = refusal or SyncError("insufficient_permissions", "These credentials see nothing that could be synced.")
    refusal.step = "permissions"
    reporter.step("permissions", "failed", refusal.detail)
    raise refusal


def _tell_readable(names: list[str], reporter: Reporter) -> None:
    readable = f"{counted(len(names), 'table')} can be read" if names else "No table is chosen yet"
    reporter.log("info", "permissions", f"{readable}: {', '.join(names)}" if names else readable)
    reporter.step("permissions", "success", readable)


def _entities(connection: Connection, access: providers.Access, endpoint: Endpoint) -> list[tuple[str, str]]:
    """Return reference and name of the selected entities; of what the source offers where none is known yet."""
    known = list(connection.entities.selected().order_by("pk").values_list("ref", "name"))
    return known or [(found.ref, found.name) for found in access.list_entities(endpoint)]
