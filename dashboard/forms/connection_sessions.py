"""What a connection's pages about its sessions can be asked for in their address."""

from __future__ import annotations

from typing import Any

from django import forms

from sessions_log.models import SessionStatus

PERIODS = {"7d": "7 days", "30d": "30 days", "90d": "90 days"}
USUAL = "30d"
SCOPES = ("connection", "provider")


class SessionPlaceForm(forms.Form):
    """The session that is shown and how. What is not valid is ignored, and `notes` says so."""

    session = forms.UUIDField(required=False)
    outcome = forms.ChoiceField(required=False, choices=SessionStatus.choices)
    view = forms.ChoiceField(required=False, choices=[("raw", "raw")])
    older_than = forms.UUIDField(required=False)

    def criteria(self) -> dict[str, Any]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]


class ProgressForm(SessionPlaceForm):
    """The session, and of which time and scope the progress below it is."""

    period = forms.ChoiceField(required=False, choices=[(name, name) for name in PERIODS])
    scope = forms.ChoiceField(required=False, choices=[(name, name) for name in SCOPES])
