"""What the address of an Insight page can ask for: the period, and one entity."""

from __future__ import annotations

from typing import Any

from django import forms

# How the address names a period, and how the page does.
PERIODS = {"24h": "24 hours", "7d": "7 days", "28d": "28 days", "60d": "60 days"}
DEFAULT = "7d"


class InsightForm(forms.Form):
    """The period and the entity. What is not valid is ignored, and `notes` says so."""

    period = forms.ChoiceField(choices=tuple(PERIODS.items()), required=False)
    entity = forms.UUIDField(required=False)

    def criteria(self) -> dict[str, Any]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]
