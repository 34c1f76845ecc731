"""What a person says when pausing, re-syncing or purging a connection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.html import format_html

from connectors.models import Connection, Destination, Entity, Table


class Ends(TextChoices):
    """How a pause ends."""

    BY_HAND = "by_hand", "I resume it"
    TOMORROW = "tomorrow", "Tomorrow"
    AT = "at", "Another time"


class Running(TextChoices):
    """What becomes of a sync that runs when its connection is paused."""

    FINISH = "finish", "Let it finish"
    CANCEL = "cancel", "Cancel it now"


class PauseForm(forms.Form):
    """Why a connection stops, until when, and what becomes of what runs now."""

    reason = forms.CharField(max_length=500, help_text="Shown on the connection, to everybody.")
    ends = forms.ChoiceField(choices=Ends, required=False, widget=forms.RadioSelect)
    until = forms.DateTimeField(
        required=False,
        label="Time",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    # What "tomorrow" was when the question was asked: an answer after midnight means the same morning.
    tomorrow = forms.DateTimeField(required=False, widget=forms.HiddenInput)
    running = forms.ChoiceField(choices=Running, required=False, widget=forms.RadioSelect)

    def clean(self) -> dict[str, Any]:
        """Settle the end: the chosen one counts, and a time alone is a choice too. Refuse an end that has passed."""
        known = super().clean() or self.cleaned_data
        if "until" in self.errors:
            return known
        until: datetime | None = known.get("until")
        ends = known.get("ends") or (Ends.AT if until else Ends.BY_HAND)
        if ends == Ends.AT and until is None:
            self.add_error("until", "Say when it goes on, or choose another answer.")
        elif ends == Ends.AT and until and until <= timezone.now():
            self.add_error("until", "This time has passed. Choose a later one, or another answer.")
        known["ends"] = ends
        return known

    def answer(self) -> dict[str, Any]:
        """Return a valid form's answer as `pause_connection` takes it."""
        known = self.cleaned_data
        ends = {
            Ends.BY_HAND: None,
            Ends.TOMORROW: known["tomorrow"] or tomorrow_morning(timezone.now()),
            Ends.AT: known["until"],
        }
        return {
            "reason": known["reason"],
            "until": ends[known["ends"]],
            "cancels_running": known["running"] == Running.CANCEL,
        }


def tomorrow_morning(now: datetime) -> datetime:
    """Return eight o'clock of the next day in the current time zone."""
    local = timezone.localtime(now) + timedelta(days=1)
    return local.replace(hour=8, minute=0, second=0, microsecond=0)


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


class TypedNameForm(forms.Form):
    """The name of what is about to go, typed, so that nothing is removed by a slip."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, data: Mapping[str, Any] | None = None, *, subject: Connection | Destination) -> None:
        """Ask for the name of `subject`."""
        super().__init__(data)
        self._name = subject.name
        self.fields["name"].label = format_html('Type <span class="strong">{}</span> to confirm', subject.name)

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
