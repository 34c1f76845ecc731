"""What our dlt clients have in common: what a load needs to know, and how a table is created, staged and completed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar

from dlt.common.destination.client import FollowupJobRequest, LoadJob, RunnableLoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.job_client_impl import SqlJobClientWithStagingDataset

from connectors.engine import append
from connectors.engine.append import Append
from connectors.engine.meter import Meter
from connectors.engine.resync import AfreshMerge

TYPE_HINT = "x-postgres-type"


@dataclass(frozen=True, slots=True)
class Loading:
    """What the load jobs are told of a run: who counts, which tables are read afresh, and what is appended how.

    `appends` is filled while the source is read, and read when that is over.
    """

    meter: Meter
    pipeline: str
    afresh: frozenset[str]
    appends: Mapping[str, Append]


class CopyClient(SqlJobClientWithStagingDataset):
    """Text files go through `copy_job`, a table that was dropped comes back, and rows are appended once."""

    copy_job: ClassVar[type[RunnableLoadJob]]
    loading: ClassVar[Loading]

    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        name = str(table_chain[0]["name"])
        if name in self.loading.appends:
            return [append.job(self.loading.appends[name]).from_table_chain(table_chain, self.sql_client)]
        if name in self.loading.afresh:
            return [AfreshMerge.from_table_chain(table_chain, self.sql_client)]
        return super()._create_merge_followup_jobs(table_chain)

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
