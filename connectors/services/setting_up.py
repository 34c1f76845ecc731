"""Sets up a new connection, step by step. Nothing syncs before the last one is confirmed.

Steps may be done again in any order as far as they were reached. What a later step stored stays, unless the source
becomes another one: then what was found there is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

import psycopg
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from connectors.models import Connection, Destination, Entity, SetupStep
from connectors.providers import registry
from connectors.providers.manifest import settings_with
from connectors.services import activity, connect, facts
from connectors.services.changing import refuse_changed, version_of
from connectors.services.reschedule import plan_of
from connectors.setup_steps import STEPS
from connectors.status import MISSING, derive_setup


class NameTakenError(Exception):
    """Another connection has this name."""


class SetupOverError(Exception):
    """The setup is finished (or the connection deleted), so that its steps change nothing any more."""


class SetupMissingError(Exception):
    """Something is missing that an earlier step gives. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the first step asks for. `credentials` holds the secrets that were typed; others stay as they are."""

    name: str
    config: Mapping[str, Any]
    destination: Destination | None
    credentials: Mapping[str, str] = field(repr=False, default_factory=dict)


@transaction.atomic
def start_setup(*, provider: str, settings: Settings, interval_seconds: int, actor: User | None) -> Connection:
    """Store a new connection that waits for its test, or for its destination, and return it.

    Raises `KeyError` for an unknown provider, `NameTakenError` for a taken name.
    """
    step = SetupStep.TEST if settings.destination else SetupStep.CONFIGURE
    with named(settings.name):
        connection = connect.create_connection(
            name=settings.name,
            provider=provider,
            config=settings.config,
            destination=settings.destination,
            interval_seconds=interval_seconds,
            actor=actor,
            setup_step=step,
        )
    connect.set_credentials(connection=connection, credentials=settings.credentials, actor=actor)
    activity.record(
        "connection.created", actor=actor, connection=connection, changes=_changes({}, connection, settings)
    )
    connection.refresh_from_db()
    return connection


@transaction.atomic
def change_setup(*, connection: Connection, settings: Settings, actor: User | None) -> Connection:
    """Store other settings of a connection that is being set up, and return it as it is then.

    Another source has to be tested, and its tables chosen, anew; other credentials have to be tested. Raises
    `SetupOverError`, and `NameTakenError` for a taken name.
    """
    locked = _lock(connection)
    before = _told(locked)
    if settings_with(locked.config, settings.config, is_typed=False) != locked.config:
        _forget_source(locked)
    locked.name = settings.name
    locked.config = settings_with(locked.config, settings.config, is_typed=bool(settings.credentials))
    if settings.destination and settings.destination.pk != locked.destination_id:
        _move(locked, settings.destination)
    locked.setup_step = _further(locked, SetupStep.TEST if locked.destination_id else SetupStep.CONFIGURE)
    with named(settings.name):
        locked.save(update_fields=["name", "config", "destination", "dataset", "setup_step", "tested_at"])
    if settings.credentials:
        known = locked.read_credentials() if locked.credentials else {}
        secrets = registry.manifest(locked.provider).secrets_with(known, settings.credentials)
        connect.set_credentials(connection=locked, credentials=secrets, actor=actor)
        locked = facts.lock(connection.pk)
    facts.refresh(locked)
    if changes := _changes(before, locked, settings):
        activity.record("connection.configured", actor=actor, connection=locked, changes=changes)
    return locked


@transaction.atomic
def choose_tables(*, connection: Connection, chosen: Collection[UUID], actor: User | None) -> None:
    """Store which of the tables that were found are copied. Raises `SetupOverError`, `SetupMissingError` for none."""
    locked = _lock(connection)
    tables = {table.pk: table for table in locked.tables.all()}
    if not tables.keys() & set(chosen):
        message = "Choose at least one table: without one there is nothing to copy."
        raise SetupMissingError(message)
    before = sorted(table.name for table in tables.values() if table.is_selected)
    after = sorted(table.name for table in tables.values() if table.pk in chosen)
    locked.tables.exclude(pk__in=chosen).update(is_selected=False)
    locked.tables.filter(pk__in=chosen).update(is_selected=True)
    _reach(locked, SetupStep.SCHEDULE)
    changes = activity.differences({"tables": before}, {"tables": after})
    activity.record("connection.tables_chosen", actor=actor, connection=locked, changes=changes)


@transaction.atomic
def confirm_schedule(*, connection: Connection) -> None:
    """Store that the schedule was chosen. Raises `SetupOverError`."""
    _reach(_lock(connection), SetupStep.REVIEW)


@transaction.atomic
def finish_setup(*, connection: Connection, actor: User | None, seen: str = "") -> Connection:
    """Let a connection run from now on, and return it. `seen` is the version that was reviewed.

    Raises `SetupOverError`, `SetupMissingError` with what is, or `ChangedMeanwhileError` where it is another one now.
    """
    locked = _lock(connection)
    if seen:
        refuse_changed(locked, stored=_reviewed(locked), seen=seen)
    missing = derive_setup(replace(facts.setup_facts(locked), paused_by="", is_finished=True, has_files=True))
    if missing and missing.reason in MISSING:
        raise SetupMissingError(MISSING[missing.reason])
    if locked.setup_step != SetupStep.REVIEW or not locked.entities.selected().exists():
        message = "A step before this one is not finished."
        raise SetupMissingError(message)
    # Nobody else: the row is locked, and a setup that is over was refused above.
    locked.setup_step = ""
    locked.save(update_fields=["setup_step"])
    facts.refresh(locked)
    activity.record("connection.set_up", actor=actor, connection=locked)
    return locked


def setup_version(connection: Connection) -> str:
    """Name what the last step shows of a setup. One query."""
    return version_of(_reviewed(connection))


def _reviewed(connection: Connection) -> dict[str, Any]:
    tables = connection.tables.filter(is_selected=True).order_by("pk").values_list("pk", flat=True)
    return {
        "source": [connection.name, connection.config],
        "destination": [connection.destination_id, connection.dataset],
        "tables": list(tables),
        "plan": asdict(plan_of(connection)),
    }


def _lock(connection: Connection) -> Connection:
    locked = facts.lock(connection.pk)
    if not locked.setup_step or locked.deleted_at is not None:
        message = f"The setup of {locked.name} is over. Nothing was changed."
        raise SetupOverError(message)
    return locked


@contextmanager
def named(name: str) -> Iterator[None]:
    """Turn the database's refusal of a name into `NameTakenError`, and leave the transaction usable."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == "connection_name_unique":
            message = f"“{name}” is the name of another connection."
            raise NameTakenError(message) from error
        raise


def _reach(locked: Connection, step: SetupStep) -> None:
    locked.setup_step = _further(locked, step)
    locked.save(update_fields=["setup_step"])
    facts.refresh(locked)


def _further(locked: Connection, step: SetupStep) -> SetupStep:
    return max(SetupStep(locked.setup_step), step, key=STEPS.index)


def _forget_source(locked: Connection) -> None:
    """Forget what was found at a source that is another one now. Nothing was ever synced of it."""
    locked.entities.all().delete()
    locked.tables.all().delete()
    locked.tested_at, locked.setup_step = None, SetupStep.CONFIGURE


def _move(locked: Connection, destination: Destination) -> None:
    """Let everything land elsewhere, in datasets that are free there."""
    locked.destination = destination
    locked.dataset = connect.free_dataset(destination, locked.name, locked.pk)
    entities = facts.lock_entities(locked)
    connect.place(locked, entities, taken=set())
    Entity.objects.bulk_update(entities, ["dataset"])


def _told(connection: Connection) -> dict[str, Any]:
    destination = connection.destination.name if connection.destination else None
    return {"name": connection.name, "destination": destination, **connection.config}


def _changes(before: Mapping[str, Any], connection: Connection, settings: Settings) -> list[dict[str, Any]]:
    secret = registry.manifest(connection.provider).secret_names
    typed = dict.fromkeys(settings.credentials, activity.REPLACED)
    return activity.differences(before, {**_told(connection), **typed}, secret=secret)
