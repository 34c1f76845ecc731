"""What the addresses of one connection's pages can ask for: a filter, and the place in a list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.pages.overview import LIST_ORDER

_CURSOR_LENGTH = 400


def _check_cursor(value: str) -> None:
    """Refuse what is not a place in the list of entities."""
    try:
        LIST_ORDER.read(value)
    except ValueError as error:
        message = "This is no place in the list."
        raise ValidationError(message) from error


class PlaceForm(forms.Form):
    """The place in the list of entities. What is not valid is ignored, and `notes` says so."""

    after = forms.CharField(required=False, max_length=_CURSOR_LENGTH, validators=[_check_cursor])
    before = forms.CharField(required=False, max_length=_CURSOR_LENGTH, validators=[_check_cursor])

    def criteria(self) -> dict[str, Any]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]


class OverviewForm(PlaceForm):
    """The filter of the overview's entities: a part of the name, or the start of an ID."""

    text = forms.CharField(required=False, max_length=100)


class HistoryForm(PlaceForm):
    """The jobs of one entity only, and those older than a job."""

    entity = forms.UUIDField(required=False)
    older_than = forms.UUIDField(required=False)
