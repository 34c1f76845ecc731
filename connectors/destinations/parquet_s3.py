"""Parquet files in an S3-compatible store as a destination."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connectors import http
from connectors.destinations import parquet_files
from connectors.destinations.bookkeeping import Mark, Standing
from connectors.destinations.previews import LoadedTable, Preview
from connectors.destinations.stores import Objects
from connectors.failures import at_side
from connectors.file_sources.s3 import BEFORE_HOST, IN_PATH
from connectors.file_sources.s3 import place_of as place_in
from connectors.plan import Endpoint, SyncError
from connectors.providers.manifest import DestinationManifest, Field
from connectors.s3 import Bucket, Keys, address_of

MANIFEST = DestinationManifest(
    kind="parquet_s3",
    is_heavy=True,
    name="Parquet in S3",
    tile="S3",
    tile_hue=4,
    summary="Files in an S3-compatible store, one per table; each sync replaces them whole.",
    fields=(
        Field(
            "endpoint", "Address", "Of the store, such as https://s3.example.com. Empty: Amazon's own in the region.",
            type="url", required=False,
        ),
        Field("region", "Region", "Stores that know no regions take any.", default="us-east-1"),
        Field("bucket", "Bucket", "Must be there already.", pattern=r"[A-Za-z0-9._-]{3,63}"),
        Field(
            "prefix", "Prefix", "Below which the files lie, such as lake/raw; empty for the top of the bucket.",
            required=False, pattern=r"[^/\x00*?\[\]{}][^\x00*?\[\]{}]{0,400}",
            pattern_error="A prefix begins without “/” and has none of * ? [ ] { } in it.",
        ),
        Field(
            "addressing", "The bucket's name stands", "In the address. Amazon's newer regions want it before the host.",
            type="choice", default=IN_PATH, choices=(IN_PATH, BEFORE_HOST),
        ),
        Field("access_key", "Access key", "Needs the rights to list, read, write and delete in the bucket."),
        Field("secret_key", "Secret key", type="password", is_secret=True),
    ),
)  # fmt: skip
ARRAYS_AS_JSON = True
_PROBE = "_patchbay-can-write"


def _bucket(endpoint: Endpoint) -> Bucket:
    known = endpoint.config
    keys = Keys(str(known.get("access_key", "")), str(endpoint.secrets.get("secret_key", "")))
    try:
        return Bucket(place_in(endpoint), keys)
    except SyncError as error:
        raise SyncError(at_side(error.code, "destination"), error.detail) from None


def store_of(endpoint: Endpoint) -> Objects:
    """Return the bucket's folder as a store. Raises `SyncError`."""
    prefix = str(endpoint.config.get("prefix") or "").strip("/")
    return Objects(_bucket(endpoint), f"{prefix}/" if prefix else "")


def place_of(config: Mapping[str, Any]) -> str:
    """Return bucket and folder."""
    prefix = str(config.get("prefix") or "").strip("/")
    return f"s3://{config.get('bucket', '')}" + (f"/{prefix}" if prefix else "")


def probe(endpoint: Endpoint) -> Generator[str]:
    """Say what answers, list the bucket, and write and remove a small object. Raises `SyncError`."""
    try:
        yield http.reach(address_of(place_in(endpoint)))
        with _bucket(endpoint) as bucket:
            bucket.check()
    except SyncError as error:
        raise SyncError(at_side(error.code, "destination"), error.detail) from None
    yield f"The key {endpoint.config.get('access_key', '')} may list the bucket {endpoint.config.get('bucket', '')}"
    _check(endpoint)
    yield "May write and delete in it"


def check(endpoint: Endpoint) -> None:
    """Write and remove a small object. Raises `SyncError`."""
    _check(endpoint)


def _check(endpoint: Endpoint) -> None:
    store = store_of(endpoint)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "probe"
        path.write_text("Patchbay looks whether it may write here.", encoding="utf-8")
        store.put(_PROBE, path)
    store.delete([_PROBE])


def look(endpoint: Endpoint, dataset: str, pipeline: str, tables: Sequence[str]) -> Standing:
    """Check, and tell what stands of `tables` in `dataset`. Raises `SyncError`."""
    check(endpoint)
    return parquet_files.look(store_of(endpoint), dataset, pipeline, tables)


def marks(endpoint: Endpoint, dataset: str, pipeline: str) -> Mapping[str, Mark]:
    """Return which run last appended to each table. Raises `SyncError`."""
    return parquet_files.marks(store_of(endpoint), dataset, pipeline)


def count_rows(endpoint: Endpoint, dataset: str, tables: tuple[str, ...]) -> dict[str, int | None]:
    """Return the rows of each table in `dataset`; None for a table that is not there. Raises `SyncError`."""
    return parquet_files.count_rows(store_of(endpoint), dataset, tables)


def drop_loaded(endpoint: Endpoint, dataset: str, pipeline: str) -> tuple[str, ...]:
    """Remove the objects that `pipeline` made in `dataset`, and return the tables' names. Raises `SyncError`."""
    return parquet_files.drop_loaded(store_of(endpoint), dataset, pipeline)


def list_loaded(endpoint: Endpoint, dataset: str) -> tuple[LoadedTable, ...]:
    """Return the tables in `dataset`, by name. Raises `SyncError`."""
    return parquet_files.list_loaded(store_of(endpoint), dataset)


def preview(endpoint: Endpoint, dataset: str, table: str, limit: int) -> Preview:
    """Return the first rows of a table as text. Raises `SyncError`."""
    return parquet_files.preview(store_of(endpoint), dataset, table, limit)
