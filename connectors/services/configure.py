"""Changes how Patchbay signs in at a source: its settings and its credentials, tested before they count.

The question is asked by the process of the page, as the first test of a new connection is: what a person proposes is
stored nowhere before the source has accepted it, and a worker could only be told by storing it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors import secrets
from connectors.models import Connection, Table
from connectors.plan import Endpoint, FoundEntity, FoundTable, SyncError
from connectors.providers import registry
from connectors.providers.manifest import SIGN_IN, Manifest, leads_elsewhere
from connectors.services import activity, connect, facts, review
from connectors.services.asking import ask_in_time
from connectors.services.changing import lock_kept, refuse_changed, refuse_deleted, version_of
from connectors.services.observe import settle


class SecretsNeededError(Exception):
    """The stored secrets `names` cannot be used for what was proposed, so they are to be typed again."""

    def __init__(self, names: Sequence[str], message: str) -> None:
        super().__init__(message)
        self.names = names


@dataclass(frozen=True, slots=True)
class SignIn:
    """How to sign in: the plain settings, and the secrets that were typed. A secret left out stays as it is stored."""

    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a source offered that was asked for the first time."""

    entities: Sequence[FoundEntity]
    tables: Sequence[FoundTable]


def source_facts(connection: Connection) -> dict[str, Any]:
    """Return what a page shows of the sign-in, for its version."""
    return {"config": connection.config, "credentials": connection.credentials_set_at}


def change_sign_in(*, connection: Connection, seen: str, proposed: SignIn, actor: User | None) -> list[dict[str, Any]]:
    """Ask the source with the proposed sign-in, and store it when it is accepted. Returns what changed.

    The schedule of what a refused sign-in held back goes on. A running job keeps the sign-in that it began with.
    Raises `SyncError` when the source refuses, `SecretsNeededError`, `ChangedMeanwhileError` for a `seen` version that
    is not the stored one any more, `ConnectionDeletedError`; then nothing is changed.
    """
    used = Connection.everything.get(pk=connection.pk)
    refuse_deleted(used)
    endpoint = proposed_endpoint(used, proposed)
    changes = _changes(used, endpoint)
    if changes:
        refuse_changed(used, stored=source_facts(used), seen=seen)
    try:
        found = ask_in_time(_question(used, endpoint))
    except SyncError as error:
        hide = secrets.Redactor(endpoint.secrets.values())
        raise SyncError(error.code, hide(error.detail), retry_after=error.retry_after) from None
    _store(used, endpoint, changes, found, actor)
    return changes


def proposed_endpoint(connection: Connection, proposed: SignIn) -> Endpoint:
    """Return the source as proposed. Raises `SecretsNeededError` where stored secrets would go to another place."""
    manifest = registry.manifest(connection.provider)
    config = _config(connection, manifest, proposed.config)
    if proposed.secrets:
        # What is typed takes the place of an end user's sign-in.
        config.pop(SIGN_IN, None)
    missing = [one.name for one in manifest.fields if one.is_secret and one.name not in proposed.secrets]
    if not missing or not connection.credentials:
        return Endpoint(connection.provider, config, dict(proposed.secrets))
    if leads_elsewhere(manifest.fields, connection.config, config):
        message = "It is sent only to where it was stored for. Type it again for the new address."
        if SIGN_IN in config:
            message = "The end user's sign-in is sent only to where it was made. Type a key for the new address."
        raise SecretsNeededError(missing, message)
    try:
        stored = connection.read_credentials()
    except secrets.UnreadableSecretError as error:
        message = "What is stored cannot be opened with the keys of this installation. Type it again."
        raise SecretsNeededError(missing, message) from error
    return Endpoint(connection.provider, config, manifest.secrets_with(stored, proposed.secrets))


def _config(connection: Connection, manifest: Manifest, proposed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as proposed; what the manifest does not ask for stays, and so does a port that is a text.

    A default that was never stored is no change either.
    """
    stored = connection.config
    usual = {one.name: one.default for one in manifest.fields}
    config = {name: value for name, value in stored.items() if name not in usual}
    for name, value in proposed.items():
        known = stored.get(name, usual.get(name))
        # The database keeps no order of names, so documents are compared by what they hold.
        if known != value if isinstance(value, Mapping) else str(known) != str(value):
            config[name] = value
        elif name in stored:
            config[name] = stored[name]
    return config


def _changes(connection: Connection, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return what would change; of a secret only whether it is set or replaced."""
    try:
        stored = connection.read_credentials()
    except secrets.UnreadableSecretError:
        stored = {}
    word = activity.REPLACED if connection.credentials else activity.SET
    replaced = [name for name, value in endpoint.secrets.items() if stored.get(name) != value]
    return [
        *activity.differences(connection.config, endpoint.config),
        *({"field": name, "before": None, "after": word} for name in replaced),
    ]


def _question(connection: Connection, endpoint: Endpoint) -> Callable[[], _Found | None]:
    """Return what to ask the source; everything that comes from our database is read before."""
    access = registry.access(connection.provider)
    refs = list(connection.entities.selected().order_by("pk").values_list("ref", flat=True))
    tables = list(connection.tables.filter(is_selected=True).values_list("source_schema", "name"))
    # What is read may have been declared anew, so that there are other tables now.
    is_declared = registry.learns(connection.provider) or facts.is_assisted(connection.provider)
    known = replace(endpoint, config=connect.known_config(connection, endpoint.config))

    def ask() -> _Found | None:
        access.check(endpoint)
        if not refs or is_declared:
            _check_tables(access, endpoint, refs, tables)
            entities = access.list_entities(endpoint)
            return _Found(entities, connect.tables_of_open(access, known, entities))
        _check_tables(access, endpoint, refs, tables)
        return None

    return ask


def _check_tables(
    access: registry.Access, endpoint: Endpoint, refs: Sequence[str], tables: Sequence[tuple[str, str]]
) -> None:
    """Look whether the chosen tables can be read in the first entity that gives access. Raises `SyncError`."""
    refusal: SyncError | None = None
    for ref in refs:
        try:
            access.check_tables(endpoint, ref, tables)
        except SyncError as error:
            if error.code != "entity_access_lost":
                raise
            refusal = error
        else:
            return
    if refusal is not None:
        raise refusal


@transaction.atomic
def _store(
    used: Connection, endpoint: Endpoint, changes: Sequence[Mapping[str, Any]], found: _Found | None, actor: User | None
) -> None:
    """Store what the source has accepted, unless the connection was changed while it was asked."""
    locked = lock_kept(used.pk)
    refuse_changed(locked, stored=source_facts(locked), seen=version_of(source_facts(used)))
    if changes:
        _write(locked, endpoint, changes, actor)
    if found is not None:
        known = set(locked.tables.values_list("pk", flat=True))
        connect.take_up(connection=locked, entities=found.entities, tables=found.tables)
        if known and facts.is_assisted(locked.provider):
            _await_new(facts.lock(locked.pk), known, actor)
        return
    now = timezone.now()
    review.accept(locked, now)
    facts.refresh(locked, now=now)


def _await_new(locked: Connection, known: Collection[UUID], actor: User | None) -> None:
    """Copy the tables of files that were declared just now: whoever declared them has decided that."""
    new = list(locked.tables.exclude(pk__in=known))
    for table in new:
        table.is_selected = True
    Table.objects.bulk_update(new, ["is_selected"])
    settle(new, locked, actor)
    facts.refresh(locked)


def _write(
    connection: Connection, endpoint: Endpoint, changes: Sequence[Mapping[str, Any]], actor: User | None
) -> None:
    connection.config = dict(endpoint.config)
    fields = ["config"]
    is_replaced = any(change["after"] in {activity.SET, activity.REPLACED} for change in changes)
    if is_replaced:
        connection.credentials = secrets.seal(endpoint.secrets, owner=f"connection:{connection.pk}")
        connection.credentials_set_at, connection.credentials_set_by = timezone.now(), actor
        connection.credentials_end_on = None
        fields += ["credentials", "credentials_set_at", "credentials_set_by", "credentials_end_on"]
    connection.save(update_fields=fields)
    is_only_secret = is_replaced and all(change["before"] is None for change in changes)
    action = "connection.credentials_replaced" if is_only_secret else "connection.configured"
    activity.record(action, actor=actor, connection=connection, changes=changes, note="the source accepted it")
