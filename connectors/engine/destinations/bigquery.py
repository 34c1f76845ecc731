"""How dlt writes to BigQuery: Parquet files, a load job each."""

from __future__ import annotations

from typing import Any

from dlt.destinations import bigquery

from connectors.destinations import bigquery as settings
from connectors.destinations.warehouses import driver
from connectors.engine.destinations.common import Intake, Loading
from connectors.engine.destinations.warehouses import WarehouseClient
from connectors.plan import SyncPlan

LOAD_WORKERS = 4
INTAKE = Intake(is_fitted=True, is_parquet=True)


def build(plan: SyncPlan, loading: Loading, **common: Any) -> bigquery:
    """Return dlt's destination for the plan. Raises `SyncError` for a key that is none, or without the driver."""
    driver("google.cloud.bigquery", "BigQuery", "bigquery")
    from dlt.destinations.impl.bigquery.bigquery import BigQueryClient  # noqa: PLC0415 - imports the driver

    known = plan.destination.config
    credentials = {**settings.key_of(plan.destination), "project_id": str(known.get("project", ""))}
    client = type("Client", (WarehouseClient, BigQueryClient), {"loading": loading})
    location = str(known.get("location") or "US")
    plain = {"has_case_sensitive_identifiers": True, "enable_atomic_replace": False}
    return _BigQuery(client, credentials=credentials, location=location, **plain, **common)


class _BigQuery(bigquery):
    def __init__(self, client: Any, **options: Any) -> None:
        self._client_class = client
        super().__init__(**options)

    @property
    def client_class(self) -> Any:
        """The client that this load writes with."""
        return self._client_class
