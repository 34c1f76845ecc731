"""Snowflake as a destination. Untested: nobody has run it against a real one yet."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from connectors.destinations.warehouses import Warehouse, driver
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

PROBE_SECONDS = 10
_DENIED = ("incorrect username", "not authorized", "insufficient privileges", "jwt token is invalid", "access control")
MANIFEST = DestinationManifest(
    kind="snowflake",
    is_heavy=True,
    name="Snowflake",
    tile="Sn",
    tile_hue=2,
    summary="A warehouse in the cloud; rows go in as Parquet files over its internal stage.",
    needs="snowflake",
    is_untested=True,
    fields=(
        Field(
            "account", "Account", "As in the address before “.snowflakecomputing.com”, such as kgiotue-wn98412.",
            pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{1,200}",
            pattern_error="An account has letters, digits, “.”, “-” and “_” only.",
        ),
        Field("database", "Database", "Must be there already; each connection gets a schema of its own in it."),
        Field("warehouse", "Warehouse", "Which one does the work."),
        Field("role", "Role", "Needs the right to create schemas in the database.", required=False),
        Field("user", "User"),
        Field("password", "Password", "Or a programmatic access token.", type="password", is_secret=True),
    ),
)  # fmt: skip
ARRAYS_AS_JSON = True


def place_of(config: Mapping[str, Any]) -> str:
    """Return account and database."""
    return f"{config.get('account', '')}/{config.get('database', '')}"


def connect(endpoint: Endpoint, seconds: int | None = None) -> Any:
    """Open a connection. Raises the driver's errors, and `SyncError`."""
    known = endpoint.config
    more = {} if seconds is None else {"login_timeout": seconds, "network_timeout": seconds}
    return driver("snowflake.connector", "Snowflake", "snowflake").connect(
        account=str(known.get("account", "")),
        user=str(known.get("user", "")),
        password=endpoint.secrets.get("password", ""),
        database=str(known.get("database", "")),
        warehouse=str(known.get("warehouse", "")),
        role=str(known.get("role") or "") or None,
        timezone="UTC",
        application="Patchbay",
        **more,
    )


def failure(error: Exception) -> SyncError:
    """Return what an error of the driver means."""
    text = " ".join(str(error).split())[:500]
    is_denied = any(words in text.lower() for words in _DENIED)
    return SyncError("destination_permission_denied" if is_denied else "destination_unreachable", text)


_warehouse = Warehouse(connect, failure, text="LEFT(TO_VARCHAR({}), {})")
check, look, marks, count_rows = _warehouse.check, _warehouse.look, _warehouse.marks, _warehouse.count_rows
drop_loaded, list_loaded, preview = _warehouse.drop_loaded, _warehouse.list_loaded, _warehouse.preview


def probe(endpoint: Endpoint) -> Generator[str]:
    """Sign in and look at the database. Raises `SyncError`."""
    driver("snowflake.connector", "Snowflake", "snowflake")
    yield "The driver is installed"
    try:
        with closing(connect(endpoint, PROBE_SECONDS)) as opened, closing(opened.cursor()) as cursor:
            yield f"Signed in as {endpoint.config.get('user', '')}"
            cursor.execute("SELECT current_database(), current_warehouse()")
            database, warehouse = cursor.fetchall()[0]
    except SyncError:
        raise
    except Exception as error:  # noqa: BLE001 - the driver's own
        raise failure(error) from None
    if database is None or warehouse is None:
        raise SyncError("misconfigured", "The database or the warehouse is not there, or the role may not use it.")
    yield f"May use the database {database}; whether schemas may be created shows with the first load"
