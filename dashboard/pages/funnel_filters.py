"""The filters of the funnel, and the addresses of the sessions behind its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.providers import registry as providers
from dashboard.forms.connections import INTEGRATIONS
from dashboard.forms.funnel import PERIODS, FunnelCriteria
from dashboard.forms.session_criteria import NO_PROVIDER, SessionCriteria
from dashboard.pages.chips import Chip, Choice
from sessions_log.models import SessionKind


@dataclass(frozen=True, slots=True)
class Period:
    """A period to choose: its words, its address, and whether it is chosen."""

    words: str
    href: str
    is_chosen: bool


def periods_of(criteria: FunnelCriteria) -> tuple[Period, ...]:
    """Return the periods that can be chosen."""
    return tuple(
        Period(words, replace(criteria, period=name).address(), name == criteria.period)
        for name, words in PERIODS.items()
    )


def chips_of(criteria: FunnelCriteria) -> Iterator[Chip]:
    """Give the filters, each with its choices. The integration type is asked only where there are several."""
    known = [(one.kind, one.name) for one in providers.all_manifests()]
    yield _chip(criteria, "provider", "Provider", [*known, (NO_PROVIDER, "Not chosen yet")])
    yield _chip(criteria, "kind", "Kind", SessionKind.choices)
    present = {one.integration for one in providers.all_manifests()}
    if len(present) > 1 or criteria.type:
        yield _chip(criteria, "type", "Integration type", list(INTEGRATIONS.items()))
    if criteria.connection:
        mark = " (deleted)" if criteria.connection.deleted_at else ""
        without = replace(criteria, connection=None).address()
        yield Chip("connection", "Connection", f"{criteria.connection.name}{mark}", without, ())


def _chip(criteria: FunnelCriteria, name: str, label: str, options: Sequence[tuple[Any, Any]]) -> Chip:
    chosen = getattr(criteria, name)

    def address(option: str) -> str:
        change: Any = {name: option}
        return replace(criteria, **change).address()

    choices = tuple(
        Choice(str(words), address("" if option == chosen else option), option == chosen) for option, words in options
    )
    return Chip(name, label, next((one.label for one in choices if one.is_set), ""), address(""), choices)


def list_address(
    criteria: FunnelCriteria, *, provider: str | None = None, stage: str = "", left: str = "", finding: str = ""
) -> str:
    """Return the address of the sessions behind a number: those of the funnel that have all this.

    `provider` is one of the table, None for those that the funnel is about.
    """
    return SessionCriteria(
        period=criteria.period,
        provider=criteria.provider if provider is None else provider or NO_PROVIDER,
        kind=criteria.kind,
        type=criteria.type,
        connection=criteria.connection,
        stage=stage,
        left=left,
        finding=finding,
    ).address()
