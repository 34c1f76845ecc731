"""The one function that derives a status from stored facts, and the words for each reason.

The order of precedence is: paused, incomplete, broken, active. Beside the status stand flags, never inside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.errors import REGISTRY
from connectors.models import BROKEN_AFTER, Status

_REASONS = {
    "ok": "",
    "missing_config": "Settings missing",
    "missing_credentials": "Credentials missing",
    "never_tested": "Not tested yet",
    "no_tables_selected": "No tables chosen",
    "setup_unfinished": "Setup not finished",
    "deleted": "Deleted",
    "schema_review_pending": "Schema to review",
    "awaiting_end_user": "Waiting for sign-in",
    "awaiting_upload": "Waiting for a file",
    "paused_by_user": "By a person",
    "paused_by_rule": "By Patchbay",
}

# What is missing and what to do about it, as a sentence.
MISSING = {
    "missing_config": "The source or the destination of this connection is not set.",
    "missing_credentials": "No credentials are stored, so Patchbay cannot sign in at the source.",
    "never_tested": "The connection was never tested with its current credentials.",
    "no_tables_selected": "No table is chosen, so there is nothing to copy.",
    "setup_unfinished": "Its setup was left before the last step, so nothing is planned yet.",
    "schema_review_pending": "The source has changed, and its policy lets nothing run before somebody has decided.",
    "awaiting_upload": "No complete set of its files was delivered yet, so there is nothing to load.",
}


@dataclass(frozen=True, slots=True)
class Derived:
    """A status with the code of its reason."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """What is set up of a connection. A pause is "user", "rule" or empty.

    `has_files` is False where people deliver files and no complete set has come yet.
    """

    paused_by: str = ""
    has_config: bool = True
    has_credentials: bool = True
    is_tested: bool = True
    has_tables: bool = True
    is_finished: bool = True
    is_reviewed: bool = True
    is_deleted: bool = False
    has_files: bool = True


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How the last runs of one entity ended."""

    last_error_code: str = ""
    failure_streak: int = 0


def derive_setup(facts: SetupFacts) -> Derived | None:
    """Return the status that the set-up alone decides, or None when the runs decide."""
    if facts.is_deleted:
        return Derived(Status.PAUSED, "deleted")
    if facts.paused_by:
        return Derived(Status.PAUSED, f"paused_by_{facts.paused_by}")
    missing = (
        (facts.has_config, "missing_config"),
        (facts.has_credentials, "missing_credentials"),
        (facts.is_tested, "never_tested"),
        (facts.has_tables, "no_tables_selected"),
        (facts.is_finished, "setup_unfinished"),
        (facts.is_reviewed, "schema_review_pending"),
        (facts.has_files, "awaiting_upload"),
    )
    for is_there, reason in missing:
        if not is_there:
            return Derived(Status.INCOMPLETE, reason)
    return None


def derive_entity(setup: SetupFacts, runs: RunFacts) -> Derived:
    """Return an entity's status: broken when its last failure needs a person, or after three failures in a row."""
    if decided := derive_setup(setup):
        return decided
    if runs.last_error_code and (REGISTRY[runs.last_error_code].breaks or runs.failure_streak >= BROKEN_AFTER):
        return Derived(Status.BROKEN, runs.last_error_code)
    return Derived(Status.ACTIVE, "ok")


def derive_connection(setup: SetupFacts, entities: Iterable[RunFacts] | Mapping[RunFacts, int]) -> Derived:
    """Return a connection's status: broken when every entity is; some broken ones are the flag `partial` instead.

    `entities` are the facts of each, or each different fact with the number of entities that it is true of.
    """
    if decided := derive_setup(setup):
        return decided
    counted = Counter(entities)
    if not counted or any(derive_entity(setup, facts).status != Status.BROKEN for facts in counted):
        return Derived(Status.ACTIVE, "ok")
    codes: Counter[str] = Counter()
    for facts, count in counted.items():
        codes[facts.last_error_code] += count
    # The most frequent code; of two that are as frequent always the same one, whatever the order.
    return Derived(Status.BROKEN, min(codes, key=lambda code: (-codes[code], code)))


def reason_in_words(status: str, reason: str) -> str:
    """Return the two or three words that stand under a status; empty when there is nothing to say."""
    if status == Status.BROKEN and reason in REGISTRY:
        return REGISTRY[reason].short
    return _REASONS.get(reason, "")
