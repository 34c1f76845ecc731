"""Which sessions a funnel is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from connectors.providers import registry as providers

# The scope of `TimeTally` that means everybody.
EVERYBODY = "all"


@dataclass(frozen=True, slots=True)
class Scope:
    """The sessions made since a midnight in UTC, narrowed by what is set.

    `provider` is None for all of them, and empty for those who have not chosen one. `integration` is "automated" or
    "assisted"; who has chosen no provider has none.
    """

    since: datetime
    provider: str | None = None
    kind: str = ""
    integration: str = ""
    connection: UUID | None = None

    @property
    def first_day(self) -> date:
        """The day on which it begins."""
        return self.since.date()

    @property
    def of_times(self) -> str:
        """The scope of `TimeTally` that it means."""
        if self.provider is not None:
            return f"provider:{self.provider}"
        return f"integration:{self.integration}" if self.integration else EVERYBODY

    def condition(self) -> str:
        """Return what SQL asks of the columns `provider` and `kind`; its values are those of `values`."""
        return " AND ".join(["true", *self._conditions()])

    def _conditions(self) -> Iterator[str]:
        if self.provider is not None:
            yield "provider = %(provider)s"
        if self.kind:
            yield "kind = %(kind)s"
        if self.integration:
            yield f"{integration_of('provider')} = %(integration)s"

    def values(self) -> dict[str, Any]:
        """Return the values that its SQL names."""
        return {
            "provider": self.provider,
            "kind": self.kind,
            "integration": self.integration,
            "connection": self.connection,
            "scope": self.of_times,
            "assisted": assisted(),
        }


def assisted() -> list[str]:
    """Return the providers whose data a person delivers."""
    return [one.kind for one in providers.all_manifests() if one.integration == "assisted"]


def integration_of(column: str) -> str:
    """Return the SQL that gives the integration type of the provider in a column; its value is `assisted`."""
    return (
        f"CASE WHEN {column} = '' THEN '' WHEN {column} = ANY(%(assisted)s::text[]) THEN 'assisted' "
        "ELSE 'automated' END"
    )
