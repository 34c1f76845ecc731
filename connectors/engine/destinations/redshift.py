"""How dlt writes to Redshift: rows by INSERT, since its COPY reads files of Amazon's stores only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import duckdb
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.destinations import redshift
from dlt.destinations.impl.redshift.configuration import RedshiftCredentials
from dlt.destinations.impl.redshift.redshift import RedshiftClient

from connectors.destinations import redshift as settings
from connectors.engine import duck_types
from connectors.engine.destinations.common import CopyClient, Intake, Loading, header
from connectors.engine.meter import Meter
from connectors.plan import SyncPlan

LOAD_WORKERS = 4
INTAKE = Intake(is_fitted=True)
# One statement may have 16 MB; rows of a kilobyte are usual.
ROWS_AT_ONCE = 1_000


def build(plan: SyncPlan, loading: Loading, **common: Any) -> redshift:
    """Return dlt's destination for the plan. Raises `SyncError` for settings that cannot be used."""
    known = settings.connection_words(plan.destination)
    credentials = RedshiftCredentials(
        {
            "drivername": "postgresql",
            "database": known["dbname"],
            "username": known["user"],
            "password": known["password"],
            "host": known["host"],
            "port": known["port"],
            "connect_timeout": known["connect_timeout"],
            "query": {name: str(known[name]) for name in ("hostaddr", "sslmode", "keepalives_idle")},
        }
    )
    return _Redshift(loading, credentials=credentials, **common)


class _Insert(RunnableLoadJob, HasFollowupJobs):
    """Adds the rows of a text file, a thousand at a time, in one transaction."""

    meter: ClassVar[Meter]

    def run(self) -> None:
        """Insert the file's rows."""
        from psycopg2.extras import execute_values  # noqa: PLC0415 - its types are unknown

        client = cast("RedshiftClient", self._job_client).sql_client
        started, path = time.monotonic(), Path(self._file_path)
        with path.open("rb") as file:
            names = header(file, self._schema)
        columns = ", ".join(client.escape_column_name(name) for name in names)
        kinds = [str(self._load_table["columns"][name]["data_type"]) for name in names]
        places = ", ".join("FROM_HEX(%s)" if kind == "binary" else "%s" for kind in kinds)
        table = client.make_qualified_table_name(self.load_table_name)
        statement = f"INSERT INTO {table} ({columns}) VALUES %s"  # noqa: S608 - dlt quotes the names
        rows = 0
        with client.begin_transaction(), client.native_connection.cursor() as cursor:
            for some in _rows(path, names, kinds):
                execute_values(cursor, statement, some, template=f"({places})", page_size=ROWS_AT_ONCE)
                rows += len(some)
        self.meter.loaded(self.load_table_name, rows, time.monotonic() - started)


def _rows(path: Path, names: list[str], kinds: list[str]) -> Iterator[list[Any]]:
    """Read the rows of a text file as texts; of bytes their hexadecimal digits."""
    values = ", ".join(
        f'substr("c{place}", 3)' if kind == "binary" else f'"c{place}"' for place, kind in enumerate(kinds)
    )
    read = duck_types.reader(str(path), [f"c{place}" for place in range(len(names))], path.stat().st_size)
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {values} FROM {read}")  # noqa: S608 - numbers
        while some := found.fetchmany(ROWS_AT_ONCE):
            yield some


class _Client(CopyClient, RedshiftClient):
    """Writes to Redshift."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        # TRUNCATE would end the transaction, and readers would find no rows until the new ones are in.
        self.sql_client._truncate_table_sql = _emptied  # type: ignore[method-assign,assignment]  # noqa: SLF001


def _emptied(table: str) -> str:
    return f"DELETE FROM {table} WHERE 1=1;"  # noqa: S608 - dlt quotes the name


class _Redshift(redshift):
    def __init__(self, loading: Loading, **options: Any) -> None:
        copy_job = type("RedshiftInsert", (_Insert,), {"meter": loading.meter})
        self._client_class = type("Client", (_Client,), {"copy_job": copy_job, "loading": loading})
        super().__init__(**options)

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.supported_loader_file_formats = ["insert_values", "csv"]
        return capabilities

    @property
    def client_class(self) -> type[RedshiftClient]:
        """The client that this load writes with."""
        return self._client_class
