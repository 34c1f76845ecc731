"""The sessions that criteria mean, and the filters of the list as chips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from connectors.errors import REGISTRY
from connectors.providers import registry as providers
from dashboard.forms.connections import INTEGRATIONS
from dashboard.forms.session_criteria import NO_CODE, NO_PROVIDER, PERIODS, USUAL, SessionCriteria
from dashboard.pages.chips import Chip, Choice
from sessions_log.findings import KINDS
from sessions_log.models import SessionKind, SessionQuerySet, SessionStatus
from sessions_log.stages import Stage


def matching(criteria: SessionCriteria, sessions: SessionQuerySet) -> SessionQuerySet:
    """Return those of `sessions` that pass the filters of `criteria`, whatever page they name."""
    plain = {
        "status": criteria.status,
        "provider": criteria.provider if criteria.provider != NO_PROVIDER else "",
        "error_code": criteria.code if criteria.code != NO_CODE else "",
        "kind": criteria.kind,
        "connection": criteria.connection and criteria.connection.pk,
    }
    found = sessions.filter(**{name: value for name, value in plain.items() if value}).matching(criteria.q)
    found = found.filter(provider="") if criteria.provider == NO_PROVIDER else found
    found = found.filter(error_code="") if criteria.code == NO_CODE else found
    found = _of_type(found, criteria.type) if criteria.type else found
    found = found.reached(criteria.stage) if criteria.stage else found
    found = found.left_at(criteria.left) if criteria.left else found
    return found.with_finding(criteria.finding) if criteria.finding else found


def _of_type(found: SessionQuerySet, integration: str) -> SessionQuerySet:
    """Keep those with a provider of an integration type; who has chosen none has no type."""
    assisted = [one.kind for one in providers.all_manifests() if one.integration == "assisted"]
    if integration == "assisted":
        return found.filter(provider__in=assisted)
    return found.exclude(provider__in=["", *assisted])


def chips_of(kept: SessionCriteria) -> Iterator[Chip]:
    """Give the filters of the list, each with its choices. Whoever chooses begins at the newest page again."""
    yield _period(kept)
    yield _chip(kept, "status", "Status", SessionStatus.choices)
    yield _chip(kept, "stage", "Stage reached", Stage.choices)
    yield _chip(kept, "left", "Left at", Stage.choices[:-1])
    known = [(one.kind, one.name) for one in providers.all_manifests()]
    yield _chip(kept, "provider", "Provider", [*known, (NO_PROVIDER, "Not chosen yet")])
    yield _chip(kept, "finding", "Finding", [(kind.code, kind.label) for kind in KINDS.values()])
    codes = [(code, code) for code in sorted(REGISTRY)]
    yield _chip(kept, "code", "Error code", [*codes, (NO_CODE, "Nothing was refused")])
    yield _chip(kept, "kind", "Kind", SessionKind.choices)
    if kept.type:
        yield _chip(kept, "type", "Integration type", list(INTEGRATIONS.items()))
    if kept.connection:
        mark = " (deleted)" if kept.connection.deleted_at else ""
        without = replace(kept, connection=None)
        yield Chip("connection", "Connection", f"{kept.connection.name}{mark}", without.address(), ())


def _period(kept: SessionCriteria) -> Chip:
    """Return the period, which is always one of them; taken away, it is all that is kept."""
    choices = tuple(
        Choice(words.capitalize(), replace(kept, period=name).address(), name == kept.period)
        for name, (words, _) in PERIODS.items()
    )
    wider = "all" if kept.period != "all" else USUAL
    return Chip("period", "Period", PERIODS[kept.period][0], replace(kept, period=wider).address(), choices)


def _chip(kept: SessionCriteria, name: str, label: str, options: Iterable[tuple[Any, Any]]) -> Chip:
    """Return a filter of one value; a choice that is set leads to the list without it."""
    chosen = getattr(kept, name)

    def address(option: str) -> str:
        change: Any = {name: option}
        return replace(kept, **change).address()

    choices = tuple(
        Choice(str(words), address("" if option == chosen else option), option == chosen) for option, words in options
    )
    shown = next((choice.label for choice in choices if choice.is_set), "")
    return Chip(name, label, shown, address(""), choices)
