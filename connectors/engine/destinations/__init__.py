"""dlt's destinations, as Patchbay loads them: a module per kind, with our copy job for our text files and exact types.

dlt's own CSV job reads a quoted empty string as NULL (`FORCE_NULL`), DuckDB has none, and neither type mapper knows
uuid, arrays or a numeric without bounds. Everything around the copy (staging, replacing, merging) is dlt's; how rows
are appended is ours (`connectors.engine.append`).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from dlt.common.destination import Destination

from connectors.destinations import bookkeeping
from connectors.engine.destinations.common import Intake, Loading
from connectors.plan import SyncPlan

# Source names are kept as they are, wherever the destination allows.
NAMING = "direct"

_MODULES = {
    "postgres": "connectors.engine.destinations.postgres",
    "duckdb": "connectors.engine.destinations.duckdb",
    "parquet": "connectors.engine.destinations.parquet",
    "parquet_s3": "connectors.engine.destinations.parquet",
    "snowflake": "connectors.engine.destinations.snowflake",
    "bigquery": "connectors.engine.destinations.bigquery",
    "redshift": "connectors.engine.destinations.redshift",
}


class Writer(Protocol):
    """What the module of a kind offers: dlt's destination, how many load jobs may run on it at once, and its intake."""

    LOAD_WORKERS: int
    INTAKE: Intake

    def build(self, plan: SyncPlan, loading: Loading, **common: Any) -> Destination[Any, Any]:
        """Return dlt's destination for the plan. Raises `SyncError` for settings that cannot be used."""


def build(plan: SyncPlan, loading: Loading) -> Destination[Any, Any]:
    """Return dlt's destination for the plan. Raises `SyncError` for settings that cannot be used."""
    return _writer(plan).build(
        plan,
        loading,
        naming_convention=NAMING,
        replace_strategy="insert-from-staging",
        staging_dataset_name_layout=bookkeeping.staging_of(plan.pipeline),
        destination_name=plan.destination.kind,
    )


def load_workers(plan: SyncPlan) -> int:
    """Return how many load jobs may run at once: one where the destination has one writer."""
    return _writer(plan).LOAD_WORKERS


def intake(plan: SyncPlan) -> Intake:
    """Return in which form rows go into the plan's destination."""
    return _writer(plan).INTAKE


def _writer(plan: SyncPlan) -> Writer:
    return cast("Writer", import_module(_MODULES[plan.destination.kind]))
