"""Uploaded files through the engine into a DuckDB file: each set once, by key or whole; a re-sync of the last one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from connectors.engine.run import warm_up
from connectors.models import Entity, Upload, UploadStatus
from connectors.uploads import store
from jobs.models import Job, JobStatus, Trigger
from jobs.runner import run_job
from jobs.services.delivered import sync_delivered
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.enqueue_resync import enqueue_resync
from tests.assisted import STAFF, WAGES, entity_of, make_assisted, upload
from tests.factories import make_destination
from tests.jobs.chain import assert_consistent, started

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm_up()


@pytest.fixture
def entity(settings: Settings, tmp_path: Path) -> Entity:
    """The one entity of a connection whose files land in a DuckDB file."""
    settings.PATCHBAY_HOME = tmp_path
    return entity_of(make_assisted(destination=make_destination(kind="duckdb", config={"file": "lake"})))


def deliver(entity: Entity, staff: list[list[str]], wages: list[list[str]]) -> list[Job]:
    upload(entity, "Employees", staff)
    upload(entity, "Payroll", wages)
    return sync_delivered(connection=entity.connection, entity_ids=[entity.pk], trigger=Trigger.USER)


def ran(job: Job) -> Job:
    run_job(job.pk)
    assert_consistent(job)
    return Job.objects.get(pk=job.pk)


def there(entity: Entity, table: str, settings: Settings) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.PATCHBAY_HOME / "duckdb" / "lake.duckdb"), read_only=True) as lake:
        names = [column[0] for column in lake.execute(f"DESCRIBE {entity.dataset}.{table}").fetchall()]
        kept = ", ".join(f'"{name}"' for name in names if not name.startswith("_dlt"))
        return lake.execute(f"SELECT {kept} FROM {entity.dataset}.{table} ORDER BY 1").fetchall()


def test_each_set_is_loaded_once_by_key_or_whole_and_again_when_asked(entity: Entity, settings: Settings) -> None:
    (job,) = deliver(entity, STAFF, WAGES)

    assert (ran(job).status, ran(job).rows_loaded) == (JobStatus.SUCCESS, 4)
    assert there(entity, "employees", settings) == [(1, "ada@halden.example"), (2, "grace@halden.example")]
    assert [row[0] for row in there(entity, "payroll", settings)] == [1, 2]
    assert set(Upload.objects.values_list("status", "job_id")) == {(UploadStatus.LOADED, job.pk)}
    with pytest.raises(CannotSync, match="waits for files"):
        enqueue_sync(connection=entity.connection, actor=None)

    # By key rows are replaced and added; a table without one holds the last file.
    (second,) = deliver(entity, [STAFF[0], ["2", "hopper@halden.example"], ["3", "=SUM(A1)"]], WAGES[:2])
    assert ran(second).status == JobStatus.SUCCESS
    assert there(entity, "employees", settings) == [
        (1, "ada@halden.example"), (2, "hopper@halden.example"), (3, "=SUM(A1)"),
    ]  # fmt: skip
    assert [row[0] for row in there(entity, "payroll", settings)] == [1]

    # A re-sync reads the last set again, and what older files brought by key stays.
    (again,) = enqueue_resync(connection=entity.connection, actor=None)
    assert ran(again).status == JobStatus.SUCCESS
    assert len(there(entity, "employees", settings)) == 3
    assert Upload.objects.filter(status=UploadStatus.LOADED).count() == 4


def test_file_that_comes_while_a_job_runs_belongs_to_the_next_set(entity: Entity) -> None:
    (job,) = deliver(entity, STAFF, WAGES)
    started(job)

    assert len(deliver(entity, STAFF, WAGES)) == 1

    assert Job.objects.filter(status=JobStatus.PENDING).count() == 1
    assert Upload.objects.filter(status=UploadStatus.CHECKED).count() == 2


def test_job_without_its_files_waits_and_has_not_failed(entity: Entity) -> None:
    (job,) = deliver(entity, STAFF, WAGES)
    Upload.objects.filter(table="payroll").update(status=UploadStatus.REPLACED)

    after = ran(job)

    assert (after.status, after.error_code) == (JobStatus.PENDING, "awaiting_upload")
    assert after.error_detail == "Still missing: payroll."
    assert [one.pk for one in deliver(entity, STAFF, WAGES)] == [job.pk]
    assert ran(job).status == JobStatus.SUCCESS


def test_content_that_is_gone_fails_the_job_with_a_code(entity: Entity) -> None:
    (job,) = deliver(entity, STAFF, WAGES)
    for pk in store.kept():
        store.remove(pk)

    assert (ran(job).status, ran(job).error_code) == (JobStatus.FAILED, "source_object_missing")
