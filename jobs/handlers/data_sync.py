"""Copies one entity's selected tables to the destination: builds the plan and hands it to the engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

from django.conf import settings

from connectors.engine.run import run_sync
from connectors.models import Entity, Table
from connectors.plan import Mode, Reporter, SyncError, SyncPlan, SyncResult, TablePlan
from connectors.services.connect import destination_of, source_of
from jobs.models import Job, Lease

WORK_FOLDER = "work"


# Says how a selected table is copied, given what its settings say; None leaves it out.
Choice = Callable[[Table, TablePlan], TablePlan | None]


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Copy the job's entity as its tables are set. Raises `SyncError` or `Stopped`."""
    return copy_entity(job, reporter, as_set)


def as_set(_table: Table, planned: TablePlan) -> TablePlan:
    """Copy every selected table as it is set."""
    return planned


def copy_entity(job: Job, reporter: Reporter, choice: Choice) -> SyncResult:
    """Copy the chosen tables of the job's entity. Raises `SyncError` or `Stopped`; the attempt's folder goes anyway."""
    workdir = _fresh_folder(job)
    try:
        plan = make_plan(job, workdir, choice)
        names = ", ".join(table.name for table in plan.tables)
        reporter.log("info", "check_access", f"Attempt {job.attempt}: {len(plan.tables)} tables to copy: {names}")
        return run_sync(plan, reporter)
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def make_plan(job: Job, workdir: Path, choice: Choice = as_set) -> SyncPlan:
    """Return the plan of an attempt, a snapshot of the settings as they are now, and store its tables in the record.

    Raises `SyncError` with `misconfigured` when the job has no entity or nothing is selected.
    """
    entity = job.entity
    if entity is None:
        raise SyncError("misconfigured", "A sync needs an entity.")
    rows = _rows_last_time(entity)
    selected = job.connection.tables.filter(is_selected=True)
    asked = [choice(table, _table_plan(table, rows)) for table in selected]
    tables = tuple(one for one in asked if one is not None)
    if not tables:
        raise SyncError("misconfigured", "No table is selected.")
    Job.objects.filter(pk=job.pk).update(tables=[_recorded(one) for one in tables])
    return SyncPlan(
        source=source_of(job.connection),
        destination=destination_of(job.connection),
        entity_id=entity.pk,
        entity_ref=entity.ref,
        pipeline=pipeline_of(entity),
        dataset=entity.dataset,
        tables=tables,
        workdir=workdir,
    )


def _recorded(planned: TablePlan) -> dict[str, object]:
    """Return what a job's record keeps of a table's settings, so that two runs can be compared."""
    how = {"keys": list(planned.keys), "cursor": planned.cursor}
    return {"name": planned.name, "mode": planned.mode, "estimated": planned.estimated_rows, **how}


def pipeline_of(entity: Entity) -> str:
    """Return the name of an entity's dlt pipeline, which its schema and its staging dataset carry too."""
    return f"pb_{entity.pk.hex}"


def _table_plan(table: Table, rows: dict[str, int]) -> TablePlan:
    return TablePlan(
        name=table.name,
        source_schema=table.source_schema,
        mode=cast("Mode", str(table.mode)),
        keys=tuple(table.keys),
        cursor=table.cursor,
        columns=tuple(table.columns),
        estimated_rows=rows.get(table.name, table.estimated_rows),
    )


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
