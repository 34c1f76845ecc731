"""Makes a second connection like a first: the same source, destination, schedule and tables, without credentials."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from connectors.ids import new_id
from connectors.models import Connection, SetupStep
from connectors.providers.manifest import SIGN_IN
from connectors.services import activity, connect, facts

_NAME_LENGTH = 200
# Two people who press at once take the same name; the second one looks again.
_TRIES = 5
_SAME = (
    "schedule_kind",
    "interval_seconds",
    "cron",
    "description",
    "runbook_url",
    "owner",
    "setup_step",
    "schema_policy",
)


class DeletedError(Exception):
    """The connection was deleted, so there is nothing left to copy. The text is a sentence for people."""


@transaction.atomic
def duplicate(*, connection: Connection, actor: User | None) -> Connection:
    """Store a copy of a connection under a free name and return it.

    Credentials are write-only and never copied, so it is incomplete until somebody sets them; entities are found by its
    own sign-in. Raises `DeletedError`.
    """
    original = facts.lock(connection.pk)
    if original.deleted_at is not None:
        message = f"{original.name} was deleted, so its settings are gone. Nothing was copied."
        raise DeletedError(message)
    copy = _create(original, actor)
    for field in _SAME:
        setattr(copy, field, getattr(original, field))
    if original.setup_step:
        copy.setup_step = SetupStep.CONFIGURE
    copy.save(update_fields=_SAME)
    copy.tags.set(original.tags.all())
    tables = list(original.tables.all())
    for table in tables:
        table.pk, table.connection = new_id(), copy
    original.tables.model.objects.bulk_create(tables)
    facts.refresh(copy)
    activity.record("connection.duplicated", actor=actor, connection=copy, note=f"From {original.name}.")
    return copy


def _create(original: Connection, actor: User | None) -> Connection:
    for tries_left in reversed(range(_TRIES)):
        try:
            with transaction.atomic():
                return connect.create_connection(
                    name=free_name(original.name),
                    provider=original.provider,
                    config={name: value for name, value in original.config.items() if name != SIGN_IN},
                    destination=original.destination,
                    interval_seconds=original.interval_seconds,
                    actor=actor,
                    time_zone=original.time_zone,
                )
        except IntegrityError:
            if not tries_left:
                raise
    raise AssertionError


def free_name(name: str) -> str:
    """Return "Shop (copy)" for "Shop", or the first of "Shop (copy 2)", "Shop (copy 3)" that is free."""
    number = 1
    while True:
        ending = " (copy)" if number == 1 else f" (copy {number})"
        wanted = f"{name[: _NAME_LENGTH - len(ending)]}{ending}"
        if not Connection.objects.filter(name=wanted).exists():
            return wanted
        number += 1
