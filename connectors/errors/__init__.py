"""The registry of error codes: what every failure means, who acts, and whether a retry helps.

The page, the log and later the API and webhooks show the same entry. A code without an entry cannot be stored:
`entry()` raises for it, and a test walks every code that the project names.
"""

from __future__ import annotations

from connectors.errors import job, sign_in
from connectors.errors import source as of_source
from connectors.errors.kinds import Action, ActionKind, Actor, ErrorEntry, Retry

__all__ = ("REGISTRY", "Action", "ActionKind", "Actor", "ErrorEntry", "Retry", "entry", "told")

REGISTRY: dict[str, ErrorEntry] = {known.code: known for known in (*sign_in.ENTRIES, *of_source.ENTRIES, *job.ENTRIES)}


def entry(code: str) -> ErrorEntry:
    """Return the registry's entry for `code`. Raises `KeyError` for a code that has none."""
    return REGISTRY[code]


def told(text: str, *, source: str, destination: str, entity: str = "this company") -> str:
    """Fill the names into a text of an entry."""
    return text.format(source=source, destination=destination, entity=entity)
