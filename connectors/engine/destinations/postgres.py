"""How dlt writes to PostgreSQL: text files through COPY, and columns with the source's own types."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar, cast

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema.typing import TColumnSchema
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper
from dlt.destinations.impl.postgres.postgres import PostgresClient

from connectors import postgres as postgres_link
from connectors.engine.destinations.common import TYPE_HINT, CopyClient, Intake, Loading, header
from connectors.engine.meter import Meter
from connectors.engine.retyping import PostgresDialect
from connectors.plan import SyncPlan

COPY_BLOCK = 256 * 1024
LOAD_WORKERS = 4
INTAKE = Intake()
# A reader of a table holds up its replacement; after this time the load gives up and the job tries again later.
LOCK_TIMEOUT_MS = 60_000


def build(plan: SyncPlan, loading: Loading, **common: Any) -> Postgres:
    """Return dlt's destination for the plan. Raises `SyncError` for settings that cannot be used."""
    return Postgres(loading, credentials=_credentials(plan), **common)


def _credentials(plan: SyncPlan) -> PostgresCredentials:
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


class _ExactTypes(PostgresTypeMapper):
    """Creates a column with the source's own type where the source told it."""

    def to_destination_type(self, column: TColumnSchema, table: PreparedTableSchema) -> str:
        exact = column.get(TYPE_HINT)
        return str(exact) if exact else super().to_destination_type(column, table)


class Copy(RunnableLoadJob, HasFollowupJobs):
    """Sends a text file through COPY, the way it came out of COPY."""

    meter: ClassVar[Meter]

    def run(self) -> None:
        """Copy the file into its table in one transaction."""
        client = cast("PostgresClient", self._job_client).sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        started = time.monotonic()
        with Path(self._file_path).open("rb") as file:
            columns = ", ".join(client.escape_column_name(name) for name in header(file, self._schema))
            statement = f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\\N', ENCODING 'UTF8')"
            with client.begin_transaction(), client.native_connection.cursor() as cursor:
                cursor.copy_expert(statement, file, size=COPY_BLOCK)
                rows = cursor.rowcount
        self.meter.loaded(self.load_table_name, rows, time.monotonic() - started)


class _Client(CopyClient, PostgresClient):
    """Writes to PostgreSQL."""

    dialect = PostgresDialect()


class Postgres(postgres):
    """dlt's Postgres destination with our client. dlt makes clients in threads, from the class it is given."""

    def __init__(self, loading: Loading, **options: Any) -> None:
        copy_job = type("PostgresCopy", (Copy,), {"meter": loading.meter})
        self._client_class = type("PostgresClient", (_Client,), {"copy_job": copy_job, "loading": loading})
        super().__init__(**options)

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.type_mapper = _ExactTypes
        return capabilities

    @property
    def client_class(self) -> type[PostgresClient]:
        """The client that this load writes with."""
        return self._client_class
