"""Copies one entity: checks both sides, extracts, normalises, loads, counts. One attempt, in the calling process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import dlt

from connectors.destinations import registry as destinations
from connectors.engine import build, context
from connectors.engine import destinations as dlt_destinations
from connectors.engine.errors import classify
from connectors.engine.meter import Meter
from connectors.engine.progress import Progress
from connectors.failures import Side
from connectors.plan import Reporter, StepName, Stopped, SyncError, SyncPlan, SyncResult, TableCounts
from connectors.providers import registry as providers

_SIDE: dict[StepName, Side] = {
    "check_access": "source",
    "extract": "source",
    "normalize": "source",
    "load": "destination",
    "finalize": "destination",
}


def warm_up() -> None:
    """Load everything heavy, so that children forked afterwards start in a moment. Opens no connection."""
    import duckdb  # noqa: F401 - heavy; loaded here so that it is loaded before the fork
    import psycopg2  # noqa: F401

    for kind in providers.kinds():
        providers.access(kind)
        providers.source(kind)
    for kind in destinations.kinds():
        destinations.destination(kind)


def run_sync(plan: SyncPlan, reporter: Reporter) -> SyncResult:
    """Copy the plan's tables from source to destination and return the counts.

    Raises `SyncError` with the step it happened in, or `Stopped`. Each table at the destination holds its complete
    old or its complete new rows at any moment, also when this process is killed. `plan.workdir` must be empty.
    """
    return _Run(plan, reporter).go()


class _Run:
    """One attempt."""

    def __init__(self, plan: SyncPlan, reporter: Reporter) -> None:
        self.plan = plan
        self.reporter = reporter
        self.meter = Meter()
        self.progress = Progress(reporter, self.meter)
        self.extracted = build.Extracted()
        self.destination = destinations.destination(plan.destination.kind)

    def go(self) -> SyncResult:
        """Do the five steps in order."""
        with self._step("check_access"):
            self._check_access()
        with self._step("extract"):
            pipeline = self._pipeline()
            self._extract(pipeline)
        with self._step("normalize"):
            pipeline.normalize(workers=1)
        with self._step("load"):
            pipeline.load(workers=dlt_destinations.load_workers(self.plan))
            self.progress.tell()
        with self._step("finalize"):
            return self._finalize(pipeline)

    @contextmanager
    def _step(self, name: StepName) -> Iterator[None]:
        self.reporter.step(name, "running")
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            found = classify(error, _SIDE[name])
            if isinstance(found, Stopped):
                raise found from None
            found.step = name
            self.reporter.step(name, "failed", found.detail)
            raise found from error
        self.reporter.step(name, "success", self._detail(name, time.monotonic() - started))

    def _check_access(self) -> None:
        folder = self.plan.workdir
        if not folder.is_dir() or any(folder.iterdir()):
            raise SyncError("unknown_error", "The working folder of the attempt is missing or not empty.")
        providers.access(self.plan.source.kind).check(self.plan.source, self.plan.entity_ref)
        self.reporter.check()
        self.destination.check(self.plan.destination)

    def _pipeline(self) -> dlt.Pipeline:
        context.enter(self.plan.workdir)
        pipeline = dlt.pipeline(
            pipeline_name=self.plan.pipeline,
            pipelines_dir=str(self.plan.workdir / "pipelines"),
            destination=dlt_destinations.build(self.plan, self.meter),
            dataset_name=self.plan.dataset,
            progress=self.progress,
        )
        # The folder is new each time: cursor and schema come from where the data went.
        pipeline.sync_destination()
        return pipeline

    def _extract(self, pipeline: dlt.Pipeline) -> None:
        folder = self.plan.workdir / "files"
        folder.mkdir()
        provider = providers.source(self.plan.source.kind)
        opened = provider.open_feeds(self.plan, self.reporter, arrays_as_json=self.destination.ARRAYS_AS_JSON)
        with opened as feeds:
            pipeline.extract(build.source(self.plan.pipeline, feeds, folder, self.reporter, self.extracted), workers=1)
        missing = [table.name for table in self.plan.tables if table.name not in self.extracted.rows]
        if missing:
            raise SyncError("unknown_error", f"Nothing was read of: {', '.join(missing)}.")

    def _finalize(self, pipeline: dlt.Pipeline) -> SyncResult:
        if pipeline.has_pending_data:
            raise SyncError("unknown_error", "Data is left over that was not loaded.")
        self.destination.forget_old_loads(self.plan.destination, self.plan.dataset, self.plan.pipeline)
        loaded, _ = self.meter.take()
        counts = tuple(self._counts(table.name, loaded.get(table.name, 0)) for table in self.plan.tables)
        short = [count.name for count in counts if count.rows_loaded != count.rows_extracted]
        if short:
            raise SyncError("unknown_error", f"The destination took other row counts than were read: {', '.join(short)}.")
        return SyncResult(counts)

    def _counts(self, table: str, loaded: int) -> TableCounts:
        return TableCounts(table, self.extracted.rows[table], loaded, self.extracted.bytes[table])

    def _detail(self, name: StepName, seconds: float) -> str:
        rows = sum(self.extracted.rows.values())
        told = f"{rows:,} rows, " if name in {"extract", "load"} else ""
        return f"{told}{seconds:.2f} s"
