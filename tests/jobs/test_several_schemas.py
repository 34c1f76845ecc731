"""One connection to several schemas: each is an entity that copies its own tables, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from pytest_django import Settings

from connectors.services import connect
from jobs.models import Job, JobStatus, StepStatus
from jobs.runner import run_job
from jobs.services.enqueue import enqueue_sync
from tests.factories import make_destination, make_ready_connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_schema_syncs_its_own_tables(settings: Settings, tmp_path: Path) -> None:
    settings.PATCHBAY_HOME, settings.PATCHBAY_FILE_FOLDERS = tmp_path, [str(tmp_path)]
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.execute("""
            CREATE TABLE orders AS SELECT 1 AS id UNION ALL SELECT 2;
            CREATE SCHEMA hr;
            CREATE TABLE hr.orders AS SELECT unnest([7, 8, 9]) AS id;
            CREATE TABLE hr.people AS SELECT 'Ada' AS name;
            CREATE SCHEMA audit;
            CREATE TABLE audit.lines AS SELECT 1 AS id
        """)
    connection = make_ready_connection(
        provider="duckdb_file",
        config={"file": "shop.duckdb", "schema": "*"},
        destination=make_destination(kind="duckdb", config={"file": "lake"}),
        dataset="shop",
    )
    connection.tables.all().delete()

    connect.check_and_discover(connection=connection)
    connection.tables.filter(source_schema="audit").update(is_selected=False)
    jobs = enqueue_sync(connection=connection, actor=None)
    for job in jobs:
        run_job(job.pk)

    assert list(connection.entities.order_by("ref").values_list("ref", "dataset")) == [
        ("audit", "shop__audit"),
        ("hr", "shop__hr"),
        ("main", "shop__main"),
    ]
    assert list(connection.tables.order_by("source_schema", "name").values_list("source_schema", "name")) == [
        ("audit", "lines"),
        ("hr", "orders"),
        ("hr", "people"),
        ("main", "orders"),
    ]
    assert {job.status for job in Job.objects.filter(pk__in=[job.pk for job in jobs])} == {JobStatus.SUCCESS}
    with duckdb.connect(str(tmp_path / "duckdb" / "lake.duckdb"), read_only=True) as lake:
        found = lake.execute("""
            SELECT schema_name, table_name, estimated_size FROM duckdb_tables()
            WHERE NOT starts_with(table_name, '_dlt') AND NOT ends_with(schema_name, '_staging') ORDER BY ALL
        """).fetchall()
    assert [row for row in found if row[0].startswith("shop__")] == [
        ("shop__hr", "orders", 3),
        ("shop__hr", "people", 1),
        ("shop__main", "orders", 2),
    ]
    left_out = next(job for job in jobs if job.entity and job.entity.ref == "audit")
    assert {step.status for step in left_out.steps.all()} == {StepStatus.SKIPPED}
