"""What the error registry says about a code, for where the failure is shown: cause, who acts, what to do, and whether
trying again helps.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.errors import REGISTRY, told
from connectors.errors.kinds import Actor, ErrorEntry
from connectors.models import Connection, Entity

WHO: dict[Actor, str] = {
    "operator": "an operator of Patchbay",
    "end_user": "the customer",
    "provider": "the provider",
    "us": "whoever runs this Patchbay",
    "nobody": "nobody",
}


@dataclass(frozen=True, slots=True)
class Guidance:
    """The registry's entry with the names filled in. `who_acts` says who must act, and whether trying again helps."""

    code: str
    short: str
    cause: str
    who_acts: str
    actions: tuple[tuple[str, str], ...]


def guidance_of(code: str, connection: Connection, *, source: str, entity: Entity | None = None) -> Guidance:
    """Return what the registry says about `code`, or about an unknown error where it has no such code (any more)."""
    known = _entry(code)
    destination = connection.destination.name if connection.destination else "the destination"
    name = entity.name if entity else "this entity"

    def fill(text: str) -> str:
        return told(text, source=source, destination=destination, entity=name)

    return Guidance(
        code=code,
        short=known.short,
        cause=fill(known.cause),
        who_acts=who_acts(code),
        actions=tuple((fill(action.title), fill(action.hint)) for action in known.actions),
    )


def who_acts(code: str) -> str:
    """Say who must act on a failure with `code`, and whether trying again helps; empty where nothing failed."""
    known = _entry(code)
    if known.retry.kind == "ended":
        return ""
    retry = "Trying again can help." if known.is_retryable else "Trying again does not help before that."
    return f"Who acts: {WHO[known.who]}. {retry}"


def _entry(code: str) -> ErrorEntry:
    """Return the entry of `code`; a code that was given up is an unknown error."""
    return REGISTRY.get(code) or REGISTRY["unknown_error"]
