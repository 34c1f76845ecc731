"""What an end user says in the hosted flow. Each form takes one step's answer, and keeps no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from connectors.plan import FoundEntity
from connectors.providers.manifest import Field, SignIn
from dashboard.forms.manifest_fields import add_controls
from sessions_log.exits import OFFERED, ExitReason

_LONGEST_SEARCH = 100
_NOT_GIVEN = "I do not want to give these files"
# What browsers and password managers offer to fill in.
_FILLED = {"username": "username", "user": "username", "password": "current-password"}
# Which field a refusal speaks of.
_OF_PLACE = frozenset({"dns_failure", "unreachable", "connection_timeout", "address_not_allowed", "tls_error"})
_OF_SECRET = frozenset({"invalid_credentials"})


class TermsForm(forms.Form):
    """The consent."""

    agree = forms.BooleanField(
        error_messages={"required": "To connect, tick that you agree. Without it nothing is read."}
    )


class ProviderSearchForm(forms.Form):
    """What is looked for in the list of services."""

    q = forms.CharField(required=False, max_length=_LONGEST_SEARCH)

    def text(self) -> str:
        """Return the words; nothing where they are too long to be a name."""
        return str(self.cleaned_data["q"]) if self.is_valid() else ""


class SignInForm(forms.Form):
    """The fields of one way to sign in. `kept` are those that a connection has and nobody types anew."""

    def __init__(self, data: Mapping[str, Any] | None, *, sign_in: SignIn, kept: frozenset[str] = frozenset()) -> None:
        """Offer the fields of `sign_in` but the kept ones."""
        super().__init__(data)
        self.asked = [one for one in sign_in.fields if one.name not in kept]
        add_controls(self, self.asked)
        for field in self.asked:
            if field.name in _FILLED:
                self.fields[field.name].widget.attrs["autocomplete"] = _FILLED[field.name]

    def typed(self) -> dict[str, str]:
        """Return what a valid form holds, as text."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value not in (None, "")}

    def mark(self, code: str) -> None:
        """Mark the field that a refusal speaks of."""
        if code in _OF_SECRET and (secret := self._first(lambda one: one.is_secret, last=True)):
            self.add_error(secret.name, f"Enter “{secret.label}” again.")
        elif code in _OF_PLACE and (place := self._first(lambda one: one.type in {"host", "url"})):
            self.add_error(place.name, f"Look at “{place.label}”.")

    def _first(self, fits: Any, *, last: bool = False) -> Field | None:
        found = [one for one in self.asked if fits(one)]
        return found[-1 if last else 0] if found else None


class CodeForm(forms.Form):
    """The code of a second factor."""

    code = forms.CharField(
        label="Code",
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false", "data-mono": True}
        ),
        error_messages={"required": "Enter the code."},
    )

    def mark(self) -> None:
        """Mark the code, which is never shown again."""
        self.data = {**self.data, "code": ""}
        self.add_error("code", "Enter the newest code.")


class EntitiesForm(forms.Form):
    """Which entities may be read: what is ticked, and a search that shows some of them only."""

    refs = forms.MultipleChoiceField(required=False)
    q = forms.CharField(required=False, max_length=_LONGEST_SEARCH)
    action = forms.ChoiceField(
        required=False, choices=[(one, one) for one in ("connect", "search", "all", "none", "retry")]
    )

    def __init__(self, data: Mapping[str, Any] | None, *, entities: tuple[FoundEntity, ...]) -> None:
        """Offer the entities that the sign-in can see."""
        super().__init__(data)
        refs = self.fields["refs"]
        assert isinstance(refs, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        refs.choices = [(one.ref, one.name) for one in entities]


class LeaveForm(forms.Form):
    """Why somebody leaves."""

    reason = forms.ChoiceField(
        choices=[(one.value, one.label) for one in OFFERED],
        error_messages={"required": "Choose one, so that whoever invited you knows."},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, is_assisted: bool = False) -> None:
        """Offer the reasons; where files are asked for (`is_assisted`) in place of a sign-in, in those words."""
        super().__init__(data)
        reason = self.fields["reason"]
        assert isinstance(reason, forms.ChoiceField)  # noqa: S101 - for the type checker
        if is_assisted:
            others = {ExitReason.NO_ACCESS: "I do not have the files at hand", ExitReason.NOT_SURE: _NOT_GIVEN}
            left_out = ExitReason.NOT_FOUND
            reason.choices = [(one.value, others.get(one, one.label)) for one in OFFERED if one != left_out]
