"""What the list of connections can be asked for in its address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from connectors.models import Status
from connectors.providers import registry as providers

# What the list sorts by, and how the heading of that column says it; a minus turns it round.
SORTS = {
    "attention": "Needs attention first",
    "name": "By name",
    "-name": "By name, from Z",
    "-last": "Last synced first",
    "last": "Longest ago first",
    "next": "Next to sync first",
    "-next": "Next to sync last",
}


class ConnectionFilterForm(forms.Form):
    """Filters, sort and place of the list. What is not valid is ignored, and `notes` says so."""

    status = forms.ChoiceField(required=False, choices=Status.choices)
    provider = forms.ChoiceField(required=False)
    destination = forms.ChoiceField(required=False)
    q = forms.CharField(required=False, max_length=100)
    sort = forms.ChoiceField(required=False, choices=tuple(SORTS.items()))
    after = forms.CharField(required=False, max_length=400)
    before = forms.CharField(required=False, max_length=400)

    def __init__(self, data: Mapping[str, str], *, destinations: Sequence[tuple[str, str]]) -> None:
        """Take the address's parameters, and the destinations (id, name) that can be chosen."""
        super().__init__(data)
        self.provider_choices = [(one.kind, one.name) for one in providers.all_manifests()]
        self.destination_choices = list(destinations)
        for name, choices in (("provider", self.provider_choices), ("destination", self.destination_choices)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
            field.choices = choices

    def criteria(self) -> dict[str, str]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"The list knows no such {name} as this address asks for. It was ignored." for name in self.errors]
