"""What our dlt clients have in common: what a load needs to know, and how a table is created, staged and completed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar

from dlt.common.destination.client import FollowupJobRequest, LoadJob, RunnableLoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.job_client_impl import SqlJobClientWithStagingDataset

from connectors.engine import append, retyping
from connectors.engine.append import Append
from connectors.engine.meter import Meter
from connectors.engine.resync import AfreshMerge, StagedReplacement

TYPE_HINT = "x-postgres-type"


@dataclass(frozen=True, slots=True)
class Intake:
    """In which form rows go in: as Parquet files instead of our text, with types fitted to cloud warehouses."""

    is_fitted: bool = False
    is_parquet: bool = False


@dataclass(frozen=True, slots=True)
class Loading:
    """What the load jobs are told of a run: who counts, which tables are read afresh, and what is appended how.

    `appends` is filled while the source is read, and read when that is over.
    """

    meter: Meter
    pipeline: str
    afresh: frozenset[str]
    appends: Mapping[str, Append]
    # Statements that give an emptied table the types of its source, by table: found before, used after loading.
    retypes: dict[str, list[str]] = field(default_factory=dict)


class CopyClient(SqlJobClientWithStagingDataset):
    """Text files go through `copy_job`, a table that was dropped comes back, and rows are appended once."""

    copy_job: ClassVar[type[RunnableLoadJob]]
    loading: ClassVar[Loading]
    # How types are told there; None where a table has no columns that could be changed.
    dialect: ClassVar[retyping.Dialect | None] = None

    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        name = str(table_chain[0]["name"])
        if name in self.loading.appends:
            adding = append.job(self.loading.appends[name], self.loading.retypes.get(name, ()))
            return [adding.from_table_chain(table_chain, self.sql_client)]
        if name in self.loading.afresh:
            replacing = AfreshMerge.retyping(self.loading.retypes.get(name, ()))
            return [replacing.from_table_chain(table_chain, self.sql_client)]
        return super()._create_merge_followup_jobs(table_chain)

    def _create_replace_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        statements = self.loading.retypes.get(str(table_chain[0]["name"]))
        if not statements:
            return super()._create_replace_followup_jobs(table_chain)
        return [StagedReplacement.retyping(statements).from_table_chain(table_chain, self.sql_client)]

    def _fit_types(self, dialect: retyping.Dialect, tables: Iterable[str]) -> None:
        """Make what was staged under another type anew, and columns wider whose rows stay."""
        for name in tables:
            if name.startswith("_dlt_") or name not in self.schema.tables:
                continue
            table = self.prepare_load_table(name)
            wanted = retyping.wanted_types(table, self.type_mapper.to_destination_type)
            changes = retyping.changed(self.sql_client, dialect, name, wanted)
            if not changes:
                continue
            if self.in_staging_dataset_mode:
                self.sql_client.drop_tables(name)
            elif self._is_emptied(table):
                self.loading.retypes[name] = retyping.emptied(self.sql_client, dialect, name, changes)
            else:
                self.sql_client.execute_many(retyping.widened(self.sql_client, name, changes))

    def _is_emptied(self, table: PreparedTableSchema) -> bool:
        """Whether all rows of a table go before new ones come."""
        name = str(table["name"])
        if name in self.loading.appends:
            return self.loading.appends[name].is_anew
        return table["write_disposition"] == "replace" or name in self.loading.afresh

    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,  # noqa: FBT001, FBT002 - dlt's
    ) -> LoadJob:
        """Load a text file with `copy_job`, whatever else dlt makes with its own."""
        if file_path.endswith(".csv"):
            return self.copy_job(file_path)
        return super().create_load_job(table, file_path, load_id, restore)

    def update_stored_schema(
        self,
        only_tables: Any = None,
        expected_update: Any = None,
        force: bool = True,  # noqa: FBT001, FBT002 - dlt's
    ) -> TSchemaTables | None:
        """Compare with the tables that are there each time; dlt by itself believes its own record of them."""
        del force
        if self.dialect is not None:
            self._fit_types(self.dialect, only_tables or ())
        updated = super().update_stored_schema(only_tables, expected_update, force=True)
        if self.loading.appends and not self.in_staging_dataset_mode:
            append.announce(self.sql_client, self.loading.pipeline, self.loading.appends)
        return updated


def header(file: IO[bytes], schema: Schema) -> list[str]:
    """Read the first line of a text file and return its columns' names as the table has them.

    A name may hold a line break, and dlt writes another character for that and for quotes.
    """
    line = file.readline()
    while line.count(b'"') % 2:
        line += file.readline()
    return [schema.naming.normalize_identifier(name) for name in next(csv.reader([line.decode()]))]
