"""The providers there are. A package is loaded on first use, so that the web does not load what it does not show.

Adding a provider is one package with the same file names, and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Protocol, cast

from connectors.plan import Endpoint, FoundEntity, FoundTable, Reporter, RowFilter, SyncPlan
from connectors.providers.actions import Writing
from connectors.providers.feed import Feeds
from connectors.providers.manifest import Manifest
from connectors.providers.signed_in import Challenge, SignedIn

_PACKAGES = {
    "postgres": "connectors.providers.postgres",
    "mysql": "connectors.providers.mysql",
    "mssql": "connectors.providers.mssql",
    "oracle": "connectors.providers.oracle",
    "sqlite": "connectors.providers.sqlite",
    "duckdb_file": "connectors.providers.duckdb_file",
    "files_folder": "connectors.providers.files_folder",
    "files_s3": "connectors.providers.files_s3",
    "files_sftp": "connectors.providers.files_sftp",
    "sandbox_payroll": "connectors.providers.sandbox_payroll",
    "rest_api": "connectors.providers.rest_api",
    "assisted": "connectors.providers.assisted",
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


class Counting(Protocol):
    """What `access.py` of a provider may offer beside: how many rows a filter keeps, looked at within bounds."""

    def count_kept(
        self, endpoint: Endpoint, entity_ref: str, table: tuple[str, str], filters: Sequence[RowFilter]
    ) -> tuple[int, int]:
        """Return how many rows of `table`, (schema, name), were looked at, and how many meet all of `filters`.

        Raises `SyncError`.
        """


class Source(Protocol):
    """What `source.py` of a provider offers: the tables' rows, for the engine alone."""

    def open_feeds(self, plan: SyncPlan, reporter: Reporter, *, arrays_as_json: bool) -> Feeds:
        """Return a context manager that signs in, as `Access.check` does, and gives one feed per table of the plan.

        In the plan's order. What columns each table has is told to the reporter first, so that a run that is refused
        can be compared with the last good one. Raises `SyncError` on entering.
        """


class SigningIn(Protocol):
    """What `sign_in.py` of a provider offers, where an end user does more than fill in the provider's fields.

    `config` holds the operator's settings. Each raises `SyncError`, or `SignInError` where tries are counted.
    """

    def sign_in(self, config: Mapping[str, Any], typed: Mapping[str, str]) -> SignedIn | Challenge:
        """Sign in with the fields of `credentials_mfa`."""

    def answer(self, config: Mapping[str, Any], challenge_token: str, code: str) -> SignedIn:
        """Answer the challenge that `sign_in` gave."""

    def authorize_url(
        self, config: Mapping[str, Any], *, redirect_uri: str, state: str, code_challenge: str, scopes: Sequence[str]
    ) -> str:
        """Return where the end user's browser is sent. Asks nobody."""

    def exchange(self, config: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str) -> SignedIn:
        """Exchange the code that came back for what is stored."""


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


def counting(kind: str) -> Counting | None:
    """Return the provider's access module where it can count, else None. Raises `KeyError` for an unknown kind."""
    found = access(kind)
    return cast("Counting", found) if hasattr(found, "count_kept") else None


def sign_in(kind: str) -> SigningIn | None:
    """Return the provider's sign-in module, None where it has none. Raises `KeyError` for an unknown kind."""
    name = f"{_PACKAGES[kind]}.sign_in"
    return cast("SigningIn", import_module(name)) if find_spec(name) else None


def learns(kind: str) -> bool:
    """Whether what was found of a source belongs to its settings when it is asked again.

    Such a provider has a `known.py`. Raises `KeyError` for an unknown kind.
    """
    return find_spec(f"{_PACKAGES[kind]}.known") is not None


def with_known(kind: str, config: Mapping[str, Any], tables: Sequence[FoundTable]) -> dict[str, Any]:
    """Return the settings of a source that `learns` with what was found of its tables before."""
    return cast("dict[str, Any]", import_module(f"{_PACKAGES[kind]}.known").with_known(config, tables))


def writing(kind: str) -> Writing:
    """Return the module that does the provider's actions. Raises `KeyError` for an unknown kind."""
    return cast("Writing", import_module(f"{_PACKAGES[kind]}.write"))


def source(kind: str) -> Source:
    """Return the provider's source module. Raises `KeyError` for an unknown kind."""
    return cast("Source", import_module(f"{_PACKAGES[kind]}.source"))
