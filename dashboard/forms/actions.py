"""What a person says when pausing, re-syncing or purging a connection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from connectors.models import Connection, Entity, Table


class PauseForm(forms.Form):
    """Why a connection stops, until when, and what becomes of what runs now."""

    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 2}), help_text="Shown on the connection to everybody."
    )
    until = forms.DateTimeField(
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="It goes on by itself then. Without a time it stays paused until somebody resumes it.",
    )
    cancels_running = forms.BooleanField(required=False, label="Cancel a sync that runs now")

    def clean_until(self) -> datetime | None:
        """Refuse an end that has passed."""
        until: datetime | None = self.cleaned_data["until"]
        if until is not None and until <= timezone.now():
            message = "This time has passed. Choose a later one, or leave it empty."
            raise ValidationError(message)
        return until


class ResyncForm(forms.Form):
    """Which part of a connection is read again, and from when on."""

    entity = forms.ModelChoiceField(Entity.objects.none(), required=False, empty_label="All of them")
    tables = forms.ModelMultipleChoiceField(Table.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)
    since = forms.DateField(
        required=False,
        label="Only rows changed since",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="For tables with a cursor; all others are read whole. Without a date everything is read again, and "
        "rows that the source deleted go.",
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection, entity_word: str) -> None:
        """Offer the selected entities and tables of `connection`; `entity_word` is what one of them is called."""
        super().__init__(data)
        choices = {"entity": connection.entities.selected().order_by("name"), "tables": selected_tables(connection)}
        for name, queryset in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
            field.queryset = queryset
        self.fields["entity"].label = entity_word.capitalize()

    def clean_since(self) -> date | None:
        """Refuse a day that is yet to come."""
        since: date | None = self.cleaned_data["since"]
        if since is not None and since > timezone.now().date():
            message = "This day is yet to come. Choose an earlier one, or leave it empty."
            raise ValidationError(message)
        return since


class PurgeForm(forms.Form):
    """The connection's name, typed, so that nothing is removed by a slip."""

    name = forms.CharField(
        max_length=200, label="Name of the connection", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection) -> None:
        """Ask for the name of `connection`."""
        super().__init__(data)
        self._name = connection.name

    def clean_name(self) -> str:
        """Refuse any other name."""
        typed: str = self.cleaned_data["name"]
        if typed != self._name:
            message = f"This is not the name. Type “{self._name}” as it stands above."
            raise ValidationError(message)
        return typed


def selected_tables(connection: Connection) -> Any:
    """Return the tables of a connection that are copied, by name."""
    return connection.tables.filter(is_selected=True).order_by("name")
