"""The status rules: paused, then incomplete, then broken, then active."""

from __future__ import annotations

from itertools import product

import pytest

from connectors.errors import REGISTRY
from connectors.models import BROKEN_AFTER, Status
from connectors.status import (
    MISSING,
    RunFacts,
    SetupFacts,
    derive_connection,
    derive_entity,
    derive_setup,
    reason_in_words,
)

WHOLE = SetupFacts()
FINE = RunFacts()
REFUSED = RunFacts("invalid_credentials", 1)
SHAKY = RunFacts("unreachable", BROKEN_AFTER - 1)
TIRED = RunFacts("unreachable", BROKEN_AFTER)


@pytest.mark.parametrize(
    ("setup", "status", "reason"),
    [
        (SetupFacts(paused_by="user"), Status.PAUSED, "paused_by_user"),
        (SetupFacts(paused_by="rule"), Status.PAUSED, "paused_by_rule"),
        (SetupFacts(has_config=False), Status.INCOMPLETE, "missing_config"),
        (SetupFacts(has_credentials=False), Status.INCOMPLETE, "missing_credentials"),
        (SetupFacts(is_tested=False), Status.INCOMPLETE, "never_tested"),
        (SetupFacts(has_tables=False), Status.INCOMPLETE, "no_tables_selected"),
    ],
)
def test_setup_decides_before_the_runs(setup: SetupFacts, status: str, reason: str) -> None:
    for runs in (FINE, REFUSED, TIRED):
        derived = derive_entity(setup, runs)
        assert (derived.status, derived.reason) == (status, reason)
        assert derive_connection(setup, [runs]) == derived


def test_order_of_precedence_holds_for_every_combination() -> None:
    checks = ("has_config", "has_credentials", "is_tested", "has_tables")
    reasons = ("missing_config", "missing_credentials", "never_tested", "no_tables_selected")
    for paused_by, *there in product(("", "user", "rule"), *[(True, False)] * 4):
        derived = derive_setup(SetupFacts(str(paused_by), **dict(zip(checks, map(bool, there), strict=True))))
        missing = [reason for reason, is_there in zip(reasons, there, strict=True) if not is_there]
        expected = f"paused_by_{paused_by}" if paused_by else next(iter(missing), None)
        assert (derived.reason if derived else None) == expected


@pytest.mark.parametrize(
    ("runs", "status", "reason"),
    [
        (FINE, Status.ACTIVE, "ok"),
        (REFUSED, Status.BROKEN, "invalid_credentials"),
        (SHAKY, Status.ACTIVE, "ok"),
        (TIRED, Status.BROKEN, "unreachable"),
        (RunFacts("", BROKEN_AFTER), Status.ACTIVE, "ok"),
    ],
)
def test_runs_decide_once_the_setup_is_whole(runs: RunFacts, status: str, reason: str) -> None:
    derived = derive_entity(WHOLE, runs)

    assert (derived.status, derived.reason) == (status, reason)


@pytest.mark.parametrize("code", REGISTRY)
def test_every_code_breaks_at_once_or_after_three(code: str) -> None:
    statuses = [derive_entity(WHOLE, RunFacts(code, streak)).status for streak in (1, BROKEN_AFTER)]

    first = Status.BROKEN if REGISTRY[code].breaks else Status.ACTIVE
    assert statuses == [first, Status.BROKEN]


@pytest.mark.parametrize(
    ("entities", "status", "reason"),
    [
        ([], Status.ACTIVE, "ok"),
        ([FINE, REFUSED], Status.ACTIVE, "ok"),
        ([REFUSED, REFUSED], Status.BROKEN, "invalid_credentials"),
        ([TIRED, REFUSED, TIRED], Status.BROKEN, "unreachable"),
        ([SHAKY, SHAKY], Status.ACTIVE, "ok"),
    ],
)
def test_connection_is_broken_when_every_entity_is(entities: list[RunFacts], status: str, reason: str) -> None:
    derived = derive_connection(WHOLE, entities)

    assert (derived.status, derived.reason) == (status, reason)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (Status.ACTIVE, "ok", ""),
        (Status.BROKEN, "invalid_credentials", "Sign-in refused"),
        (Status.INCOMPLETE, "never_tested", "Not tested yet"),
        (Status.PAUSED, "paused_by_user", "By a person"),
        (Status.PAUSED, "something new", ""),
    ],
)
def test_reason_has_a_few_words(status: str, reason: str, words: str) -> None:
    assert reason_in_words(status, reason) == words


def test_what_is_missing_is_said_in_sentences() -> None:
    for reason, sentence in MISSING.items():
        assert reason_in_words(Status.INCOMPLETE, reason)
        assert sentence[0].isupper()
        assert sentence.endswith(".")
