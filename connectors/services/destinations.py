"""Adds, changes, checks and deletes destinations. What a person proposes is checked before it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors import secrets
from connectors.destinations import registry
from connectors.models import Connection, Destination
from connectors.plan import Endpoint
from connectors.providers.manifest import leads_elsewhere
from connectors.services import activity
from connectors.services.changing import ChangedMeanwhileError, version_of
from connectors.services.connect import create_destination
from connectors.services.destination_check import Check, check


class DestinationRefusedError(Exception):
    """The destination cannot be written to as proposed; nothing was stored. `check` says what was found."""

    def __init__(self, found: Check) -> None:
        super().__init__(found.detail)
        self.check = found


class DestinationTakenError(Exception):
    """Another destination has this name, or writes to the same file. `field` is the field to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class DestinationInUseError(Exception):
    """Connections load into the destination, so it stays. `connections` are those, by name."""

    def __init__(self, destination: Destination, connections: Sequence[Connection]) -> None:
        many = "1 connection loads" if len(connections) == 1 else f"{len(connections)} connections load"
        super().__init__(f"{destination.name} stays: {many} into it. Nothing was deleted.")
        self.connections = connections


@dataclass(frozen=True, slots=True)
class _Proposed:
    """A change that was checked, unless it is the name alone."""

    name: str
    config: dict[str, Any]
    credentials: Mapping[str, str] = field(repr=False)
    check: Check | None
    changes: Sequence[Mapping[str, Any]]


def facts_of(destination: Destination) -> dict[str, Any]:
    """Return what a page shows of a destination, for its version."""
    return {"name": destination.name, "config": destination.config, "set": destination.credentials_set_at}


def add_destination(
    *, name: str, kind: str, config: Mapping[str, Any], credentials: Mapping[str, str], actor: User | None
) -> Destination:
    """Check a new destination, store and return it.

    Raises `DestinationRefusedError` and `DestinationTakenError`; then nothing is stored.
    """
    _refuse_shared(kind, config, None)
    found = _checked(Endpoint(kind, config, credentials))
    try:
        with transaction.atomic():
            made = create_destination(name=name, kind=kind, config=config, credentials=credentials)
            made.created_by, made.checked_at, made.last_check = actor, timezone.now(), found.as_json()
            made.credentials_set_by = actor if credentials else None
            made.save()
            activity.record("destination.created", actor=actor, destination=made)
    except IntegrityError as error:
        raise _taken(name) from error
    return made


def change_destination(
    *,
    destination: Destination,
    seen: str,
    name: str,
    config: Mapping[str, Any],
    credentials: Mapping[str, str],
    actor: User | None,
) -> list[dict[str, Any]]:
    """Check the destination as proposed, store it, and return what changed; a credential left out stays.

    A load that runs goes on with what it began with. Raises `DestinationRefusedError`, `DestinationTakenError`, and
    `ChangedMeanwhileError` for a `seen` version that is not the stored one; then nothing is changed.
    """
    known = Destination.objects.get(pk=destination.pk)
    merged = _merged(known, config)
    changes = activity.differences({"name": known.name, **known.config}, {"name": name, **merged})
    changes += [{"field": one, "before": None, "after": activity.REPLACED} for one in credentials]
    if not changes:
        return []
    _refuse_changed(known, seen)
    found = None
    if credentials or merged != known.config:
        _refuse_shared(known.kind, merged, known)
        found = _checked(_endpoint(known, merged, credentials))
    try:
        _store(known, seen, _Proposed(name, merged, credentials, found, changes), actor)
    except IntegrityError as error:
        raise _taken(name) from error
    return changes


def check_destination(*, destination: Destination, actor: User | None) -> Check:
    """Check a destination as it is stored, record and return what was found."""
    known = Destination.objects.get(pk=destination.pk)
    try:
        found = check(_endpoint(known, known.config, {}))
    except DestinationRefusedError as refusal:
        found = refusal.check
    with transaction.atomic():
        # What was stored meanwhile was checked itself.
        same = Destination.objects.filter(pk=known.pk, config=known.config, credentials=known.credentials)
        if same.update(checked_at=timezone.now(), last_check=found.as_json()):
            note = "It works" if found.is_ok else found.detail or found.code
            activity.record("destination.checked", actor=actor, destination=known, note=note)
    return found


@transaction.atomic
def delete_destination(*, destination: Destination, actor: User | None) -> None:
    """Delete a destination and its credentials; what was loaded there stays. Raises `DestinationInUseError`.

    The lock keeps a connection from being made with it meanwhile.
    """
    locked = Destination.objects.select_for_update().get(pk=destination.pk)
    if using := list(Connection.objects.filter(destination=locked).order_by("name").only("pk", "name")):
        raise DestinationInUseError(locked, using)
    # The skeletons of deleted connections only named it.
    Connection.everything.filter(destination=locked).update(destination=None)
    activity.record("destination.deleted", actor=actor, destination=locked)
    locked.delete()


@transaction.atomic
def _store(known: Destination, seen: str, proposed: _Proposed, actor: User | None) -> None:
    locked = Destination.objects.select_for_update(of=("self",), no_key=True).get(pk=known.pk)
    _refuse_changed(locked, seen)
    now = timezone.now()
    locked.name, locked.config = proposed.name, proposed.config
    if proposed.credentials:
        whole = {**_opened(locked, proposed.credentials), **proposed.credentials}
        locked.credentials = secrets.seal(whole, owner=f"destination:{locked.pk}")
        locked.credentials_set_at, locked.credentials_set_by = now, actor
    if proposed.check is not None:
        locked.checked_at, locked.last_check = now, proposed.check.as_json()
    locked.save()
    activity.record("destination.changed", actor=actor, destination=locked, changes=proposed.changes)


def _checked(endpoint: Endpoint) -> Check:
    found = check(endpoint)
    if not found.is_ok:
        raise DestinationRefusedError(found)
    return found


def _endpoint(known: Destination, config: Mapping[str, Any], typed: Mapping[str, str]) -> Endpoint:
    """Return the destination as proposed. Raises `DestinationRefusedError` where stored secrets would go elsewhere."""
    manifest = registry.manifest(known.kind)
    is_left_out = bool(known.credentials) and not manifest.secret_names <= set(typed)
    if is_left_out and leads_elsewhere(manifest.fields, known.config, config):
        said = "A stored credential is sent only to where it was stored for. Type it again for the new address."
        raise DestinationRefusedError(Check((), "misconfigured", said))
    return Endpoint(known.kind, config, {**_opened(known, typed), **typed})


def _opened(known: Destination, typed: Mapping[str, str]) -> dict[str, str]:
    """Return the stored credentials; none where they cannot be opened and all of them were typed anew."""
    try:
        return known.read_credentials()
    except secrets.UnreadableSecretError:
        if registry.manifest(known.kind).secret_names <= set(typed):
            return {}
        said = "What is stored cannot be opened with the keys of this installation. Type the credentials again."
        raise DestinationRefusedError(Check((), "misconfigured", said)) from None


def _merged(known: Destination, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as given; what the manifest does not ask for stays, and so does a port that is a text."""
    asked = {field.name for field in registry.manifest(known.kind).fields}
    kept = {name: value for name, value in known.config.items() if name not in asked}
    same = {name: known.config[name] for name, value in given.items() if str(known.config.get(name)) == str(value)}
    return {**kept, **given, **same}


def _refuse_shared(kind: str, config: Mapping[str, Any], own: Destination | None) -> None:
    """Raise `DestinationTakenError` where another destination writes to the same file: a file has one writer."""
    if not registry.is_exclusive(kind):
        return
    place = registry.place_of(kind, config)
    for other in Destination.objects.filter(kind=kind).only("name", "config"):
        if (own is None or other.pk != own.pk) and registry.place_of(kind, other.config) == place:
            asked = registry.manifest(kind).fields[0].name
            raise DestinationTakenError(
                asked, f"“{other.name}” writes to this already, and only one can. Choose another."
            )


def _refuse_changed(destination: Destination, seen: str) -> None:
    if version_of(facts_of(destination)) != seen:
        message = f"{destination.name} was changed by somebody else after this page was opened. Nothing was stored."
        raise ChangedMeanwhileError(message)


def _taken(name: str) -> DestinationTakenError:
    return DestinationTakenError("name", f"Another destination is called “{name}” already.")
