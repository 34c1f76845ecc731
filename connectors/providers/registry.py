"""The providers there are. A package is loaded on first use, so that the web does not load what it does not show.

Adding a provider is one package with the same file names, and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from importlib.resources import files
from typing import Any, Protocol, cast

from connectors.plan import Endpoint, FoundEntity, FoundTable, Reporter, SyncPlan
from connectors.providers.feed import Feeds
from connectors.providers.manifest import Manifest

_PACKAGES = {
    "postgres": "connectors.providers.postgres",
    "sandbox_payroll": "connectors.providers.sandbox_payroll",
}


class Access(Protocol):
    """What `access.py` of a provider offers: quick questions, also asked by web-side services."""

    def reach(self, endpoint: Endpoint) -> str:
        """Return in a sentence what answers at the source, without signing in. Raises `SyncError`."""

    def check(self, endpoint: Endpoint, entity_ref: str = "") -> None:
        """Return if the credentials work and the entity, if given, can be read. Raises `SyncError`."""

    def list_entities(self, endpoint: Endpoint) -> list[FoundEntity]:
        """Return what can be synced with these credentials. Raises `SyncError`."""

    def list_tables(self, endpoint: Endpoint, entity_ref: str) -> list[FoundTable]:
        """Return the tables of one entity with keys and columns. Raises `SyncError`."""

    def check_tables(self, endpoint: Endpoint, entity_ref: str, tables: Sequence[tuple[str, str]]) -> None:
        """Return if each of `tables`, (schema, name), of an entity can be read. Raises `SyncError`."""

    def how_to_allow(self, config: Mapping[str, Any], tables: Sequence[tuple[str, str]]) -> str:
        """Return what the source's owner types so that `tables`, (schema, name), can be read; empty for nothing."""


class Source(Protocol):
    """What `source.py` of a provider offers: the tables' rows, for the engine alone."""

    def open_feeds(self, plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Feeds:
        """Return a context manager that signs in, as `Access.check` does, and gives one feed per table of the plan.

        In the plan's order. What columns each table has is told to the reporter first, so that a run that is refused
        can be compared with the last good one. Raises `SyncError` on entering.
        """


def kinds() -> tuple[str, ...]:
    """Return the kinds of all providers, in the order in which they are offered."""
    return tuple(_PACKAGES)


@lru_cache
def manifest(kind: str) -> Manifest:
    """Return what the provider says about itself. Raises `KeyError` for an unknown kind."""
    found: Manifest = import_module(f"{_PACKAGES[kind]}.manifest").MANIFEST
    return found


@lru_cache
def version(kind: str) -> str:
    """Return a provider's version, and a digest of its code in case somebody changed that and left the version.

    Raises `KeyError` for an unknown kind.
    """
    digest = blake2b(digest_size=4)
    for source_file in sorted(files(_PACKAGES[kind]).iterdir(), key=lambda found: found.name):
        if source_file.name.endswith(".py"):
            digest.update(source_file.read_bytes())
    return f"{kind} {manifest(kind).version} ({digest.hexdigest()})"


def all_manifests() -> tuple[Manifest, ...]:
    """Return every provider's manifest."""
    return tuple(manifest(kind) for kind in _PACKAGES)


def access(kind: str) -> Access:
    """Return the provider's access module. Raises `KeyError` for an unknown kind."""
    return cast("Access", import_module(f"{_PACKAGES[kind]}.access"))


def source(kind: str) -> Source:
    """Return the provider's source module. Raises `KeyError` for an unknown kind."""
    return cast("Source", import_module(f"{_PACKAGES[kind]}.source"))
