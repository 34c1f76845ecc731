"""What a person says when setting up a new connection: its name, its settings, where it lands, and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from connectors.models import Connection, Destination, Table
from connectors.providers.manifest import Manifest, leads_elsewhere
from connectors.services.setting_up import Settings
from dashboard.forms.manifest_fields import add_controls, check_chosen, secrets_of, settings_of
from dashboard.pages.setup_link import resume_of

# The answer of the button that stores what there is and leads to the page where a destination is added.
THEN_DESTINATION = "destination"
_SEARCH_LENGTH = 100


class OneOf(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for the type checker only
    """One of several; what is no key at all is told like a key that is not there."""

    def to_python(self, value: Any) -> Any:
        """Return the record of a key. Raises `ValidationError` in the field's own words."""
        try:
            return super().to_python(value)
        except ValidationError as error:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from error


class _Some(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # likewise
    """Some of several, told likewise."""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except ValidationError as error:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from error


class ConfigureForm(forms.Form):
    """Name, settings and destination of a new connection, or of one that is being set up."""

    connection_name = forms.CharField(
        max_length=200,
        label="Connection name",
        help_text="Shown in lists and in notifications.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the connection a name that its readers will know."},
    )
    destination_id = OneOf(
        Destination.objects.none(),
        required=False,
        label="Destination",
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "This destination is not there any more. Choose another one."},
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, manifest: Manifest, connection: Connection | None = None
    ) -> None:
        """Ask what `manifest` asks for; of a `connection` start with what is stored, secrets excepted."""
        super().__init__(data, initial=_initial(connection))
        self.manifest, self.connection = manifest, connection
        self._stored = manifest.secret_names if connection and connection.credentials else frozenset()
        add_controls(self, manifest.fields, stored=self._stored)
        for field in manifest.fields:
            if not field.is_secret and field.type not in {"choice", "declaration"}:
                self.fields[field.name].widget.attrs["data-mono"] = True
        # Where it stands on the page: of several wrong answers the first one has the focus.
        self.order_fields([name for name in self.fields if name != "destination_id"])
        chooser = self.fields["destination_id"]
        assert isinstance(chooser, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        chooser.queryset = Destination.objects.defer("credentials")

    @property
    def goes_to_destinations(self) -> bool:
        """Whether the person wants to add a destination before going on."""
        return self.data.get("then") == THEN_DESTINATION

    def clean_connection_name(self) -> str:
        """Refuse the name of another connection."""
        name: str = self.cleaned_data["connection_name"]
        others = Connection.objects.exclude(pk=self.connection.pk) if self.connection else Connection.objects
        other = others.filter(name=name).first()
        if other is None:
            return name
        _, href = resume_of(other)
        message = f"“{name}” is the name of another connection. Choose one that tells them apart."
        if href:
            # Likely the person's own, after going back by the browser.
            go_on = '<a class="link" href="{}">Go on with it</a>, or choose another name.'
            message = format_html("“{}” is the name of a connection whose setup is not finished. " + go_on, name, href)
        raise ValidationError(message)

    def clean_destination_id(self) -> Destination | None:
        """Ask for a destination, unless one is going to be added first."""
        chosen: Destination | None = self.cleaned_data["destination_id"]
        if chosen is None and not self.goes_to_destinations:
            message = "Choose where the data lands, or add a destination."
            raise ValidationError(message)
        return chosen

    def clean(self) -> dict[str, Any]:
        """Ask for a stored secret again where it would be sent to another place than the one it was stored for."""
        known = super().clean() or self.cleaned_data
        check_chosen(self, self.manifest.fields, stored=self._stored)
        if self.connection and self.connection.credentials and self._leads_elsewhere(known):
            for name in self.manifest.secret_names:
                if not known.get(name) and name not in self.errors:
                    self.add_error(
                        name, "It is sent only to where it was stored for. Type it again for the new address."
                    )
        return known

    def settings(self) -> Settings:
        """Return the answer. Of a valid form only."""
        return Settings(
            name=self.cleaned_data["connection_name"],
            config=settings_of(self, self.manifest.fields),
            destination=self.cleaned_data["destination_id"],
            credentials=secrets_of(self, self.manifest.fields),
        )

    def _leads_elsewhere(self, known: Mapping[str, Any]) -> bool:
        stored = self.connection.config if self.connection else {}
        return leads_elsewhere(self.manifest.fields, stored, {**stored, **known})


def _initial(connection: Connection | None) -> dict[str, Any]:
    if connection is None:
        return {}
    known = {"connection_name": connection.name, "destination_id": connection.destination_id}
    return {**connection.config, **known}


class TablesForm(forms.Form):
    """Which of the tables that were found are copied."""

    q = forms.CharField(required=False, max_length=_SEARCH_LENGTH, label="Search tables")
    tables = _Some(
        Table.objects.none(),
        required=False,
        error_messages={"invalid_choice": "One of these tables is not offered any more. Load this page again."},
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection) -> None:
        """Offer the tables that were found at the source of `connection`."""
        super().__init__(data)
        chooser = self.fields["tables"]
        assert isinstance(chooser, forms.ModelMultipleChoiceField)  # noqa: S101 - for the type checker
        chooser.queryset = connection.tables.only("id")


class CatalogueForm(forms.Form):
    """Which providers are looked for. What is not valid is left out."""

    q = forms.CharField(required=False, max_length=_SEARCH_LENGTH)
    category = forms.CharField(required=False, max_length=_SEARCH_LENGTH)

    def criteria(self) -> dict[str, str]:
        """Return both words, empty where none was given."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}
