"""The destinations there are. A module is loaded on first use; the engine alone knows how dlt writes to each."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast

from connectors.destinations.bookkeeping import Mark, Standing
from connectors.destinations.previews import LoadedTable, Preview
from connectors.plan import Endpoint
from connectors.providers.manifest import DestinationManifest

_MODULES = {
    "postgres": "connectors.destinations.postgres",
    "duckdb": "connectors.destinations.duckdb",
    "parquet": "connectors.destinations.parquet",
    "parquet_s3": "connectors.destinations.parquet_s3",
    "snowflake": "connectors.destinations.snowflake",
    "bigquery": "connectors.destinations.bigquery",
    "redshift": "connectors.destinations.redshift",
}


class Destination(Protocol):
    """What the module of a destination offers: what it is, whether it can be written to, what it holds."""

    MANIFEST: DestinationManifest
    # Whether arrays arrive as JSON because the destination has no array type that dlt could load.
    ARRAYS_AS_JSON: bool

    def check(self, endpoint: Endpoint) -> None:
        """Return if the destination can be written to. Raises `SyncError` with a code about the destination."""

    def probe(self, endpoint: Endpoint) -> Generator[str]:
        """Give a sentence after each step of a test (`TEST_STEPS`), for the web: within seconds, nothing heavy loaded.

        Raises `SyncError` at the step that fails.
        """

    def place_of(self, config: Mapping[str, Any]) -> str:
        """Return in a few characters where a destination with these settings is."""

    def count_rows(self, endpoint: Endpoint, dataset: str, tables: tuple[str, ...]) -> dict[str, int | None]:
        """Return the rows of each table in `dataset`; None for a table that is not there. Raises `SyncError`."""

    def look(self, endpoint: Endpoint, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
        """Check as `check` does, and say which of `tables` are in `dataset` already, before `pipeline` loads them.

        On the way the records of old loads that dlt keeps there go, beyond the newest. Raises `SyncError`.
        """

    def marks(self, endpoint: Endpoint, dataset: str, pipeline: str) -> Mapping[str, Mark]:
        """Return which run last appended to each table that `pipeline` ever appended to. Raises `SyncError`."""

    def drop_loaded(self, endpoint: Endpoint, dataset: str, pipeline: str) -> tuple[str, ...]:
        """Drop the tables that `pipeline` made in `dataset`, its records and its staging dataset; all or nothing.

        Tables that others made there stay. Returns the names of the dropped tables. Raises `SyncError`.
        """

    def list_loaded(self, endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
        """Return the tables in `dataset` with rows and columns, by name, dlt's own left out; () where there is none.

        Bounded in time: what takes too long to count has no count, or an estimate. Files are looked into with DuckDB,
        which is heavy, so a page asks in a worker. Raises `SyncError`, also where a load has its file open.
        """

    def preview(self, endpoint: Endpoint, dataset: str, table: str, limit: int) -> Preview:
        """Return at most `limit` rows of a table as they come, each value as text and cut; bounded in time and bytes.

        Raises `SyncError`: "misconfigured" for a table that is not there.
        """


def kinds() -> tuple[str, ...]:
    """Return the kinds of all destinations, in the order in which they are offered."""
    return tuple(_MODULES)


@lru_cache
def destination(kind: str) -> Destination:
    """Return the module of a destination. Raises `KeyError` for an unknown kind."""
    return cast("Destination", import_module(_MODULES[kind]))


def manifest(kind: str) -> DestinationManifest:
    """Return what the destination says about itself. Raises `KeyError` for an unknown kind."""
    return destination(kind).MANIFEST


def all_manifests() -> tuple[DestinationManifest, ...]:
    """Return every destination's manifest."""
    return tuple(manifest(kind) for kind in _MODULES)


def place_of(kind: str, config: Mapping[str, Any]) -> str:
    """Return where a destination is: "db.example.com:5432/warehouse", "lake.duckdb"."""
    return destination(kind).place_of(config)


def is_exclusive(kind: str) -> bool:
    """Return whether only one sync at a time may write to one destination of this kind."""
    return manifest(kind).is_exclusive
