"""Form controls for the settings that a provider or a destination declares in its manifest.

A secret is write-only: its control never holds the stored value, and where one is stored, an empty answer keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.utils.text import get_text_list

from connectors import network
from connectors.plan import SyncError
from connectors.providers.manifest import Field, FieldType, default_of
from dashboard.forms.awaited_files import AwaitedFilesField, CompaniesField
from dashboard.forms.declaration.field import DeclarationField

TEXT_LENGTH, SECRET_LENGTH, NAMES_LENGTH = 255, 4000, 40_000
HIGHEST_NUMBER = 2**31 - 1
# A name, an IPv4 or an IPv6 address; whether it exists is found out by connecting.
_HOST = re.compile(r"[A-Za-z0-9_.:\[\]-]+")
# One colon only separates a port; an IPv6 address has more of them.
_HOST_AND_PORT = re.compile(r"[^:\[\]]+:\d*|\[.*\]:\d*")


def add_controls(form: forms.Form, fields: Sequence[Field], *, stored: Collection[str] = ()) -> None:
    """Give `form` one control per field of a manifest, in its order. `stored` names the secrets that are kept."""
    for field in fields:
        control = form.fields[field.name] = _control(field, is_stored=field.name in stored)
        if field.is_secret and form.is_bound and form.data.get(field.name):
            control.help_text = f"What was typed is not kept in the form: type it again. {control.help_text}".strip()


def check_chosen(form: forms.Form, fields: Sequence[Field], *, stored: Collection[str] = ()) -> None:
    """Ask for what a choice needs that was made in a bound form. `stored` names the secrets that are kept."""
    for field in fields:
        if not field.only_for or not field.required or field.name in stored or field.name in form.errors:
            continue
        choice, *values = field.only_for
        if form.cleaned_data.get(choice) in values and not form.cleaned_data.get(field.name):
            form.add_error(field.name, f"Fill in “{field.label}”.")


def settings_of(form: forms.Form, fields: Sequence[Field]) -> dict[str, Any]:
    """Return what a valid form holds for the fields that are no secrets; what was left empty is left out."""
    given = {field.name: form.cleaned_data.get(field.name) for field in fields if not field.is_secret}
    return {name: value for name, value in given.items() if value not in (None, "")}


def secrets_of(form: forms.Form, fields: Sequence[Field]) -> dict[str, str]:
    """Return the secrets that were typed into a valid form; those that were left empty are left out."""
    given = {field.name: form.cleaned_data.get(field.name) for field in fields if field.is_secret}
    return {name: str(value) for name, value in given.items() if value}


def _control(field: Field, *, is_stored: bool) -> forms.Field:
    common: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "required": field.required and not is_stored and not field.only_for,
        "error_messages": {"required": f"Fill in “{field.label}”."},
        "initial": default_of(field) or None,
    }
    if field.type == "password":
        return _secret(common, is_stored=is_stored)
    if field.type == "number":
        return _number(field, common)
    if field.type in {"files", "names"}:
        return _listed(field, common)
    if field.type == "choice":
        return forms.ChoiceField(choices=list(zip(field.choices, field.labels or field.choices, strict=True)), **common)
    if field.type == "declaration":
        return DeclarationField(label=field.label, help_text=field.help)
    return _text(field, common)


def _listed(field: Field, common: dict[str, Any]) -> forms.Field:
    if field.type == "files":
        return AwaitedFilesField(**common)
    return CompaniesField(**common, max_length=NAMES_LENGTH, widget=forms.Textarea(attrs={"rows": 3}))


def _secret(common: dict[str, Any], *, is_stored: bool) -> forms.Field:
    # Blanks at the ends may belong to a password. A browser must not fill in the person's own one.
    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
    help_text = "Leave it empty to keep what is stored." if is_stored else common["help_text"]
    return forms.CharField(**{**common, "help_text": help_text}, max_length=SECRET_LENGTH, strip=False, widget=widget)


def _number(field: Field, common: dict[str, Any]) -> forms.Field:
    low, high = field.minimum, HIGHEST_NUMBER if field.maximum is None else field.maximum
    said = f"“{field.label}” is a whole number from {low} to {high}."
    control = forms.IntegerField(**common)
    control.error_messages["invalid"] = said
    control.validators += [MinValueValidator(low, said), MaxValueValidator(high, said)]
    control.widget.attrs.update({"min": low, "max": high, "inputmode": "numeric"})
    return control


def _text(field: Field, common: dict[str, Any]) -> forms.Field:
    control = forms.CharField(**common, max_length=TEXT_LENGTH)
    control.widget.attrs.update({"autocomplete": "off", "spellcheck": "false"})
    if field.type in _CHECKS:
        control.validators.append(_CHECKS[field.type])
    if field.pattern:
        control.validators.append(RegexValidator(rf"\A(?:{field.pattern})\Z", field.pattern_error))
    return control


def _check_host(value: str) -> None:
    """Refuse what is more than a host. Raises `ValidationError` with the part that does not belong there."""
    scheme, has_scheme, rest = value.rpartition("://")
    _, has_user, rest = rest.rpartition("@")
    host, has_path, _ = rest.partition("/")
    has_port = _HOST_AND_PORT.fullmatch(host) is not None
    parts = {f"“{scheme}://”": has_scheme, "the user and the password": has_user, "the port": has_port}
    surplus = [part for part, is_there in {**parts, "the path": has_path}.items() if is_there]
    if surplus == ["the port"]:
        message = "Leave out the port here, it has a field of its own."
    elif surplus:
        # All at once: whoever pasted a whole connection string is not told of one part after the other.
        message = f"Leave out {get_text_list(surplus, 'and')}: only the name or address of the server."
    elif not _HOST.fullmatch(value):
        message = "This is no name of a server: letters, digits, “.” and “-”, without blanks."
    else:
        return
    raise ValidationError(message)


def _check_url(value: str) -> None:
    """Refuse what no HTTP API can be reached at. Raises `ValidationError`."""
    try:
        network.split_url(value)
    except SyncError as error:
        raise ValidationError(error.detail) from None


_CHECKS: dict[FieldType, Callable[[str], None]] = {"host": _check_host, "url": _check_url}
