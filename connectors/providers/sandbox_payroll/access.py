"""Quick questions to the payroll API: is the key accepted, which companies are there, what can be read of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors import http
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers.sandbox_payroll.client import Client
from connectors.providers.sandbox_payroll.manifest import COLLECTIONS, CURSOR, KEY, MANIFEST

_LIST_LIMIT = 500
# One product is closed, others may be open.
_CLOSED = {"insufficient_permissions", "insufficient_scope"}


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the address, without a key, and return what. Raises `SyncError`."""
    return http.reach(str(endpoint.config.get("base_url") or ""))


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Ask for one company, or for one record of the company `entity_ref`. Raises `SyncError`."""
    with Client(endpoint) as client:
        ask_for_company(client, entity_ref)


def ask_for_company(client: Client, entity_ref: str) -> None:
    """Ask for one record with an open client, as `check` does. Raises `SyncError`.

    What may be read of a company may be one product only, so each is asked for until one is open.
    """
    if not entity_ref:
        next(client.pages("companies", limit=1))
        return
    refusals = []
    for product in MANIFEST.products:
        try:
            next(client.pages(f"companies/{entity_ref}/{COLLECTIONS[product.tables[0]].path}", limit=1))
        except SyncError as error:
            if error.code not in _CLOSED:
                raise
            refusals.append(error)
        else:
            return
    raise refusals[0]


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Ask for one record of each table of a company. Raises `SyncError`, also for a table that the API has not."""
    check(endpoint, entity_ref)
    with Client(endpoint) as client:
        for _, name in tables:
            if name not in COLLECTIONS:
                raise SyncError("source_object_missing", f"The API has no “{name}”.")
            next(client.pages(f"companies/{entity_ref}/{COLLECTIONS[name].path}", limit=1))


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return nothing: what a key may read is chosen where it was made."""
    del config, tables
    return ""


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the companies that the key can see. Raises `SyncError`."""
    with Client(endpoint) as client:
        return [
            FoundEntity(ref=str(record["id"]), name=str(record.get("name") or record["id"]))
            for page in client.pages("companies", limit=_LIST_LIMIT)
            for record in page.records
        ]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables of a company. Raises `SyncError` when the company cannot be read."""
    check(endpoint, entity_ref)
    return [
        FoundTable(
            name=name,
            keys=(KEY,),
            columns=tuple((column.name, column.data_type) for column in collection.columns),
            cursor=CURSOR,
            mode="merge",
            product=next(product.name for product in MANIFEST.products if name in product.tables),
        )
        for name, collection in COLLECTIONS.items()
    ]
