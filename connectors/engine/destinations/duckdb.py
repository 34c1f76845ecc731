"""How dlt writes to a DuckDB file: text files through DuckDB's own CSV reader."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar, cast

from dlt.common.configuration import configspec
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema.typing import TColumnSchema
from dlt.destinations import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool, DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.factory import DuckDbTypeMapper

from connectors.destinations import duckdb as duckdb_files
from connectors.engine import duck_types
from connectors.engine.destinations.common import TYPE_HINT, CopyClient, Intake, Loading, header
from connectors.engine.meter import Meter
from connectors.engine.retyping import DuckDbDialect
from connectors.plan import SyncPlan

# A file has one writer.
LOAD_WORKERS = 1
INTAKE = Intake()


def build(plan: SyncPlan, loading: Loading, **common: Any) -> DuckDb:
    """Return dlt's destination for the plan. Raises `SyncError` for settings that cannot be used."""
    credentials = _Credentials(str(duckdb_files.path_of(plan.destination)))
    return DuckDb(loading, credentials=credentials, **common)


class _Pool(DuckDbConnectionPool):
    """Opens the file once nobody looks into it any more."""

    def borrow_conn(self, *given: Any, **named: Any) -> Any:
        """Return a connection."""
        path = Path(self.credentials._conn_str())  # noqa: SLF001 - dlt's own name for it, and there is no other
        return duckdb_files.when_free(path, lambda: super(_Pool, self).borrow_conn(*given, **named))


@configspec(init=False)
class _Credentials(DuckDbCredentials):
    """A DuckDB file, opened by our pool."""

    def on_resolved(self) -> None:
        """Put the pool in place, also in copies."""
        super().on_resolved()
        self.conn_pool = _Pool(self)


class _ExactTypes(DuckDbTypeMapper):
    """Creates a column with the DuckDB type nearest to the source's own."""

    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        exact = duck_types.created(str(column.get(TYPE_HINT) or ""))
        return exact or super().to_destination_type(column, table)


class Copy(RunnableLoadJob, HasFollowupJobs):
    """Reads a text file with DuckDB's own CSV reader; each column's text is cast to the column's type."""

    meter: ClassVar[Meter]

    def run(self) -> None:
        """Copy the file into its table."""
        client = cast("DuckDbClient", self._job_client).sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        started = time.monotonic()
        path = Path(self._file_path)
        with path.open("rb") as file:
            names = header(file, self._schema)
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


class DuckDbFileClient(CopyClient, DuckDbClient):
    """Writes to a DuckDB file."""

    dialect = DuckDbDialect()


class DuckDb(duckdb):
    """dlt's DuckDB destination with our client and our text files."""

    def __init__(
        self,
        loading: Loading,
        base: type[DuckDbFileClient] = DuckDbFileClient,
        job: type[Copy] = Copy,
        known: Any = None,
        **options: Any,
    ) -> None:
        """Make clients of the class `base` and jobs of the class `job`, which have what else they need: `known`."""
        copy_job = type("DuckDbCopy", (job,), {"meter": loading.meter, "known": known})
        self._client_class = type("DuckDbClient", (base,), {"copy_job": copy_job, "loading": loading, "known": known})
        super().__init__(**options)

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.type_mapper = _ExactTypes
        capabilities.supported_loader_file_formats = ["insert_values", "csv"]
        return capabilities

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that this load writes with."""
        return self._client_class
