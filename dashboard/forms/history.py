"""What the addresses of one connection's pages can ask for: filters, and the places in its lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from connectors.models import Outcome
from dashboard.pages.entity_rows import LIST_ORDER
from jobs.handlers import HANDLED
from jobs.models import JobStatus, JobType, Trigger

_CURSOR_LENGTH = 400
JOB_TYPES = [(value, label) for value, label in JobType.choices if value in HANDLED]


def _check_cursor(value: str) -> None:
    """Refuse what is not a place in the list of entities."""
    try:
        LIST_ORDER.read(value)
    except ValueError as error:
        message = "This is no place in the list."
        raise ValidationError(message) from error


@dataclass(frozen=True, slots=True)
class Asked:
    """The valid parameters of an address, by name; links to the same page with some of them changed."""

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return a parameter, None without it."""
        return self.values.get(name)

    def only(self, *names: str) -> dict[str, Any]:
        """Return those of the parameters `names` that are set."""
        return {name: self.values[name] for name in names if name in self.values}

    def query(self, **changes: Any) -> str:
        """Return the query of an address with parameters changed, or taken out by None; empty without any."""
        values = {name: value for name, value in {**self.values, **changes}.items() if value}
        return f"?{urlencode(values)}" if values else ""

    def link(self, **changes: Any) -> str:
        """Return the same as an address that is relative to the page's own."""
        return self.query(**changes) or "?"


class PlaceForm(forms.Form):
    """The place in the list of entities. What is not valid is ignored, and `notes` says so."""

    text = forms.CharField(required=False, max_length=100)
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


class HistoryForm(PlaceForm):
    """The filters of the entities, and those of the jobs with the place in their list."""

    outcome = forms.ChoiceField(required=False, choices=Outcome)
    entity = forms.UUIDField(required=False)
    type = forms.ChoiceField(required=False, choices=JOB_TYPES)
    status = forms.ChoiceField(required=False, choices=JobStatus)
    trigger = forms.ChoiceField(required=False, choices=Trigger)
    day = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    older_than = forms.UUIDField(required=False)
    newer_than = forms.UUIDField(required=False)

    def asked(self) -> Asked:
        """Return what the address asks for."""
        return Asked(self.criteria())
