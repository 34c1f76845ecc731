"""Copies one entity's selected tables to the destination: builds the plan and hands it to the engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from connectors.engine.run import run_sync
from connectors.models import Connection, Entity, SchemaPolicy, Table
from connectors.plan import SYNC_STEPS, Endpoint, Reporter, SyncError, SyncPlan, SyncResult, TablePlan
from connectors.providers import registry as providers
from connectors.services import facts, uploads
from connectors.services.connect import destination_of, source_of
from connectors.services.table_plans import Waits, in_force, planned, protection_key
from jobs.handlers.schema_watch import PlanAgain, SchemaWatch
from jobs.models import Job, JobType, Lease

WORK_FOLDER = "work"
# A plan that does not fit the source is made anew so often in one attempt.
_PLANS = 4
# So many tables that wait are named in an error.
_TOLD = 3
# A delivery sets a job going at once that waits for files; this is for the case that nobody did.
_LOOK_AGAIN_SECONDS = 24 * 3600.0

# Says how a selected table is copied, given what its settings say; None leaves it out.
Choice = Callable[[Table, TablePlan], TablePlan | None]


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Copy the job's entity as its tables are set. Raises `SyncError` or `Stopped`."""
    return copy_entity(job, reporter, as_set)


def as_set(_table: Table, planned: TablePlan) -> TablePlan:
    """Copy every selected table as it is set."""
    return planned


def copy_entity(job: Job, reporter: Reporter, choice: Choice) -> SyncResult:
    """Copy the chosen tables of the job's entity. Raises `SyncError` or `Stopped`; the attempt's folder goes anyway.

    A source that has changed since the plan was made is planned for again, before anything is read.
    """
    if job.entity is None:
        raise SyncError("misconfigured", "A sync needs an entity.")
    if _is_left_out(job.connection, job.entity):
        return _nothing_to_do(job.entity, reporter)
    watch = SchemaWatch(reporter, job.connection, job.entity)
    for _ in range(_PLANS):
        workdir = _fresh_folder(job)
        try:
            return _copy(job, job.entity, watch, workdir, choice)
        except PlanAgain:
            job.connection.refresh_from_db(fields=["schema_policy", "pending_changes", "schema_read_at"])
        except SyncError as error:
            if error.code != "source_object_missing" or not watch.list_tables():
                raise
            job.connection.refresh_from_db(fields=["schema_policy", "pending_changes", "schema_read_at"])
        finally:
            shutil.rmtree(workdir, ignore_errors=True)
    raise SyncError("schema_changed", "The source changes faster than it can be read.", step="check_access")


def _copy(job: Job, entity: Entity, watch: SchemaWatch, workdir: Path, choice: Choice) -> SyncResult:
    plan, waiting = make_plan(job, workdir, choice)
    watch.expect({table.name: table for table in selected_tables(job.connection, entity)})
    for one in waiting:
        watch.log("warning", "check_access", f"{one.name} is not copied: {one.why}")
    names = ", ".join(table.name for table in plan.tables)
    watch.log("info", "check_access", f"Attempt {job.attempt}: {len(plan.tables)} tables to copy: {names}")
    result = run_sync(plan, watch)
    if facts.is_assisted(job.connection.provider):
        # Before the job ends as a success: one that is lost here loads the same files once more, and no others.
        uploads.record_loaded(job_id=job.pk)
    return result


def make_plan(job: Job, workdir: Path, choice: Choice = as_set) -> tuple[SyncPlan, list[Waits]]:
    """Return the plan of an attempt, a snapshot of the settings as they are now, and the tables that wait.

    The plan's tables are stored in the job's record. Raises `SyncError`: `misconfigured` when the job has no entity or
    nothing is selected, `schema_review_pending` when the policy stops the run or all that is selected waits.
    """
    entity = job.entity
    if entity is None:
        raise SyncError("misconfigured", "A sync needs an entity.")
    connection = job.connection
    _refuse_undecided(connection)
    rows, changes = _rows_last_time(entity), in_force(connection)
    tables: list[TablePlan] = []
    waiting: list[Waits] = []
    for table in selected_tables(connection, entity):
        key = protection_key(connection) if table.protected else ""
        estimated = rows.get(table.name, table.estimated_rows)
        found = planned(table, changes.get(table.pk, ()), key=key, estimated=estimated)
        asked = found if isinstance(found, Waits) else choice(table, found)
        if isinstance(asked, Waits):
            waiting.append(asked)
        elif asked is not None:
            tables.append(asked)
    if not tables:
        raise _nothing_left(waiting)
    source = source_of(connection)
    if facts.is_assisted(connection.provider):
        tables = [_of_file(one) for one in tables]
        source = _with_files(job, entity, source, tables)
    Job.objects.filter(pk=job.pk).update(tables=[_recorded(one) for one in tables])
    plan = SyncPlan(
        source=source,
        destination=destination_of(connection),
        entity_id=entity.pk,
        entity_ref=entity.ref,
        pipeline=pipeline_of(entity),
        dataset=entity.dataset,
        tables=tuple(tables),
        workdir=workdir,
    )
    return plan, waiting


def _of_file(planned: TablePlan) -> TablePlan:
    """Return how a table of uploaded files is read: all of the file, and a re-sync merges where there is a key.

    The last file may hold a part of the rows only, so it takes the place of none that older files brought.
    """
    return replace(planned, cursor="", since="", is_afresh=planned.is_afresh and planned.mode != "merge")


def _with_files(job: Job, entity: Entity, source: Endpoint, tables: Sequence[TablePlan]) -> Endpoint:
    """Return the source with the file of each table. Raises `SyncError` with `awaiting_upload`."""
    names, is_afresh = [one.name for one in tables], job.type == JobType.HISTORICAL_RESYNC
    try:
        claimed = uploads.claim(entity=entity, job_id=job.pk, tables=names, is_afresh=is_afresh)
    except uploads.FilesMissingError as missing:
        raise SyncError("awaiting_upload", str(missing), retry_after=_LOOK_AGAIN_SECONDS) from None
    files = {table: uploads.read_from(upload) for table, upload in claimed.items()}
    return replace(source, config={**source.config, "uploads": files})


def selected_tables(connection: Connection, entity: Entity) -> list[Table]:
    """Return the tables of an entity that are copied, in the order of their names."""
    chosen = connection.tables.filter(is_selected=True)
    if providers.manifest(connection.provider).tables_per_entity:
        chosen = chosen.filter(source_schema__in=("", entity.ref))
    return list(chosen)


def _is_left_out(connection: Connection, entity: Entity) -> bool:
    """Whether tables are chosen, but none of this entity, which has tables of its own."""
    return not selected_tables(connection, entity) and connection.tables.filter(is_selected=True).exists()


def _nothing_to_do(entity: Entity, reporter: Reporter) -> SyncResult:
    reporter.log("info", "check_access", f"No table of {entity.name} is chosen, so there is nothing to copy.")
    for step in SYNC_STEPS:
        reporter.step(step, "skipped")
    return SyncResult(())


def _refuse_undecided(connection: Connection) -> None:
    if connection.schema_policy == SchemaPolicy.STOP and connection.pending_changes:
        count = connection.pending_changes
        told = f"Changes at the source that wait for a review: {count}. Nothing was loaded."
        raise SyncError("schema_review_pending", told, step="check_access")


def _nothing_left(waiting: list[Waits]) -> SyncError:
    if not waiting:
        return SyncError("misconfigured", "No table is selected.")
    told = " ".join(f"{one.name}: {one.why}" for one in waiting[:_TOLD])
    code = "schema_review_pending" if any(one.is_undecided for one in waiting) else "source_object_missing"
    return SyncError(code, f"No selected table can be copied now. {told}", step="check_access")


def _recorded(planned: TablePlan) -> dict[str, object]:
    """Return what a job's record keeps of a table's settings, so that two runs can be compared."""
    how = {"keys": list(planned.keys), "cursor": planned.cursor}
    return {"name": planned.name, "mode": planned.mode, "estimated": planned.estimated_rows, **how}


def pipeline_of(entity: Entity) -> str:
    """Return the name of an entity's dlt pipeline, which its schema and its staging dataset carry too."""
    return f"pb_{entity.pk.hex}"


def _rows_last_time(entity: Entity) -> dict[str, int]:
    last = Job.objects.filter(entity=entity).successes().newest_first().first()
    return {table["name"]: table.get("extracted", 0) for table in last.tables} if last else {}


def _fresh_folder(job: Job) -> Path:
    """Return an empty folder of this attempt, after removing those that attempts of killed workers left behind."""
    root = settings.PATCHBAY_HOME / WORK_FOLDER
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # First the folders, then the leases: a job that starts in between has a folder that is not in our list.
    found = list(root.iterdir())
    others = Lease.objects.running().exclude(pk=job.pk).values_list("pk", flat=True)
    in_use = tuple(f"{other}-" for other in others)
    for left in found:
        if not left.name.startswith(in_use):
            shutil.rmtree(left, ignore_errors=True)
    folder: Path = root / f"{job.pk}-{job.attempt}"
    folder.mkdir(mode=0o700)
    return folder
