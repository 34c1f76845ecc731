"""Quick questions to a MySQL or MariaDB source. Used by forms, tests of a connection, discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.plan import Endpoint, FoundEntity, FoundTable
from connectors.providers.mysql import link
from connectors.providers.mysql.session import asked
from connectors.providers.mysql.words import WORDS
from connectors.providers.several import named_in
from connectors.providers.sql import questions

SETTING = "database"


def reach(endpoint: Endpoint) -> str:
    """Look whether a server answers, without signing in, and return what was found. Raises `SyncError`."""
    return link.reach(endpoint)


def check(endpoint: Endpoint, entity_ref: str = "") -> None:
    """Sign in and look whether the databases are there, or the one of the entity. Raises `SyncError`."""
    with asked(endpoint) as session:
        questions.check(session, endpoint.config[SETTING], entity_ref)


def list_entities(endpoint: Endpoint) -> list[FoundEntity]:
    """Return the chosen databases. Raises `SyncError`, also for one that is not there."""
    with asked(endpoint) as session:
        return [FoundEntity(name, name) for name in questions.chosen(session, endpoint.config[SETTING])]


def list_tables(endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
    """Return the tables and views of a database with keys, columns, types and row estimates. Raises `SyncError`."""
    with asked(endpoint) as session:
        return questions.tables(session, entity_ref)


def check_tables(endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
    """Look whether every one of `tables`, (database, name), is there and may be read. Raises `SyncError`."""
    with asked(endpoint) as session:
        questions.check_tables(session, [(schema or entity_ref, name) for schema, name in tables])


def how_to_allow(config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
    """Return the statements that let the user of `config` read `tables`, and nothing but read."""
    user = "'" + str(config.get("user")).replace("\\", "\\\\").replace("'", "''") + "'@'%'"
    default = next(iter(named_in(config.get(SETTING))), "")
    wanted = sorted((schema or default, name) for schema, name in tables)
    places = [f"{WORDS.quoted(schema)}.{WORDS.quoted(name)}" for schema, name in wanted]
    return "\n".join(f"GRANT SELECT ON {place}\n  TO {user};" for place in places or [f"{WORDS.quoted(default)}.*"])
