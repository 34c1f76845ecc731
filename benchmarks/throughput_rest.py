"""Pages of a REST API to PostgreSQL by dlt's `rest_api` alone, for `benchmarks.throughput`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

import dlt
import psycopg
import psycopg2  # noqa: F401 - dlt loads it with the first load otherwise, inside the measured time
from dlt.sources.rest_api import rest_api_source

from benchmarks.throughput_dlt import _address
from benchmarks.throughput_ours import peak_megabytes


def main() -> None:
    """Do it and print seconds and megabytes."""
    asked = json.load(sys.stdin)
    address = _address(asked["destination"])
    with psycopg.connect(address) as warm:
        warm.execute("SELECT 1")
    folder = Path(mkdtemp(dir=asked["folder"]))
    began = time.monotonic()
    source = rest_api_source(
        {
            "client": {
                "base_url": asked["source"]["config"]["base_url"],
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
            "resources": [
                {
                    "name": "orders",
                    "write_disposition": "replace",
                    "endpoint": {"path": "orders", "data_selector": "data"},
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        f"plain_{asked['name']}",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.postgres(address, replace_strategy="insert-from-staging"),
        dataset_name=f"plain_{asked['name']}",
    )
    pipeline.sync_destination()
    pipeline.extract(source, workers=1, loader_file_format="csv")
    pipeline.normalize(workers=1)
    pipeline.load(workers=4)
    print(json.dumps({"seconds": time.monotonic() - began, "megabytes": peak_megabytes()}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
