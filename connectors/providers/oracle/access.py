"""Quick questions to an Oracle source. Used by forms, tests of a connection, discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.plan import Endpoint, FoundEntity, FoundTable
from connectors.providers.oracle import session as link
from connectors.providers.several import named_in
from connectors.providers.sql import questions

SETTING = "schema"


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the port, without signing in. Raises `SyncError`."""
    return link.reach(endpoint)


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Sign in and look whether the schemas are there, or the one of the entity. Raises `SyncError`."""
    with link.opened(endpoint) as session:
        questions.check(session, endpoint.config[SETTING], entity_ref)


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the chosen schemas. Raises `SyncError`, also for one that is not there."""
    with link.opened(endpoint) as session:
        service = endpoint.config["service"]
        return [
            FoundEntity(name, f"{service} · {name}") for name in questions.chosen(session, endpoint.config[SETTING])
        ]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables and views of a schema with keys, columns, types and row estimates. Raises `SyncError`."""
    with link.opened(endpoint) as session:
        return questions.tables(session, entity_ref)


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether every one of `tables`, (schema, name), is there and may be read. Raises `SyncError`."""
    with link.opened(endpoint) as session:
        questions.check_tables(session, [(schema or entity_ref, name) for schema, name in tables])


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return the statements that let the user of `config` read `tables`, and nothing but read."""
    default = next(iter(named_in(config.get(SETTING))), "")
    places = sorted((schema or default, name) for schema, name in tables)
    user = str(config.get("user")).upper()
    return "\n".join(f'GRANT SELECT ON "{schema}"."{name}"\n  TO {user};' for schema, name in places)
