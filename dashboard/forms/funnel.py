"""What the funnel is asked for in its address: the form, what is valid of it, and a sentence per error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.urls import reverse

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.formatting import as_typed
from dashboard.forms.connections import INTEGRATIONS
from dashboard.forms.session_criteria import NO_PROVIDER, period_start
from sessions_log.funnel import Scope
from sessions_log.models import SessionKind

PERIODS = {"7d": "7 days", "30d": "30 days", "90d": "90 days"}
USUAL = "30d"
# How a note calls a value that there is none of.
_NOTES = {
    "period": "The funnel knows no period",
    "provider": "There is no provider",
    "kind": "There is no kind of session",
    "type": "There is no integration type",
    "connection": "There is no connection with the ID",
}


@dataclass(frozen=True, slots=True)
class FunnelCriteria:
    """What the funnel is asked for, all of it valid."""

    period: str = USUAL
    provider: str = ""
    kind: str = ""
    type: str = ""
    connection: Connection | None = None

    def parameters(self) -> dict[str, str]:
        """Return the parameters that are set, by name; the usual period needs none."""
        texts = {
            "period": self.period if self.period != USUAL else "",
            "provider": self.provider,
            "kind": self.kind,
            "type": self.type,
            "connection": str(self.connection.pk) if self.connection else "",
        }
        return {name: text for name, text in texts.items() if text}

    def address(self, route: str = "sessions:funnel") -> str:
        """Return the address that asks for this."""
        query = urlencode(self.parameters())
        return f"{reverse(route)}?{query}" if query else reverse(route)

    def scope(self, now: datetime) -> Scope:
        """Return the sessions that are meant."""
        since = period_start(self.period, now)
        if since is None:
            message = f"The period {self.period!r} has no begin."
            raise ValueError(message)
        provider = {"": None, NO_PROVIDER: ""}.get(self.provider, self.provider)
        return Scope(since, provider, self.kind, self.type, self.connection.pk if self.connection else None)


def _choice(values: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=values, required=False)


class FunnelForm(forms.Form):
    """The parameters of the address. What is not valid is left out of `criteria`, and `notes` says so."""

    period = _choice(tuple(PERIODS.items()))
    provider = _choice(
        lambda: [(NO_PROVIDER, "Not chosen yet"), *((one.kind, one.name) for one in providers.all_manifests())]
    )
    kind = _choice(SessionKind.choices)
    type = _choice(tuple(INTEGRATIONS.items()))
    connection = forms.UUIDField(required=False)

    def __init__(self, data: Mapping[str, str]) -> None:
        """Take the parameters."""
        super().__init__(data)

    def criteria(self) -> FunnelCriteria:
        """Return the valid parameters that are set."""
        self.is_valid()
        return FunnelCriteria(**{name: value for name, value in self.cleaned_data.items() if value})

    def clean_connection(self) -> Connection | None:
        """Return the connection that is meant, also one that was deleted."""
        asked = self.cleaned_data["connection"]
        if asked is None:
            return None
        found = Connection.everything.filter(pk=asked).only("pk", "name", "deleted_at").first()
        if found is None:
            raise forms.ValidationError("")
        return found

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was left out."""
        return list(self._notes())

    def _notes(self) -> Iterator[str]:
        for name in self.errors:
            text = as_typed(str(self.data.get(name, "")))
            yield f"{_NOTES[name]} “{text}”, so that filter was left out."
