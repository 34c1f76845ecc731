"""Records who did what, in the transaction in which it was done."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from connectors.models import Activity, Connection, Destination

SET, REPLACED = "set, not recorded", "replaced, not recorded"
_NAME_LENGTH = 150
_SUBJECT_LENGTH = 200


def record(  # noqa: PLR0913 - what an act is made of, by keyword
    action: str,
    *,
    actor: User | None,
    connection: Connection | None = None,
    destination: Destination | None = None,
    subject: str = "",
    changes: Sequence[Mapping[str, Any]] = (),
    note: str = "",
    job_id: UUID | None = None,
) -> Activity:
    """Store one act on a connection, a destination, or what `subject` names; call it inside the transaction of the act.

    `action` is a verb of `dashboard`'s words for activity, such as "connection.paused"; `changes` come from
    `differences`. Without an actor Patchbay did it by itself.
    """
    on = connection or destination
    return Activity.objects.create(
        action=action,
        actor=actor,
        actor_name=actor.get_username()[:_NAME_LENGTH] if actor else "",
        connection=connection,
        destination=destination,
        subject=(on.name if on else subject)[:_SUBJECT_LENGTH],
        changes=[dict(change) for change in changes],
        note=note,
        job_id=job_id,
    )


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, secret: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return one entry per field that differs: its name, and what it was and is. Values of `secret` ones stay out.

    Of a document each value that differs is an entry, named by the way to it.
    """
    before, after = dict(_flat(before)), dict(_flat(after))
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [
        {"field": name, "before": None, "after": REPLACED}
        if name in secret
        else {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in changed
    ]


def _flat(values: Mapping[str, Any], way: str = "") -> Iterator[tuple[str, Any]]:
    """Give what stands in documents among the values, each named by the way to it; parts of lists by their name."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{way}{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            named = {str(one.get("name") or number): one for number, one in enumerate(value, start=1)}
            yield from _flat(named, f"{way}{name}.")
        else:
            yield f"{way}{name}", value
