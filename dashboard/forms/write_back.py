"""What a person fills in to change something at a source: a form made from the action's declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core import signing
from django.http import QueryDict

from connectors.models import Connection, Entity
from connectors.providers.actions import Action, ActionField, Option

TEXT_LENGTH = 200
LONGEST_SEARCH = 100
# How long a person may look at the review before it is asked for again.
REVIEW_SECONDS = 3600
_SALT = "patchbay.write-back"


class PlaceForm(forms.Form):
    """Where something is changed, in the address: one of the connection's entities, and a job that is done again."""

    entity = forms.ModelChoiceField(Entity.objects.none(), required=False, empty_label=None)
    again = forms.UUIDField(required=False)

    def __init__(self, data: QueryDict, *, connection: Connection, entity_word: str) -> None:
        """Offer the selected entities; `entity_word` is what one of them is called."""
        super().__init__(data)
        chooser = self.fields["entity"]
        assert isinstance(chooser, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        chooser.queryset = connection.entities.selected().order_by("name")
        chooser.label = entity_word.capitalize()

    def place(self) -> tuple[Entity | None, UUID | None]:
        """Return the entity, the only one where there is one, and the job that is done again; None where unknown."""
        self.is_valid()
        chosen: Entity | None = self.cleaned_data.get("entity")
        if chosen is None:
            chooser = self.fields["entity"]
            assert isinstance(chooser, forms.ModelChoiceField)  # noqa: S101 - for the type checker
            known = list(chooser.queryset[:2]) if chooser.queryset is not None else []
            chosen = known[0] if len(known) == 1 else None
        return chosen, self.cleaned_data.get("again")


class ActionForm(forms.Form):
    """The values of an action: one control per field of it, in its order."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        action: Action,
        offered: Mapping[str, Sequence[Option]],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """Ask for the fields of `action`; `offered` are, by field, the options that the source has for it."""
        super().__init__(data, initial=dict(initial or {}))
        self.action = action
        for field in action.fields:
            self.fields[field.name] = _control(field, offered.get(field.name, ()), action.most_lines)

    def values(self) -> dict[str, str]:
        """Return a valid form's values that all lines share, as a job keeps them: days as ISO dates, money in cents."""
        return {field.name: _stored(self.cleaned_data[field.name]) for field in self.action.shared_fields}

    def refs(self) -> list[str]:
        """Return what a valid form's lines are about."""
        chosen: list[str] = self.cleaned_data[self.action.line_field.name]
        return chosen


def initial_of(values: Mapping[str, str], action: Action) -> dict[str, Any]:
    """Return what a form starts with to show the values of a job."""
    known = {field.name: field for field in action.fields}
    return {
        name: Decimal(value) / 100 if known[name].type == "money" else value
        for name, value in values.items()
        if name in known
    }


def ticket_for(reviewed: Mapping[str, Any]) -> str:
    """Return text that stands for what was reviewed, so that this and nothing else is then done."""
    return signing.dumps(dict(reviewed), salt=_SALT, compress=True)


def reviewed_in(ticket: str) -> dict[str, Any] | None:
    """Return what was reviewed, None for a ticket that is too old or none of ours."""
    try:
        found: dict[str, Any] = signing.loads(ticket, salt=_SALT, max_age=REVIEW_SECONDS)
    except signing.BadSignature:
        return None
    return found


def _control(field: ActionField, offered: Sequence[Option], most: int) -> forms.Field:
    one, several = field.words
    common: dict[str, Any] = {"label": field.label, "help_text": field.help}
    required = {"required": f"Fill in “{field.label}”."}
    pairs = [(option.ref, option.label) for option in offered]
    if field.type == "some_of":
        said = {
            "required": f"Choose at least one {one}.",
            "invalid_choice": f"The source does not show this {one} now.",
        }
        return _SomeOf(most, several, choices=pairs, error_messages=said, **common)
    if field.type == "one_of":
        said = {"required": f"Choose a {one}.", "invalid_choice": f"The source does not show this {one} now."}
        return forms.ChoiceField(choices=pairs, error_messages=said, widget=forms.RadioSelect, **common)
    if field.type == "choice":
        return forms.ChoiceField(choices=[("", "Choose"), *field.choices], error_messages=required, **common)
    if field.type == "date":
        said = {**required, "invalid": "Type a day such as 2026-12-31."}
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        return forms.DateField(widget=widget, input_formats=["%Y-%m-%d"], error_messages=said, **common)
    if field.type == "money":
        said = {**required, "invalid": "Type an amount such as 25.50."}
        control = forms.DecimalField(min_value=0, max_digits=12, decimal_places=2, error_messages=said, **common)
        control.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        return control
    return forms.CharField(max_length=TEXT_LENGTH, error_messages=required, **common)


class _SomeOf(forms.MultipleChoiceField):
    """Several of what the source offers, each once and not too many."""

    def __init__(self, most: int, several: str, **common: Any) -> None:
        super().__init__(**common)
        self._most, self._several = most, several

    def clean(self, value: Any) -> list[str]:
        """Refuse more than a job takes, before each is looked for."""
        if len(set(value or ())) > self._most:
            message = f"Choose {self._most} {self._several} at most: the others go into a second job."
            raise forms.ValidationError(message)
        chosen: list[str] = list(dict.fromkeys(super().clean(value)))
        return chosen


def _stored(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(int(value * 100))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
