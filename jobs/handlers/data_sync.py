"""Copies one entity's selected tables to the destination: builds the plan and hands it to the engine."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from connectors.engine.run import run_sync
from connectors.models import Entity, Table
from connectors.plan import Reporter, SyncError, SyncPlan, SyncResult, TablePlan
from connectors.services.connect import destination_of, source_of
from jobs.models import Job, JobStatus

WORK_FOLDER = "work"


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Copy the job's entity. Raises `SyncError` or `Stopped`; the attempt's folder is removed either way."""
    workdir = _fresh_folder(job)
    try:
        plan = make_plan(job, workdir)
        names = ", ".join(table.name for table in plan.tables)
        reporter.log("info", "check_access", f"Attempt {job.attempt}: {len(plan.tables)} tables to copy: {names}")
        return run_sync(plan, reporter)
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def make_plan(job: Job, workdir: Path) -> SyncPlan:
    """Return the plan of an attempt and store its tables in the job's record.

    Raises `SyncError` with `misconfigured` when the job has no entity or nothing is selected.
    """
    entity = job.entity
    if entity is None:
        raise SyncError("misconfigured", "A sync needs an entity.")
    rows = _rows_last_time(entity)
    tables = tuple(_table_plan(table, rows) for table in job.connection.tables.filter(is_selected=True))
    if not tables:
        raise SyncError("misconfigured", "No table is selected.")
    Job.objects.filter(pk=job.pk).update(
        tables=[{"name": one.name, "mode": one.mode, "estimated": one.estimated_rows} for one in tables]
    )
    return SyncPlan(
        source=source_of(job.connection),
        destination=destination_of(job.connection),
        entity_id=entity.pk,
        entity_ref=entity.ref,
        pipeline=f"pb_{entity.pk.hex}",
        dataset=entity.dataset,
        tables=tables,
        workdir=workdir,
    )


def _table_plan(table: Table, rows: dict[str, int]) -> TablePlan:
    return TablePlan(
        name=table.name,
        source_schema=table.source_schema,
        mode="merge" if table.mode == "merge" else "replace",
        keys=tuple(table.keys),
        cursor=table.cursor,
        columns=tuple(table.columns),
        estimated_rows=rows.get(table.name, table.estimated_rows),
    )


def _rows_last_time(entity: Entity) -> dict[str, int]:
    last = Job.objects.filter(entity=entity, status=JobStatus.SUCCESS).newest_first().first()
    return {table["name"]: table.get("extracted", 0) for table in last.tables} if last else {}


def _fresh_folder(job: Job) -> Path:
    """Return an empty folder of this attempt; those of the job's earlier attempts, whose workers are gone, go."""
    root = settings.PATCHBAY_HOME / WORK_FOLDER
    for left in root.glob(f"{job.pk}-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder: Path = root / f"{job.pk}-{job.attempt}"
    folder.mkdir(mode=0o700, parents=True)
    return folder
