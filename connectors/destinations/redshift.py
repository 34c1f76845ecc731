"""Amazon Redshift as a destination. Untested: nobody has run it against a real one yet."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from connectors import postgres
from connectors.destinations.warehouses import Warehouse, driver
from connectors.failures import postgres_failure
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

DEFAULT_PORT = 5439
PROBE_SECONDS = 8
MANIFEST = DestinationManifest(
    kind="redshift",
    is_heavy=True,
    name="Amazon Redshift",
    tile="Rs",
    tile_hue=6,
    summary="A warehouse of Amazon's; rows go in by INSERT, which is slow for large tables.",
    is_untested=True,
    fields=(
        Field("host", "Host", "The endpoint of the cluster or workgroup, without port and database.", type="host"),
        Field("port", "Port", type="number", default=str(DEFAULT_PORT), minimum=1, maximum=65_535),
        Field("database", "Database", "Each connection gets a schema of its own in it."),
        Field("user", "User", "Needs the right to create schemas in this database."),
        Field("password", "Password", type="password", is_secret=True),
        Field("sslmode", "Encryption", type="choice", default="require", choices=postgres.SSL_MODES),
    ),
)
ARRAYS_AS_JSON = True


def place_of(config: Mapping[str, Any]) -> str:
    """Return server and database."""
    return f"{config.get('host', '')}:{config.get('port', DEFAULT_PORT)}/{config.get('database', '')}"


def connection_words(endpoint: Endpoint) -> dict[str, Any]:
    """Return what the driver takes, with the host resolved and checked. Raises `SyncError`."""
    known = postgres.parameters(Endpoint("redshift", {"port": DEFAULT_PORT, **endpoint.config}, endpoint.secrets))
    return {name: value for name, value in known.items() if name not in {"tcp_user_timeout", "application_name"}}


def connect(endpoint: Endpoint, seconds: int | None = None) -> Any:
    """Open a connection. Raises the driver's errors, and `SyncError`."""
    opened = driver("psycopg2", "Redshift", "redshift").connect(**connection_words(endpoint))
    opened.autocommit = True
    if seconds is not None:
        with opened.cursor() as cursor:
            cursor.execute(f"SET statement_timeout TO {seconds * 1000}")
    return opened


def _failure(error: Exception) -> SyncError:
    return postgres_failure(error, "destination")


_warehouse = Warehouse(connect, _failure)
check, look, marks, count_rows = _warehouse.check, _warehouse.look, _warehouse.marks, _warehouse.count_rows
drop_loaded, list_loaded, preview = _warehouse.drop_loaded, _warehouse.list_loaded, _warehouse.preview


def probe(endpoint: Endpoint) -> Generator[str]:
    """Open a line, sign in, and look whether schemas may be created. Raises `SyncError`."""
    yield postgres.reach(
        Endpoint("redshift", {"port": DEFAULT_PORT, **endpoint.config}, endpoint.secrets),
        "destination",
        seconds=PROBE_SECONDS,
    )
    try:
        opened = connect(endpoint, PROBE_SECONDS)
    except SyncError:
        raise
    except Exception as error:  # noqa: BLE001 - the driver's own
        raise _failure(error) from None
    try:
        yield f"Signed in as {endpoint.config.get('user', '')}"
        with opened.cursor() as cursor:
            cursor.execute("SELECT has_database_privilege(current_database(), 'CREATE')")
            if not cursor.fetchall()[0][0]:
                raise SyncError("destination_permission_denied", "The user may not create schemas in this database.")
    finally:
        opened.close()
    yield f"May create schemas in the database {endpoint.config.get('database', '')}"
