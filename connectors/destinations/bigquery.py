"""Google BigQuery as a destination. Untested: nobody has run it against a real one yet."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from connectors.destinations.warehouses import Warehouse, driver
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field

# The key says where to sign in; it must not be able to send what is signed elsewhere.
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
PROBE_SECONDS = 10
MANIFEST = DestinationManifest(
    kind="bigquery",
    is_heavy=True,
    name="Google BigQuery",
    tile="Bq",
    tile_hue=1,
    summary="A warehouse of Google's; rows go in as Parquet files.",
    needs="bigquery",
    is_untested=True,
    fields=(
        Field(
            "project", "Project", "Each connection gets a dataset of its own in it.",
            pattern=r"[a-z][a-z0-9.:-]{4,80}", pattern_error="This is no ID of a project.",
        ),
        Field("location", "Location", "Where new datasets lie, such as EU or us-east1.", default="US"),
        Field(
            "key", "Service account key", "The whole JSON file. Its account needs BigQuery User and Data Editor.",
            type="password", is_secret=True,
        ),
    ),
)  # fmt: skip
ARRAYS_AS_JSON = True


def place_of(config: Mapping[str, Any]) -> str:
    """Return project and location."""
    return f"{config.get('project', '')} ({config.get('location', '')})"


def key_of(endpoint: Endpoint) -> dict[str, str]:
    """Return the service account's key, which signs in at Google only. Raises `SyncError("misconfigured")`."""
    try:
        key = json.loads(endpoint.secrets.get("key", ""))
        found = {name: str(key[name]) for name in ("client_email", "private_key")}
    except (ValueError, KeyError, TypeError):
        raise SyncError("misconfigured", "The key is no JSON file of a service account.") from None
    return {**found, "type": "service_account", "token_uri": TOKEN_URL}


def connect(endpoint: Endpoint, seconds: int | None = None) -> Any:
    """Open a connection. Raises the driver's errors, and `SyncError`."""
    bigquery = driver("google.cloud.bigquery", "BigQuery", "bigquery")
    dbapi = driver("google.cloud.bigquery.dbapi", "BigQuery", "bigquery")
    client = bigquery.Client.from_service_account_info(
        key_of(endpoint),
        project=str(endpoint.config.get("project", "")),
        location=str(endpoint.config.get("location", "")),
    )
    if seconds is not None:
        client.default_query_job_config = bigquery.QueryJobConfig(job_timeout_ms=seconds * 1000)
    return dbapi.connect(client)


def failure(error: Exception) -> SyncError:
    """Return what an error of the driver means."""
    text = " ".join(str(error).split())[:500]
    is_denied = getattr(error, "code", None) in {401, 403} or "invalid_grant" in text or "Access Denied" in text
    return SyncError("destination_permission_denied" if is_denied else "destination_unreachable", text)


_warehouse = Warehouse(connect, failure, quote="`", text="LEFT(SAFE_CAST({} AS STRING), {})", has_own_catalogue=True)
check, look, marks, count_rows = _warehouse.check, _warehouse.look, _warehouse.marks, _warehouse.count_rows
drop_loaded, list_loaded, preview = _warehouse.drop_loaded, _warehouse.list_loaded, _warehouse.preview


def probe(endpoint: Endpoint) -> Generator[str]:
    """Sign in and run a query. Raises `SyncError`."""
    driver("google.cloud.bigquery", "BigQuery", "bigquery")
    yield "The driver is installed"
    account = key_of(endpoint)["client_email"]
    try:
        with closing(connect(endpoint, PROBE_SECONDS)) as opened, closing(opened.cursor()) as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()
    except SyncError:
        raise
    except Exception as error:  # noqa: BLE001 - the driver's own
        raise failure(error) from None
    yield f"Signed in as {account}"
    yield "May run queries; whether datasets may be created shows with the first load"
