"""What a page of acts can be asked for in its address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from dashboard.pages.activity import WORDS


class ActivityFilterForm(forms.Form):
    """Filters and place of the list. What is not valid is ignored, and `notes` says so."""

    who = forms.ChoiceField(required=False)
    what = forms.ChoiceField(required=False, choices=[(code, words.kind) for code, words in WORDS.items()])
    day = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    older_than = forms.UUIDField(required=False)
    newer_than = forms.UUIDField(required=False)

    def __init__(self, data: Mapping[str, Any], *, people: Sequence[tuple[str, str]]) -> None:
        """Take the address's parameters, and the people (id, name) that can be chosen."""
        super().__init__(data)
        who = self.fields["who"]
        assert isinstance(who, forms.ChoiceField)  # noqa: S101 - for the type checker
        who.choices = list(people)

    def criteria(self) -> dict[str, Any]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]


def span_of(day: date) -> tuple[datetime, datetime]:
    """Return when a day begins and ends in the current time zone."""
    zone = timezone.get_current_timezone()
    return (
        datetime.combine(day, time.min, tzinfo=zone),
        datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone),
    )
