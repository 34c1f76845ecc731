"""Quick questions to an S3-compatible store: are the keys accepted, what is in the bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors import http, s3
from connectors.file_sources import asking
from connectors.file_sources.s3 import opened, place_of
from connectors.plan import Endpoint, FoundEntity, FoundTable


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the store's address, and return what. Raises `SyncError`."""
    return http.reach(s3.address_of(place_of(endpoint)))


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Open the bucket and look whether the entity's folder is there. Raises `SyncError`."""
    asking.check(opened, endpoint, entity_ref)


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether there are files of each of `tables`, and whether they can be read. Raises `SyncError`."""
    asking.check_tables(opened, endpoint, entity_ref, tables)


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return the policy that lets a user list and read the bucket, and nothing else."""
    del tables
    bucket = f"arn:aws:s3:::{config.get('bucket')}"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
            ],
        },
        indent=2,
    )


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the folders that sync on their own, or the bucket as one. Raises `SyncError`."""
    return asking.list_entities(opened, endpoint, str(endpoint.config.get("bucket") or "Bucket"))


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables that the files of an entity make up. Raises `SyncError`."""
    return asking.list_tables(opened, endpoint, entity_ref)
