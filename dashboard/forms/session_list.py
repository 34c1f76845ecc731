"""What the list of sessions can be asked for in its address: the form, and a sentence per error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connectors.errors import REGISTRY
from connectors.ids import ids_beginning
from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.formatting import as_typed
from dashboard.forms.connections import INTEGRATIONS
from dashboard.forms.session_criteria import NO_CODE, NO_PROVIDER, PERIODS, SessionCriteria
from sessions_log.findings import KINDS
from sessions_log.models import SessionKind, SessionStatus
from sessions_log.stages import Stage

MOST_LETTERS = 200
# How a note calls a value that there is none of.
_FEW = {
    "period": "The list knows no period",
    "status": "No session has the status",
    "stage": "There is no stage",
    "left": "There is no stage",
    "provider": "There is no provider",
    "finding": "There is no finding",
    "code": "There is no error code",
    "kind": "There is no kind of session",
    "type": "There is no integration type",
    "connection": "There is no connection with the ID",
}


def _choice(values: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=values, required=False)


class SessionFilterForm(forms.Form):
    """The parameters of the list's address. What is not valid is left out of `criteria`, and `notes` says so."""

    period = _choice([(name, name) for name in PERIODS])
    status = _choice(SessionStatus.choices)
    stage = _choice(Stage.choices)
    left = _choice(Stage.choices)
    provider = _choice(
        lambda: [(NO_PROVIDER, "Not chosen yet"), *((one.kind, one.name) for one in providers.all_manifests())]
    )
    finding = _choice([(code, code) for code in KINDS])
    code = _choice([(code, code) for code in (*REGISTRY, NO_CODE)])
    kind = _choice(SessionKind.choices)
    type = _choice(tuple(INTEGRATIONS.items()))
    connection = forms.CharField(max_length=MOST_LETTERS, required=False)
    q = forms.CharField(max_length=MOST_LETTERS, required=False)
    older_than = forms.UUIDField(required=False)
    newer_than = forms.UUIDField(required=False)

    def __init__(self, data: Mapping[str, str]) -> None:
        """Take the parameters."""
        super().__init__(data)

    def criteria(self) -> SessionCriteria:
        """Return the valid parameters that are set."""
        self.is_valid()
        return SessionCriteria(**{name: value for name, value in self.cleaned_data.items() if value})

    def clean_connection(self) -> Connection | None:
        """Return the connection that is meant by its ID, also one that was deleted."""
        text = self.cleaned_data["connection"]
        if not text:
            return None
        ids = ids_beginning(text)
        if ids is None or ids[0] != ids[1]:
            raise ValidationError("")
        found = Connection.everything.filter(pk=ids[0]).only("pk", "name", "deleted_at").first()
        if found is None:
            raise ValidationError("")
        return found

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was left out."""
        return list(self._notes())

    def _notes(self) -> Iterator[str]:
        for name in self.errors:
            text = as_typed(str(self.data.get(name, "")))
            if name in _FEW:
                yield f"{_FEW[name]} “{text}”, so that filter was left out."
            elif name == "q":
                yield f"A text to look for has at most {MOST_LETTERS} letters, so that filter was left out."
            else:
                yield "The place named in this address is no session. These are the newest."
