"""What an admin says about the hosted flow: name, colours, logo, terms, and where its links may lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator
from django.utils.datastructures import MultiValueDict

from connectors.services.changing import version_of
from dashboard.contrast import READABLE, reading_on
from dashboard.forms.session_link import HOURS, hours_in_words
from sessions_log.models import ConnectLook
from sessions_log.pictures import PictureError, clean_picture
from sessions_log.services.look import FACTS, Logo, facts_of
from sessions_log.services.return_addresses import AddressError, is_allowed, read_address

_COLOUR = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE | re.ASCII)
_ON_THE_WEB = URLValidator(schemes=["https", "http"])
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "data-mono": True}


def _address(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        required=False, max_length=500, label=label, help_text=help_text, widget=forms.URLInput(attrs=_PLAIN)
    )


class ConnectLookForm(forms.Form):
    """The look of the hosted flow. Everything else of it is fixed."""

    name = forms.CharField(
        max_length=80,
        label="Name shown to end users",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the name under which people know you: pages and mails are from it."},
    )
    brand = forms.CharField(max_length=9, label="Brand colour", widget=forms.TextInput(attrs=_PLAIN))
    brand_dark = forms.CharField(
        required=False, max_length=9, label="In dark mode", widget=forms.TextInput(attrs=_PLAIN)
    )
    logo = forms.FileField(
        required=False,
        label="Logo",
        help_text="SVG or PNG, square, up to 100 kB. Scripts are removed.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/svg+xml"}),
    )
    no_logo = forms.BooleanField(required=False, label="Show no logo", widget=forms.CheckboxInput)
    support_url = _address("Support link", "Where the help of every step leads.")
    terms_url = _address("Terms of service")
    terms_version = forms.CharField(
        required=False,
        max_length=100,
        label="Version of the terms",
        help_text="Stored with each acceptance.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    privacy_url = _address("Privacy notice")
    link_hours = forms.TypedChoiceField(
        coerce=int,
        label="A link works for",
        help_text="Where its maker does not say.",
        error_messages={"invalid_choice": "Choose one of the list."},
    )
    return_addresses = forms.CharField(
        required=False,
        max_length=5000,
        label="Allowed return addresses",
        help_text="One per line. Each allows itself and what is below it. Without any, nobody is led away.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "data-mono": True}),
    )
    return_url = _address("After connecting, go to", "Must be on the list.")
    # The version that was shown: a change by somebody else in between is noticed.
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, UploadedFile[bytes]] | None = None,
        *,
        stored: ConnectLook,
    ) -> None:
        """Start with what is stored."""
        super().__init__(data, files, initial={**facts_of(stored), "logo": None, "seen": version_of(facts_of(stored))})
        self.stored = stored
        hours = self.fields["link_hours"]
        assert isinstance(hours, forms.ChoiceField)  # noqa: S101 - for the type checker
        hours.choices = sorted({**HOURS, stored.link_hours: hours_in_words(stored.link_hours)}.items())

    def clean_name(self) -> str:
        """Keep it on one line: it stands in the subject of mails."""
        return " ".join(self.cleaned_data["name"].split())

    def clean_brand(self) -> str:
        """Return the colour as `#rrggbb`, and refuse one on which no text can be read."""
        return _readable(self.cleaned_data["brand"])

    def clean_brand_dark(self) -> str:
        """Likewise; left empty it is the same colour."""
        return _readable(self.cleaned_data["brand_dark"]) if self.cleaned_data["brand_dark"].strip() else ""

    def clean_logo(self) -> Logo | None:
        """Cut the upload down to the picture. Raises `ValidationError`."""
        upload: UploadedFile[bytes] | None = self.cleaned_data["logo"]
        if not upload:
            return None
        try:
            kind, data = clean_picture(upload.read())
        except PictureError as error:
            raise ValidationError(str(error)) from None
        return Logo(data, kind, PurePath(upload.name or "logo").name[-100:])

    def clean_support_url(self) -> str:
        """Take only what a page may link to."""
        return _link(self.cleaned_data["support_url"])

    def clean_terms_url(self) -> str:
        """Likewise."""
        return _link(self.cleaned_data["terms_url"])

    def clean_privacy_url(self) -> str:
        """Likewise."""
        return _link(self.cleaned_data["privacy_url"])

    def clean_return_addresses(self) -> str:
        """Return one address per line, each once. Raises `ValidationError` for the first that is none."""
        lines = list(dict.fromkeys(self.cleaned_data["return_addresses"].split()))
        for line in lines:
            try:
                has_query = read_address(line).has_query
            except AddressError as error:
                message = f"“{line}”: {error}"
                raise ValidationError(message) from None
            if has_query:
                message = f"“{line}”: leave out what follows the question mark; the list holds places."
                raise ValidationError(message)
        return "\n".join(lines)

    def clean(self) -> dict[str, Any]:
        """Refuse a way back that is not on the list."""
        known = super().clean() or self.cleaned_data
        wanted, allowed = (known.get("return_url") or "").strip(), known.get("return_addresses")
        if wanted and allowed is not None and not is_allowed(wanted, allowed.split()):
            self.add_error("return_url", "It is not on the list of allowed addresses. Add it there, or choose another.")
        known["return_url"] = wanted
        return known

    def answer(self) -> dict[str, Any]:
        """Return a valid form's answer as the service takes it."""
        logo = self.cleaned_data["logo"] or (Logo() if self.cleaned_data["no_logo"] else None)
        return {"values": {name: self.cleaned_data[name] for name in FACTS}, "logo": logo}


def colour_of(text: str) -> str:
    """Return a colour as `#rrggbb` in small letters, empty for what is none."""
    found = _COLOUR.fullmatch(text.strip())
    if not found:
        return ""
    digits = found[1].lower()
    return f"#{digits}" if len(digits) == len("rrggbb") else f"#{''.join(one * 2 for one in digits)}"


def _readable(text: str) -> str:
    colour = colour_of(text)
    if not colour:
        message = "Write it as #0f5c4d: six digits from 0 to f."
        raise ValidationError(message)
    reading = reading_on(colour)
    if not reading.is_readable:
        message = (
            f"Neither white nor dark text can be read on it: {reading.ratio:.1f} to 1, and {READABLE} to 1 is needed. "
            "Make it lighter or darker."
        )
        raise ValidationError(message)
    return colour


def _link(text: str) -> str:
    text = text.strip()
    try:
        _ON_THE_WEB(text) if text else None
    except ValidationError:
        message = "Write it as https://help.example.com."
        raise ValidationError(message) from None
    return text
