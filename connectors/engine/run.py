"""Copies one entity: checks both sides, extracts, normalises, loads, counts. One attempt, in the calling process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module

import dlt

from connectors.destinations import registry as destinations
from connectors.destinations.bookkeeping import Standing
from connectors.engine import build, context, generations
from connectors.engine import destinations as dlt_destinations
from connectors.engine.destinations.common import Loading
from connectors.engine.errors import classify
from connectors.engine.meter import Meter
from connectors.engine.progress import Progress
from connectors.engine.standing import standing_tables
from connectors.failures import Side
from connectors.plan import Reporter, StepName, Stopped, SyncError, SyncPlan, SyncResult, TableCounts
from connectors.providers import registry as providers
from connectors.providers.feed import Feed, Feeds

_SIDE: dict[StepName, Side] = {
    "check_access": "source",
    "extract": "source",
    "normalize": "source",
    "load": "destination",
    "finalize": "destination",
}

# Extracted rows lie in files of the attempt until they are loaded.
LEAST_FREE_BYTES = 256 * 1024 * 1024
# PostgreSQL cuts longer names (NAMEDATALEN); dlt would replace their end by a hash.
LONGEST_NAME = 63

# What a first run would load while it runs, found by comparing `sys.modules` before and after one.
_LOADED_LATE = (
    "dlt.__plugins__",
    "dlt._workspace._plugins",
    "dlt.common.libs.sql_alchemy_compat",
    "dlt.sources.helpers.requests",
    "duckdb",
    "pendulum.locales.en.locale",
    "psycopg2",
)


def warm_up() -> None:
    """Load everything heavy, so that children forked afterwards start in a moment. Opens no connection."""
    for module in _LOADED_LATE:
        import_module(module)
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
        self.extraction = build.Extraction(plan.workdir / "files", reporter, intake=dlt_destinations.intake(plan))
        self.destination = destinations.destination(plan.destination.kind)

    def go(self) -> SyncResult:
        """Do the five steps in order. The source is let go before anything is loaded."""
        with ExitStack() as opened:
            with self._step("check_access"):
                self._check_folder()
                feeds = opened.enter_context(self._opened_source())
                self.reporter.check()
                standing = standing_tables(self.plan, self.destination)
                pipeline = self._pipeline()
                if names := generations.outdated(self.plan.tables, pipeline.state, self.plan.pipeline) & standing.ours:
                    self._read_again(names)
                    feeds = tuple(
                        replace(feed, table=table) for feed, table in zip(feeds, self.plan.tables, strict=True)
                    )
                    pipeline = self._pipeline()
            with self._step("extract"):
                self._extract(pipeline, feeds, standing)
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
        try:
            yield
        except Exception as error:
            found = classify(error, _SIDE[name])
            if isinstance(found, Stopped):
                raise found from None
            found.step = name
            self.reporter.step(name, "failed", found.detail)
            raise found from error
        self.reporter.step(name, "success", self._detail(name))

    def _check_folder(self) -> None:
        folder = self.plan.workdir
        if not folder.is_dir() or any(folder.iterdir()):
            raise SyncError("unknown_error", "The working folder of the attempt is missing or not empty.")
        if len(self.plan.dataset) > LONGEST_NAME:
            raise SyncError("misconfigured", f"The name “{self.plan.dataset}” is too long for a destination's schema.")
        if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
            raise SyncError("destination_full", "The disk that files are staged on is nearly full.")

    def _opened_source(self) -> Feeds:
        """Sign in at the source: what it refuses is told before the destination is asked."""
        provider = providers.source(self.plan.source.kind)
        return provider.open_feeds(self.plan, self.reporter, arrays_as_json=self.destination.ARRAYS_AS_JSON)

    def _pipeline(self) -> dlt.Pipeline:
        context.enter(self.plan.workdir)
        pipeline = dlt.pipeline(
            pipeline_name=self.plan.pipeline,
            pipelines_dir=str(self.plan.workdir / "pipelines"),
            destination=dlt_destinations.build(self.plan, self._loading()),
            dataset_name=self.plan.dataset,
            progress=self.progress,
        )
        # The folder is new each time: cursor and schema come from where the data went.
        pipeline.sync_destination()
        return pipeline

    def _read_again(self, names: frozenset[str]) -> None:
        """Plan to read tables from their beginning whose rows are of an older making."""
        self.plan = replace(self.plan, tables=generations.afresh(self.plan.tables, names))
        told = ", ".join(sorted(names))
        self.reporter.log("info", "check_access", f"All rows are read again, as the settings or types changed: {told}")

    def _loading(self) -> Loading:
        afresh = frozenset(table.name for table in self.plan.tables if table.is_afresh)
        return Loading(self.meter, self.plan.pipeline, afresh, self.extraction.appends)

    def _extract(self, pipeline: dlt.Pipeline, feeds: Sequence[Feed], standing: Standing) -> None:
        self.extraction.folder.mkdir()
        pipeline.extract(build.source(self.plan.pipeline, feeds, self.extraction, standing), workers=1)
        missing = [table.name for table in self.plan.tables if table.name not in self.extraction.rows]
        if missing:
            raise SyncError("unknown_error", f"Nothing was read of: {', '.join(missing)}.")

    def _finalize(self, pipeline: dlt.Pipeline) -> SyncResult:
        if pipeline.has_pending_data:
            raise SyncError("unknown_error", "Data is left over that was not loaded.")
        loaded, _ = self.meter.take()
        counts = tuple(self._counts(table.name, loaded.get(table.name, 0)) for table in self.plan.tables)
        self._verify(counts)
        return SyncResult(counts)

    def _counts(self, table: str, loaded: int) -> TableCounts:
        read = self.extraction
        return TableCounts(table, read.rows[table], loaded, read.bytes[table], is_new=table not in read.unmoved)

    def _verify(self, counts: tuple[TableCounts, ...]) -> None:
        """Compare what was read with what was loaded and, for replaced tables, with what is there now."""
        anew = {name for name, append in self.extraction.appends.items() if append.is_anew}
        afresh = anew | {table.name for table in self.plan.tables if table.is_afresh and table.mode == "merge"}
        replaced = (*(table.name for table in self.plan.tables if table.mode == "replace"), *afresh)
        there = self.destination.count_rows(self.plan.destination, self.plan.dataset, replaced) if replaced else {}
        for count in counts:
            now = there.get(count.name, count.rows_loaded)
            # A source may give a row twice; by its key it is there once.
            is_fewer_right = count.name in afresh and now is not None and now <= count.rows_loaded
            if count.rows_extracted != count.rows_loaded or not (now == count.rows_loaded or is_fewer_right):
                told = f"{count.rows_extracted:,} rows were read, {count.rows_loaded:,} loaded, {now} are there"
                raise SyncError("unknown_error", f"{count.name}: {told}.")
        self._verify_appended()

    def _verify_appended(self) -> None:
        """Ask the destination whether this run was the last to append: rows go in only where nobody was faster."""
        if not (appends := self.extraction.appends):
            return
        marks = self.destination.marks(self.plan.destination, self.plan.dataset, self.plan.pipeline)
        for table, append in appends.items():
            if (mark := marks.get(table)) is None or mark.name != append.mark:
                raise SyncError("unknown_error", f"{table}: another run appended meanwhile; these rows were not added.")

    def _detail(self, name: StepName) -> str:
        """What a step did, in a few words; how long it took is recorded beside it."""
        if name not in {"extract", "load"}:
            return ""
        rows = sum(self.extraction.rows.values())
        return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"
