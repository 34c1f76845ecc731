"""How dlt writes to Snowflake: Parquet files over the table's own stage; a replaced table is swapped in one step."""

from __future__ import annotations

from typing import Any

from dlt.destinations import snowflake

from connectors.destinations.warehouses import driver
from connectors.engine.destinations.common import Intake, Loading
from connectors.engine.destinations.warehouses import WarehouseClient
from connectors.plan import SyncPlan

LOAD_WORKERS = 4
INTAKE = Intake(is_fitted=True, is_parquet=True)


def build(plan: SyncPlan, loading: Loading, **common: Any) -> snowflake:
    """Return dlt's destination for the plan. Raises `SyncError` where the driver is not installed."""
    driver("snowflake.connector", "Snowflake", "snowflake")
    from dlt.destinations.impl.snowflake.snowflake import SnowflakeClient  # noqa: PLC0415 - imports the driver

    known, secrets = plan.destination.config, plan.destination.secrets
    credentials = {
        "host": str(known.get("account", "")),
        "database": str(known.get("database", "")),
        "warehouse": str(known.get("warehouse", "")),
        "username": str(known.get("user", "")),
        "password": secrets.get("password", ""),
        "application": "Patchbay",
        **({"role": str(known["role"])} if known.get("role") else {}),
    }
    client = type("Client", (WarehouseClient, SnowflakeClient), {"loading": loading})
    options = {**common, "replace_strategy": "staging-optimized", "enable_atomic_swap": True}
    return _Snowflake(client, credentials=credentials, keep_staged_files=False, **options)


class _Snowflake(snowflake):
    def __init__(self, client: Any, **options: Any) -> None:
        self._client_class = client
        super().__init__(**options)

    @property
    def client_class(self) -> Any:
        """The client that this load writes with."""
        return self._client_class
