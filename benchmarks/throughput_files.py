"""A CSV file to PostgreSQL by dlt alone, for `benchmarks.throughput`: with Arrow's reader, or with dlt's `read_csv`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import dlt
import psycopg
import psycopg2  # noqa: F401 - dlt loads it with the first load otherwise, inside the measured time
import pyarrow.csv
import pyarrow.parquet
from dlt.sources.filesystem import filesystem, read_csv

from benchmarks.throughput_dlt import _address
from benchmarks.throughput_ours import peak_megabytes


def main() -> None:
    """Do it and print seconds and megabytes."""
    asked = json.load(sys.stdin)
    address, source = _address(asked["destination"]), Path(asked["source"]["config"]["folder"])
    with psycopg.connect(address) as warm:
        warm.execute("SELECT 1")
    if asked["reader"] == "read_csv":
        __import__("pandas")
    folder = Path(mkdtemp(dir=asked["folder"]))
    began = time.monotonic()
    pipeline = dlt.pipeline(
        f"plain_{asked['name']}",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.postgres(address, replace_strategy="insert-from-staging"),
        dataset_name=f"plain_{asked['name']}",
    )
    pipeline.sync_destination()
    pipeline.extract([_resource(asked["reader"], source)], workers=1)
    pipeline.normalize(workers=1)
    pipeline.load(workers=4)
    print(json.dumps({"seconds": time.monotonic() - began, "megabytes": peak_megabytes()}))  # noqa: T201 - the answer


def _resource(reader: str, folder: Path) -> Any:
    if reader == "read_csv":
        found: Any = filesystem(bucket_url=folder.as_uri(), file_glob="*.csv") | read_csv()
        return found.with_name("orders").apply_hints(write_disposition="replace")

    def batches() -> Iterator[Any]:
        yield from pyarrow.csv.open_csv(folder / "orders.csv")

    return dlt.resource(batches(), name="orders", write_disposition="replace", file_format="parquet")


if __name__ == "__main__":
    main()
