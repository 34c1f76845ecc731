"""Quick questions to a SQL Server source. Used by forms, tests of a connection, discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.plan import Endpoint, FoundEntity, FoundTable
from connectors.providers.mssql import session as link
from connectors.providers.mssql.words import WORDS
from connectors.providers.several import named_in
from connectors.providers.sql import questions

DEFAULT_SCHEMA = "dbo"


def reach(endpoint: Endpoint) -> str:
    """Look whether something answers at the port, without signing in. Raises `SyncError`."""
    return link.reach(endpoint)


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Sign in and look whether the schemas are there, or the one of the entity. Raises `SyncError`."""
    with link.opened(endpoint) as session:
        questions.check(session, _setting(endpoint.config), entity_ref)


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the chosen schemas. Raises `SyncError`, also for one that is not there."""
    with link.opened(endpoint) as session:
        database = endpoint.config["database"]
        return [
            FoundEntity(name, f"{database} · {name}") for name in questions.chosen(session, _setting(endpoint.config))
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
    user, default = WORDS.quoted(str(config.get("user"))), next(iter(named_in(_setting(config))), DEFAULT_SCHEMA)
    places = sorted(f"{WORDS.quoted(schema or default)}.{WORDS.quoted(name)}" for schema, name in tables)
    return "\n".join(
        f"GRANT SELECT ON {place}\n  TO {user};" for place in places or [f"SCHEMA::{WORDS.quoted(default)}"]
    )


def _setting(config: Mapping[str, Any]) -> str:
    return str(config.get("schema") or DEFAULT_SCHEMA)
