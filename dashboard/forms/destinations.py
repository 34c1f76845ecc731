"""What a person says about a destination: which kind, its settings, and its name before it is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connectors.destinations import registry
from connectors.models import Destination
from connectors.providers.manifest import leads_elsewhere
from connectors.services.changing import version_of
from connectors.services.destinations import facts_of
from dashboard.forms.manifest_fields import add_controls, secrets_of, settings_of


class KindForm(forms.Form):
    """Which kind of destination is added, and where the person goes on afterwards."""

    kind = forms.ChoiceField(required=False)
    next = forms.CharField(required=False, max_length=500)

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take the address's parameters, or those that were posted."""
        super().__init__(data)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)  # noqa: S101 - for the type checker
        kind.choices = [(one, one) for one in registry.kinds()]

    def answers(self) -> tuple[str, str]:
        """Return the kind and the address to go on to, empty where none, or none that exists, was given."""
        self.is_valid()
        return self.cleaned_data.get("kind", ""), self.cleaned_data.get("next", "")


class DestinationForm(forms.Form):
    """The settings of a destination as its manifest asks for them. Secrets are write-only."""

    name = forms.CharField(
        max_length=200,
        help_text="What people call it; connections show it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the destination a name that people will know."},
    )
    # The version that was shown: a change by somebody else in between is noticed.
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        kind: str,
        destination: Destination | None = None,
        set_by: str = "",
    ) -> None:
        """Ask for a destination of `kind`, or change `destination`, whose credentials were set as `set_by` says."""
        super().__init__(data, initial=_initial(destination))
        self.manifest, self.destination = registry.manifest(kind), destination
        stored = self.manifest.secret_names if destination and destination.credentials else frozenset()
        add_controls(self, self.manifest.fields, stored=stored)
        for name in stored:
            self.fields[name].help_text = f"{set_by}. Leave it empty to keep it."

    def clean_name(self) -> str:
        """Refuse the name of another destination."""
        name: str = self.cleaned_data["name"]
        others = Destination.objects.filter(name__iexact=name)
        if (others.exclude(pk=self.destination.pk) if self.destination else others).exists():
            message = f"Another destination is called “{name}” already. Choose one that tells them apart."
            raise ValidationError(message)
        return name

    def clean(self) -> dict[str, Any]:
        """Ask for a stored secret again where it would be sent to another place than the one it was stored for."""
        known = super().clean() or self.cleaned_data
        if self.destination and self.destination.credentials and self._leads_elsewhere(known):
            for name in self.manifest.secret_names:
                if not known.get(name) and name not in self.errors:
                    self.add_error(
                        name, "It is sent only to where it was stored for. Type it again for the new address."
                    )
        return known

    def answer(self) -> dict[str, Any]:
        """Return a valid form's answer as the services take it."""
        fields = self.manifest.fields
        return {
            "name": self.cleaned_data["name"],
            "config": settings_of(self, fields),
            "credentials": secrets_of(self, fields),
        }

    def _leads_elsewhere(self, known: Mapping[str, Any]) -> bool:
        stored = self.destination.config if self.destination else {}
        return leads_elsewhere(self.manifest.fields, stored, {**stored, **known})


def _initial(destination: Destination | None) -> dict[str, Any]:
    if destination is None:
        return {}
    return {**destination.config, "name": destination.name, "seen": version_of(facts_of(destination))}
