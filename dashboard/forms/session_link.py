"""What a person says when making a connect link: for whom it is, what it leads to, and how long it works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from connectors.models import Connection, Destination
from connectors.providers import registry as providers
from connectors.providers.manifest import Manifest
from dashboard.forms.manifest_fields import add_controls, settings_of
from dashboard.forms.wizard import OneOf
from dashboard.mail import MailState
from sessions_log.models import ConnectLook, Session
from sessions_log.services.links import Invitation, new_key
from sessions_log.services.return_addresses import AddressError, is_allowed, read_address

# The answers of the buttons: who makes the link copies it, or it goes out by e-mail at once.
COPY, EMAIL = "copy", "email"
# The person chooses.
ANY_PROVIDER = ""
HOURS = {1: "1 hour", 24: "24 hours", 72: "3 days", 168: "7 days", 720: "30 days"}
_KEY = r"\A[A-Za-z0-9_-]{43}\Z"


def offered() -> tuple[Manifest, ...]:
    """Return the providers that an end user can sign in at."""
    return tuple(one for one in providers.all_manifests() if one.sign_ins)


def hours_in_words(hours: int) -> str:
    """Return a span of hours as people say it."""
    days, rest = divmod(hours, 24)
    return HOURS.get(hours) or (f"{hours} hours" if rest else f"{days} days")


class ProviderPart(forms.Form):
    """What is said of one provider beforehand: its products, and the settings that no end user knows."""

    products = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "check"}))

    def __init__(self, data: Mapping[str, Any] | None, *, manifest: Manifest, initial: Mapping[str, Any]) -> None:
        """Ask about the provider of `manifest`; its controls are named after it."""
        super().__init__(data, prefix=manifest.kind, initial=dict(initial))
        self.manifest = manifest
        chooser = self.fields["products"]
        assert isinstance(chooser, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        chooser.choices = [(one.name, one.label) for one in manifest.products]
        add_controls(self, manifest.operator_fields)

    def answer(self) -> dict[str, Any]:
        """Return a valid form's products and settings."""
        return {
            "products": self.cleaned_data["products"],
            "config": settings_of(self, self.manifest.operator_fields),
        }


class LinkForm(forms.Form):
    """A connect link for a new connection, or to sign in again at `connection`."""

    key = forms.RegexField(_KEY, widget=forms.HiddenInput)
    provider = forms.ChoiceField(required=False, widget=forms.RadioSelect)
    destination = OneOf(
        Destination.objects.none(),
        empty_label=None,
        help_text="Where the data of the new connection lands.",
        error_messages={"required": "Choose where the data lands.", "invalid_choice": "Choose one of the list."},
    )
    end_user_name = forms.CharField(
        max_length=200,
        label="Who connects",
        help_text="A company or a person. The new connection is named after it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Say for whom the link is: you will find the session by it."},
    )
    end_user_email = forms.EmailField(
        required=False,
        label="E-mail",
        help_text="Needed to send the link from here.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    reference = forms.CharField(
        max_length=200,
        required=False,
        label="Your reference",
        help_text="A customer number or a ticket. The search finds it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    hours = forms.TypedChoiceField(
        coerce=int, label="Works for", error_messages={"invalid_choice": "Choose one of the list."}
    )
    return_url = forms.CharField(
        required=False,
        label="Afterwards, go to",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-mono": True}),
    )
    then = forms.ChoiceField(choices=[(COPY, COPY), (EMAIL, EMAIL)], required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        look: ConnectLook,
        mail: MailState,
        connection: Connection | None = None,
        like: Session | None = None,
    ) -> None:
        """Start with what is known: the values of `like`, an earlier session, and those of the settings."""
        super().__init__(data, initial=_initial(look, like))
        self.look, self.mail, self.connection = look, mail, connection
        self.parts: Sequence[ProviderPart] = ()
        _choose(self.fields["hours"], {**HOURS, look.link_hours: hours_in_words(look.link_hours)})
        if not look.allowed:
            del self.fields["return_url"]
        if connection:
            self.fields["end_user_name"].required = False
            self.fields["end_user_name"].help_text = "A company or a person."
            del self.fields["provider"], self.fields["destination"]
            return
        _choose(self.fields["provider"], {ANY_PROVIDER: "", **{one.kind: one.name for one in offered()}})
        chooser = self.fields["destination"]
        assert isinstance(chooser, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        chooser.queryset = Destination.objects.defer("credentials", "config")
        self.parts = tuple(
            ProviderPart(data if self._is_chosen(one.kind) else None, manifest=one, initial=_of_part(one, like))
            for one in offered()
        )

    def clean_end_user_name(self) -> str:
        """Keep a name on one line: it stands in the subject of a mail and in lists."""
        return " ".join(self.cleaned_data["end_user_name"].split())

    def clean_return_url(self) -> str:
        """Refuse an address that no admin allowed."""
        address: str = self.cleaned_data["return_url"].strip()
        if not address:
            return ""
        try:
            read_address(address)
        except AddressError as error:
            raise ValidationError(str(error)) from None
        if not is_allowed(address, self.look.allowed):
            message = (
                f"It is none of the allowed addresses. Allowed, with what is below: {', '.join(self.look.allowed)}"
            )
            raise ValidationError(message)
        return address

    def clean(self) -> dict[str, Any]:
        """Ask for an address where the link is to be sent, and check what belongs to the chosen provider."""
        known = super().clean() or self.cleaned_data
        if known.get("then") == EMAIL and not self.mail.is_ready:
            self.add_error(None, f"{self.mail.why_not} Until then, create the link and send it yourself.")
        elif known.get("then") == EMAIL and not known.get("end_user_email") and "end_user_email" not in self.errors:
            self.add_error(
                "end_user_email", "Type the address that the link goes to, or create it and send it yourself."
            )
        if not all(part.is_valid() for part in self._chosen()):
            # The messages stand at the controls of the part.
            self.add_error("provider", "Fill in what this provider needs.")
        return known

    def invitation(self) -> Invitation:
        """Return a valid form's answer as the service takes it."""
        known = self.cleaned_data
        part = next((one.answer() for one in self._chosen()), {})
        return Invitation(
            expires_at=timezone.now() + timedelta(hours=known["hours"]),
            connection=self.connection,
            provider=known.get("provider", ""),
            destination=known.get("destination"),
            end_user_name=known["end_user_name"],
            end_user_email=known["end_user_email"],
            reference=known["reference"],
            return_url=known.get("return_url", ""),
            **part,
        )

    @property
    def is_sent(self) -> bool:
        """Whether a valid form asks for an e-mail."""
        return bool(self.cleaned_data["then"] == EMAIL)

    def _chosen(self) -> list[ProviderPart]:
        return [one for one in self.parts if self._is_chosen(one.manifest.kind)]

    def _is_chosen(self, kind: str) -> bool:
        return bool(self.is_bound and self.data.get("provider") == kind)


def _choose(field: forms.Field, choices: Mapping[Any, str]) -> None:
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
    field.choices = sorted(choices.items()) if all(isinstance(one, int) for one in choices) else list(choices.items())


def _initial(look: ConnectLook, like: Session | None) -> dict[str, Any]:
    known = {"key": new_key(), "hours": look.link_hours, "return_url": look.return_url, "provider": ANY_PROVIDER}
    if like is None:
        return known
    return_url = like.return_url if is_allowed(like.return_url, look.allowed) else look.return_url
    provider = like.provider if like.is_provider_fixed else ANY_PROVIDER
    return {
        **known,
        "provider": provider,
        "destination": like.destination_id,
        "end_user_name": like.end_user_name,
        "end_user_email": like.end_user_email,
        "reference": like.reference,
        "return_url": return_url,
    }


def _of_part(manifest: Manifest, like: Session | None) -> dict[str, Any]:
    """Return what the controls of one provider start with: each product that only reads, or what was asked before."""
    if like and like.is_provider_fixed and like.provider == manifest.kind:
        return {**like.config, "products": like.products}
    return {"products": [one.name for one in manifest.usual_products]}
