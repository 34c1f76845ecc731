"""What a person changes on the setup page of a connection: how it signs in, which tables it copies, what is told of it.

A form says `seen`, the version of what its page showed, so that nobody overwrites what somebody else changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Q

from connectors.models import Connection
from connectors.providers.manifest import Manifest
from connectors.services.configure import SignIn
from connectors.services.describe import About
from connectors.services.tags import LONGEST_TAG, MOST_TAGS, words_of
from dashboard.access import MEMBER_ROLES
from dashboard.forms.checks import check_web_address
from dashboard.forms.manifest_fields import add_controls, check_chosen, secrets_of, settings_of
from dashboard.pages.keyset import ID, Key, Order

LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_RUNBOOK = 2000, 200, 500
TABLE_ORDER = Order((Key("name"), ID))
_FIXED = "It decides what is copied, so it stays as it is. Make another connection for another one."
_TOO_LONG = "This is too long: %(show_value)d characters, at most %(limit_value)d."
_NOT_OURS = "A table of this form is no table of this connection any more. Reload the page."


def check_table_place(value: str) -> None:
    """Refuse what is not a place in the list of tables. Raises `ValidationError`."""
    try:
        TABLE_ORDER.read(value)
    except ValueError as error:
        message = "This is no place in the list."
        raise ValidationError(message) from error


class SourceForm(forms.Form):
    """How to sign in at the source: what the provider's manifest asks for. Stored secrets may be left empty."""

    def __init__(
        self, data: Mapping[str, Any] | None, *, connection: Connection, manifest: Manifest, has_entities: bool
    ) -> None:
        """Start with what is stored, secrets excepted; what names the entities is fixed once there are some."""
        asked = {
            field.name: connection.config[field.name] for field in manifest.fields if field.name in connection.config
        }
        super().__init__(data, initial=asked, auto_id="source_%s")
        self.manifest = manifest
        self._stored = manifest.secret_names if connection.credentials_set_at else frozenset()
        add_controls(self, manifest.fields, stored=self._stored)
        for field in manifest.fields:
            control = self.fields[field.name]
            control.disabled = field.names_entity and has_entities
            if control.disabled:
                control.help_text = _FIXED
            if field.type in {"host", "url", "number", "text"}:
                control.widget.attrs["data-mono"] = True

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen sign-in needs."""
        known = super().clean() or self.cleaned_data
        check_chosen(self, self.manifest.fields, stored=self._stored)
        return known

    def proposed(self) -> SignIn:
        """Return what a valid form proposes."""
        return SignIn(settings_of(self, self.manifest.fields), secrets_of(self, self.manifest.fields))


class AboutForm(forms.Form):
    """What people tell each other about a connection."""

    name = forms.CharField(
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Shown in lists and in notifications. The dataset at the destination keeps its name.",
        error_messages={
            "required": "Give the connection a name that its readers will know.",
            "max_length": _TOO_LONG,
        },
    )
    owner = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label="Nobody",
        help_text="Whom to ask. Named where the connection is broken.",
        error_messages={"invalid_choice": "This is no member any more. Choose somebody else."},
    )
    runbook_url = forms.CharField(
        required=False,
        label="Runbook",
        max_length=LONGEST_RUNBOOK,
        validators=[check_web_address],
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
        help_text="A page that says what to do when it breaks. It begins with https:// or http://.",
        error_messages={"max_length": _TOO_LONG},
    )
    tags = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Words with commas between them, such as a team or a customer.",
    )
    credentials_end_on = forms.DateField(
        required=False,
        label="Credentials end on",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The last day on which the key or password works, if you know it. You are warned two weeks before.",
        error_messages={"invalid": "This is no day of the calendar. Write it as 2027-01-31."},
    )
    description = forms.CharField(
        required=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What it is for, and for whom.",
        error_messages={"max_length": _TOO_LONG},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, connection: Connection) -> None:
        """Start with what is stored; owners are the members of today, and whoever it is now."""
        super().__init__(data, initial=_about(connection), auto_id="about_%s")
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        owner.queryset = _members(connection.owner_id)

    def clean_tags(self) -> list[str]:
        """Return the words. Refuse too many of them, and one that is too long."""
        words = words_of(self.cleaned_data["tags"])
        if len(words) > MOST_TAGS:
            message = f"These are {len(words)} tags; a connection has at most {MOST_TAGS}."
            raise ValidationError(message)
        for word in words:
            if len(word) > LONGEST_TAG:
                message = (
                    f"“{word[:LONGEST_TAG]}…” is too long for a tag: {len(word)} characters, at most {LONGEST_TAG}."
                )
                raise ValidationError(message)
        return words

    def about(self) -> About:
        """Return what a valid form says."""
        return About(**self.cleaned_data)


class TablesForm(forms.Form):
    """Which of the tables that the page showed are copied."""

    def __init__(self, data: Mapping[str, Any], *, connection: Connection) -> None:
        """Offer the tables of `connection`."""
        super().__init__(data)
        tables = connection.tables.all()
        for name in ("shown", "chosen"):
            self.fields[name] = forms.ModelMultipleChoiceField(tables, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a form that shows no table, or one of another connection."""
        known = super().clean() or self.cleaned_data
        if self.errors:
            # Whatever was wrong with an id, a person can do but one thing.
            self.errors.clear()
            self.add_error(None, _NOT_OURS)
        elif not known["shown"]:
            self.add_error(None, "This form shows no table, so nothing was changed.")
        return known

    def answer(self) -> dict[str, set[UUID]]:
        """Return what a valid form says, as `choose_tables` takes it; a button may speak for all that are shown."""
        shown = {table.pk for table in self.cleaned_data["shown"]}
        every = {"on": shown, "off": set()}
        chosen = every.get(self.data.get("every", ""), {table.pk for table in self.cleaned_data["chosen"]})
        return {"shown": shown, "chosen": chosen}


class ProductForm(forms.Form):
    """A product that is switched on or off, with all its tables."""

    product = forms.ChoiceField(error_messages={"invalid_choice": "The provider has no such product."})
    switch = forms.ChoiceField(choices=(("on", "On"), ("off", "Off")))

    def __init__(self, data: Mapping[str, Any], *, connection: Connection, manifest: Manifest) -> None:
        """Offer the products of `manifest`."""
        super().__init__(data)
        self.connection = connection
        product = self.fields["product"]
        assert isinstance(product, forms.ChoiceField)  # noqa: S101 - for the type checker
        product.choices = [(one.name, one.label) for one in manifest.products]

    def answer(self) -> dict[str, set[UUID]]:
        """Return what a valid form says, as `choose_tables` takes it."""
        tables = set(self.connection.tables.filter(product=self.cleaned_data["product"]).values_list("pk", flat=True))
        return {"shown": tables, "chosen": tables if self.cleaned_data["switch"] == "on" else set()}


class TablePlaceForm(forms.Form):
    """Which of the tables the page shows. What is not valid is ignored, and `notes` says so."""

    text = forms.CharField(required=False, max_length=100)
    after = forms.CharField(required=False, max_length=400, validators=[check_table_place])
    before = forms.CharField(required=False, max_length=400, validators=[check_table_place])

    def criteria(self) -> dict[str, str]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]


def _about(connection: Connection) -> dict[str, Any]:
    return {
        "name": connection.name,
        "owner": connection.owner_id,
        "runbook_url": connection.runbook_url,
        "credentials_end_on": connection.credentials_end_on,
        "description": connection.description,
        "tags": ", ".join(tag.name for tag in connection.tags.all()),
    }


def _members(owner_id: int | None) -> Any:
    """Return the people who can be an owner."""
    roles = [role.label for role in MEMBER_ROLES]
    is_member = Q(is_active=True) & (Q(groups__name__in=roles) | Q(is_superuser=True))
    return User.objects.filter(is_member | Q(pk=owner_id)).distinct().order_by("username")
