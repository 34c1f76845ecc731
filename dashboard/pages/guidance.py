"""What the error registry says about a code, for where the failure is shown: cause, who acts, what to do, and whether
trying again helps.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.errors import REGISTRY, told
from connectors.errors.kinds import Actor, ErrorEntry
from connectors.models import Connection, Entity

WHO: dict[Actor, str] = {
    "operator": "An operator must act",
    "end_user": "The customer must act",
    "provider": "The provider must act",
    "us": "An admin of Patchbay must act",
    "nobody": "Nobody needs to act",
}


@dataclass(frozen=True, slots=True)
class Guidance:
    """The registry's entry with the names filled in. `who` and `retry` are clauses of a sentence."""

    code: str
    short: str
    cause: str
    who: str
    retry: str
    actions: tuple[tuple[str, str], ...]


def guidance_of(code: str, connection: Connection, *, source: str, entity: Entity | None = None) -> Guidance:
    """Return what the registry says about `code`, or about an unknown error where it has no such code (any more)."""
    known = REGISTRY.get(code) or REGISTRY["unknown_error"]
    destination = connection.destination.name if connection.destination else "the destination"
    name = entity.name if entity else "this entity"

    def fill(text: str) -> str:
        return told(text, source=source, destination=destination, entity=name)

    return Guidance(
        code=code,
        short=known.short,
        cause=fill(known.cause),
        who=WHO[known.who],
        retry=retry_words(known),
        actions=tuple((fill(action.title), fill(action.hint)) for action in known.actions),
    )


def retry_words(known: ErrorEntry) -> str:
    """Say whether trying again helps, and who does it."""
    if known.is_retryable:
        return "Trying again can help, and Patchbay does so by itself."
    return "Trying again does not help before that." if known.who != "nobody" else "Trying again is not needed."
