"""Every code that the project names has an entry, and every entry says all that pages need."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from connectors import failures, signing_in
from connectors.engine import errors as engine_errors
from connectors.errors import REGISTRY, ActionKind, Actor, ErrorEntry, entry, told
from connectors.providers.sandbox_payroll import answers, tokens

ROOT = Path(__file__).resolve().parents[2]
# Calls whose first argument is a code, and names of arguments that hold one.
CALLS = {"SyncError", "SignInError", "Failure", "Stopped", "entry", "at_side", "ErrorEntry"}
ARGUMENTS = {"error_code", "code", "invalid_grant"}


def literals(node: ast.expr | None) -> Iterator[str]:
    """The texts that an expression can have: a literal, or both sides of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CALLS and node.args:
                yield from literals(node.args[0])
            for keyword in node.keywords:
                if keyword.arg in ARGUMENTS and name not in {"dict", "filter"}:
                    yield from literals(keyword.value)
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
            yield from literals(node.value)


def named_codes() -> set[tuple[str, str]]:
    """Every code that a literal in connectors/ or jobs/ names, with its file."""
    found = set()
    for folder in ("connectors", "jobs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            # The sandbox is a source: its codes are its own words.
            if "sandbox" not in path.parts and "migrations" not in path.parts:
                where = str(path.relative_to(ROOT))
                found |= {(where, code) for code in codes_in(ast.parse(path.read_text(encoding="utf-8"))) if code}
    return found


def test_every_code_that_is_named_has_an_entry() -> None:
    found = named_codes()

    assert len({code for _, code in found}) > 15
    assert {(where, code) for where, code in found if code not in REGISTRY} == set()


@pytest.mark.parametrize(
    "codes",
    [
        set(failures._AT_DESTINATION) | set(failures._AT_DESTINATION.values()),
        set(failures._SQLSTATES.values()),
        {code for _, code in failures._CONNECT_TEXTS},
        {code for _, code, _ in failures._HTTP},
        set(answers._CODES.values()) | set(answers._SAID.values()) | set(tokens._CODES.values()),
        set(signing_in._REFUSALS.values()),
    ],
    ids=["destination", "SQLSTATE", "libpq", "requests", "payroll", "authorization"],
)
def test_every_code_of_a_table_has_an_entry(codes: set[str]) -> None:
    assert codes <= set(REGISTRY)


def test_registry_holds_every_code_of_the_product() -> None:
    product = {
        *("invalid_credentials", "account_locked", "mfa_required", "mfa_failed", "token_revoked", "token_expired"),
        *("insufficient_permissions", "insufficient_scope", "entity_access_lost", "unreachable", "dns_failure"),
        *("connection_timeout", "tls_error", "address_not_allowed", "rate_limited", "provider_unavailable"),
        *("provider_maintenance", "provider_error", "misconfigured", "source_object_missing", "schema_changed"),
        *("schema_review_pending", "bad_record", "destination_unreachable", "destination_permission_denied"),
        *("destination_full", "job_timed_out", "worker_lost", "cancelled_by_user", "session_expired"),
        *("consent_revoked", "unknown_error"),
    }

    assert len(product) == 32
    assert product <= set(REGISTRY)


def test_unknown_failures_have_a_code_too() -> None:
    found = engine_errors.classify(ZeroDivisionError("division by zero"), "source")

    assert getattr(found, "code", None) == "unknown_error"
    assert "unknown_error" in REGISTRY


def test_code_without_an_entry_is_refused() -> None:
    with pytest.raises(KeyError):
        entry("no_such_code")


@pytest.mark.parametrize("known", REGISTRY.values(), ids=list(REGISTRY))
def test_entry_is_whole(known: ErrorEntry) -> None:
    assert REGISTRY[known.code] is known
    assert len(known.code) <= 40
    assert known.who in get_args(Actor)
    assert 1 <= len(known.short.split()) <= 4
    assert known.actions
    for action in known.actions:
        assert action.kind in get_args(ActionKind)
        assert action.title
        assert action.hint.endswith(".")
    for sentence in (known.cause, known.end_user_text):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert not known.title.endswith(".")
    assert 1 <= known.retry.in_a_row <= known.retry.in_all <= known.retry.in_all_moving
    assert known.retry.first_wait_seconds >= 0


@pytest.mark.parametrize("known", REGISTRY.values(), ids=list(REGISTRY))
def test_texts_of_an_entry_fill(known: ErrorEntry) -> None:
    texts = [known.title, known.cause, known.end_user_text, known.short]
    texts += [text for action in known.actions for text in (action.title, action.hint)]

    for text in texts:
        assert {name for _, name, _, _ in Formatter().parse(text) if name} <= {"source", "destination", "entity"}
        filled = told(text, source="Shop {0}", destination="Warehouse", entity="Acme {x}")
        assert filled
        assert "{source}" not in filled


@pytest.mark.parametrize("known", REGISTRY.values(), ids=list(REGISTRY))
def test_what_a_person_must_mend_is_not_tried_again_by_itself(known: ErrorEntry) -> None:
    # Three lost workers are tried for by ourselves; what has killed that many is left to a person.
    assert not (known.breaks and known.is_retryable) or known.code == "worker_lost"
    assert known.breaks or not known.holds
