"""dlt's destinations, as Patchbay loads them: one copy job per destination for our text files, and exact types.

dlt's own CSV job reads a quoted empty string as NULL (`FORCE_NULL`), DuckDB has none, and neither type mapper knows
uuid, arrays or a numeric without bounds. Everything around the copy (staging, replacing, merging) is dlt's.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, cast

from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.destination.client import FollowupJobRequest, HasFollowupJobs, LoadJob, RunnableLoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema, TSchemaTables
from dlt.destinations import duckdb, postgres
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.factory import DuckDbTypeMapper
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.job_client_impl import SqlJobClientBase

from connectors import postgres as postgres_link
from connectors.destinations import bookkeeping, registry
from connectors.destinations import duckdb as duckdb_files
from connectors.engine import duck_types
from connectors.engine.meter import Meter
from connectors.engine.resync import AfreshMerge
from connectors.plan import SyncPlan

TYPE_HINT = "x-postgres-type"
# Source names are kept as they are, wherever the destination allows.
NAMING = "direct"
COPY_BLOCK = 256 * 1024
LOAD_WORKERS = 4
# A reader of a table holds up its replacement; after this time the load gives up and the job tries again later.
LOCK_TIMEOUT_MS = 60_000


def build(plan: SyncPlan, meter: Meter) -> Destination[Any, Any]:
    """Return dlt's destination for the plan. Raises `SyncError` for settings that cannot be used."""
    common = {
        "naming_convention": NAMING,
        "replace_strategy": "insert-from-staging",
        "staging_dataset_name_layout": bookkeeping.staging_of(plan.pipeline),
        "destination_name": plan.destination.kind,
    }
    afresh = frozenset(table.name for table in plan.tables if table.is_afresh)
    if plan.destination.kind == "duckdb":
        credentials = DuckDbCredentials(str(duckdb_files.path_of(plan.destination)))
        return _DuckDb(meter, afresh, credentials=credentials, **common)
    return _Postgres(meter, afresh, credentials=_postgres_credentials(plan), **common)


def load_workers(plan: SyncPlan) -> int:
    """Return how many load jobs may run at once: one where the destination has one writer, else four."""
    return 1 if registry.is_exclusive(plan.destination.kind) else LOAD_WORKERS


def _postgres_credentials(plan: SyncPlan) -> PostgresCredentials:
    found = postgres_link.parameters(plan.destination)
    passed_on = ("hostaddr", "sslmode", "application_name", "tcp_user_timeout", "keepalives_idle")
    return PostgresCredentials(
        {
            "drivername": "postgresql",
            "database": found["dbname"],
            "username": found["user"],
            "password": found["password"],
            "host": found["host"],
            "port": found["port"],
            "connect_timeout": found["connect_timeout"],
            "query": {
                **{name: str(found[name]) for name in passed_on},
                # Without a space: dlt would write it as “+” into an address, where libpq does not read one back.
                "options": f"-clock_timeout={LOCK_TIMEOUT_MS}",
            },
        }
    )


class _ExactPostgresTypes(PostgresTypeMapper):
    """Creates a column with the source's own type where the source told it."""

    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        exact = column.get(TYPE_HINT)
        return str(exact) if exact else super().to_destination_type(column, table)


class _ExactDuckDbTypes(DuckDbTypeMapper):
    """Creates a column with the DuckDB type nearest to the source's own."""

    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        exact = duck_types.created(str(column.get(TYPE_HINT) or ""))
        return exact or super().to_destination_type(column, table)


class _PostgresCopy(RunnableLoadJob, HasFollowupJobs):
    """Sends a text file through COPY, the way it came out of COPY."""

    meter: ClassVar[Meter]

    def run(self) -> None:
        """Copy the file into its table in one transaction."""
        client = cast("PostgresClient", self._job_client).sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        started = time.monotonic()
        with Path(self._file_path).open("rb") as file:
            columns = ", ".join(client.escape_column_name(name) for name in _header(file, self._schema))
            statement = f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\\N', ENCODING 'UTF8')"
            with client.begin_transaction(), client.native_connection.cursor() as cursor:
                cursor.copy_expert(statement, file, size=COPY_BLOCK)
                rows = cursor.rowcount
        self.meter.loaded(self.load_table_name, rows, time.monotonic() - started)


class _DuckDbCopy(RunnableLoadJob, HasFollowupJobs):
    """Reads a text file with DuckDB's own CSV reader; each column's text is cast to the column's type."""

    meter: ClassVar[Meter]

    def run(self) -> None:
        """Copy the file into its table."""
        client = cast("DuckDbClient", self._job_client).sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        started = time.monotonic()
        path = Path(self._file_path)
        with path.open("rb") as file:
            names = _header(file, self._schema)
        hints = self._load_table["columns"]
        columns = ", ".join(client.escape_column_name(name) for name in names)
        values = ", ".join(
            duck_types.reading(client.escape_column_name(name), str(hints[name]["data_type"])) for name in names
        )
        read = duck_types.reader(str(path), names, path.stat().st_size)
        statement = f"INSERT INTO {table} ({columns}) SELECT {values} FROM {read}"  # noqa: S608 - names are quoted
        with client.execute_query(statement) as cursor:
            inserted = cursor.fetchone()
        self.meter.loaded(self.load_table_name, int(inserted[0]) if inserted else 0, time.monotonic() - started)


class _CopyClient(SqlJobClientBase):
    """What our clients have in common: text files go through `copy_job`, and a table that was dropped comes back."""

    copy_job: ClassVar[type[RunnableLoadJob]]
    afresh: ClassVar[frozenset[str]]

    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        if table_chain[0]["name"] in self.afresh:
            return [AfreshMerge.from_table_chain(table_chain, self.sql_client)]
        return super()._create_merge_followup_jobs(table_chain)

    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,  # noqa: FBT001, FBT002 - dlt's
    ) -> LoadJob:
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
        return super().update_stored_schema(only_tables, expected_update, force=True)


class _PostgresClient(_CopyClient, PostgresClient):
    """Writes to PostgreSQL."""


class _DuckDbClient(_CopyClient, DuckDbClient):
    """Writes to a DuckDB file."""


class _Postgres(postgres):
    """dlt's Postgres destination with our client. dlt makes clients in threads, from the class it is given."""

    def __init__(self, meter: Meter, afresh: frozenset[str], **options: Any) -> None:
        copy_job = type("PostgresCopy", (_PostgresCopy,), {"meter": meter})
        self._client_class = type("PostgresClient", (_PostgresClient,), {"copy_job": copy_job, "afresh": afresh})
        super().__init__(**options)

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.type_mapper = _ExactPostgresTypes
        return capabilities

    @property
    def client_class(self) -> type[PostgresClient]:
        return self._client_class


class _DuckDb(duckdb):
    """dlt's DuckDB destination with our client and our text files."""

    def __init__(self, meter: Meter, afresh: frozenset[str], **options: Any) -> None:
        copy_job = type("DuckDbCopy", (_DuckDbCopy,), {"meter": meter})
        self._client_class = type("DuckDbClient", (_DuckDbClient,), {"copy_job": copy_job, "afresh": afresh})
        super().__init__(**options)

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.type_mapper = _ExactDuckDbTypes
        capabilities.supported_loader_file_formats = ["insert_values", "csv"]
        return capabilities

    @property
    def client_class(self) -> type[DuckDbClient]:
        return self._client_class


def _header(file: IO[bytes], schema: Schema) -> list[str]:
    """Read the first line of a text file and return its columns' names as the table has them.

    A name may hold a line break, and dlt writes another character for that and for quotes.
    """
    line = file.readline()
    while line.count(b'"') % 2:
        line += file.readline()
    return [schema.naming.normalize_identifier(name) for name in next(csv.reader([line.decode()]))]
