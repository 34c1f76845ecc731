"""Looks in each run whether the source is still what was agreed on, before anything is read.

The run's own source tells the columns of its tables, in the same snapshot that is read. All tables are listed at most
every quarter of an hour, and whenever a table or column turns out to be different or gone: then the run plans anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from connectors.models import Connection, Entity, SchemaPolicy, Table
from connectors.plan import FoundTable, LogLevel, Reporter, StepName, StepStatus, SyncError
from connectors.providers import registry as providers
from connectors.services.connect import source_of
from connectors.services.observe import Look, observe_columns, observe_tables

LIST_EVERY = timedelta(minutes=15)


class PlanAgain(SyncError):  # noqa: N818 - nothing failed: the plan is made anew
    """The source is not what the plan was made for. What differs is stored."""

    def __init__(self) -> None:
        super().__init__("schema_changed", "The source has changed since the plan was made.", step="check_access")


class SchemaWatch:
    """A reporter around a run's own one. Compares what the source tells with what is stored."""

    def __init__(self, reporter: Reporter, connection: Connection, entity: Entity) -> None:
        self._reporter, self._connection, self._entity = reporter, connection, entity
        self._tables: dict[str, Table] = {}
        self._compared: set[str] = set()
        self._is_listed = self._is_reading = False

    def expect(self, tables: Mapping[str, Table]) -> None:
        """Set the tables, by name, that the next plan copies."""
        self._tables = dict(tables)

    def list_tables(self) -> bool:
        """List all tables once in this run, and return whether that changed anything that is planned.

        A source that cannot be asked now says so to the run itself.
        """
        if self._is_listed:
            return False
        self._is_listed = True
        found: list[FoundTable] = []
        scope: set[str] = set()
        for ref in self._refs():
            try:
                found += self._listed(ref)
                scope.add(ref)
            except SyncError as error:
                self.log("warning", "check_access", f"The tables could not be listed: {error.detail or error.code}")
                if ref == self._entity.ref:
                    return False
        look = observe_tables(connection=self._connection, found=found, scope=scope)
        self._tell(look)
        return bool(look.waiting or look.accepted)

    def _listed(self, ref: str) -> list[FoundTable]:
        return providers.access(self._connection.provider).list_tables(source_of(self._connection), ref)

    def _refs(self) -> list[str]:
        """Return whose tables are listed: where each entity has its own, those of all, as one look counts for all."""
        if not providers.manifest(self._connection.provider).tables_per_entity:
            return [self._entity.ref]
        return list(self._connection.entities.selected().order_by("pk").values_list("ref", flat=True))

    def columns(self, table: str, found: Mapping[str, str]) -> None:
        """Pass on a table's columns. Raises `PlanAgain` where something differs from what the plan was made for.

        An API may tell of a field only while it is read: then the run goes on without it, unless it is to stop.
        """
        self._reporter.columns(table, found)
        if not self._is_reading and self._is_due() and self.list_tables():
            raise PlanAgain
        stored = self._tables.get(table)
        if stored is None or dict(map(tuple, stored.found)) == dict(found):
            return
        look = observe_columns(table=stored, columns=found)
        stored.found = [list(pair) for pair in found.items()]
        self._tell(look)
        if (look.waiting or look.accepted) and table not in self._compared:
            self._plan_again(table)

    def _plan_again(self, table: str) -> None:
        """Have the plan made anew, at most once for a table. Raises `PlanAgain`."""
        if self._is_reading and self._connection.schema_policy != SchemaPolicy.STOP:
            return
        self._compared.add(table)
        if not self._is_reading:
            self.list_tables()
        raise PlanAgain

    def _is_due(self) -> bool:
        read_at = self._connection.schema_read_at
        return read_at is None or timezone.now() - read_at > LIST_EVERY

    def _tell(self, look: Look) -> None:
        if look.waiting:
            waits = self._connection.schema_policy in {SchemaPolicy.REVIEW, SchemaPolicy.ACCEPT_COLUMNS}
            then = "They wait for a review; the rest is copied." if waits else "The run stops until they are decided."
            self.log(
                "warning", "check_access", f"Changes at the source that nobody has agreed to: {look.waiting}. {then}"
            )
        if look.accepted:
            self.log("info", "check_access", f"Changes at the source that the policy accepts: {look.accepted}.")

    def step(self, name: StepName, status: StepStatus, detail: str = "") -> None:
        """Pass on a step; one that failed only because the plan is made anew goes on."""
        if status == "failed" and detail == PlanAgain().detail:
            return
        self._is_reading = name == "extract" and status == "running"
        self._reporter.step(name, status, detail)

    def rows(self, table: str, *, extracted: int | None = None, loaded: int | None = None) -> None:
        """Pass on."""
        self._reporter.rows(table, extracted=extracted, loaded=loaded)

    def log(self, level: LogLevel, step: str, message: str) -> None:
        """Pass on."""
        self._reporter.log(level, step, message)

    def check(self) -> None:
        """Pass on."""
        self._reporter.check()
