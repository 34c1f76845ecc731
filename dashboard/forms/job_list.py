"""What the list of all jobs can be asked for in its address: the criteria, and a sentence per error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from connectors.errors import REGISTRY
from connectors.models import Connection, ConnectionQuerySet
from dashboard.formatting import as_typed
from jobs.models import JobStatus

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# So many names are told where a text fits several connections.
_MOST_NAMES = 3


def utc_text(moment: datetime) -> str:
    """Return a moment as addresses have it: "2026-11-19T14:30Z"."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True, slots=True)
class JobCriteria:
    """What the list is asked for, all of it valid. A page is named by the job before it or after it."""

    status: str = ""
    code: str = ""
    connection: Connection | None = None
    since: datetime | None = None
    until: datetime | None = None
    older_than: UUID | None = None
    newer_than: UUID | None = None

    def parameters(self) -> dict[str, str]:
        """Return the parameters that are set, by name."""
        texts = {
            "status": self.status,
            "code": self.code,
            "connection": str(self.connection.pk) if self.connection else "",
            "since": utc_text(self.since) if self.since else "",
            "until": utc_text(self.until) if self.until else "",
            "older_than": str(self.older_than or ""),
            "newer_than": str(self.newer_than or ""),
        }
        return {name: text for name, text in texts.items() if text}

    def address(self) -> str:
        """Return the address that asks for this."""
        query = urlencode(self.parameters(), safe=":")
        return f"{reverse('jobs:list')}?{query}" if query else reverse("jobs:list")

    def newest(self) -> JobCriteria:
        """The same from its newest page."""
        return replace(self, older_than=None, newer_than=None)


class _MomentField(forms.CharField):
    """A time with its zone, in a year that jobs can have been made in."""

    def clean(self, value: str) -> datetime | None:
        text = super().clean(value)
        # A "+" that was typed into an address is a blank when it arrives.
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+")) if text else None
        except ValueError as error:
            raise ValidationError("") from error
        if moment and (moment.tzinfo is None or not _FIRST <= moment <= _LAST):
            raise ValidationError("")
        return moment


class JobFilterForm(forms.Form):
    """The parameters of the list's address. What is not valid is left out of `criteria`, and `notes` says so."""

    status = forms.ChoiceField(choices=JobStatus.choices, required=False)
    code = forms.ChoiceField(choices=[(code, code) for code in REGISTRY], required=False)
    connection = forms.CharField(max_length=200, required=False)
    since = _MomentField(max_length=40, required=False)
    until = _MomentField(max_length=40, required=False)
    older_than = forms.UUIDField(required=False)
    newer_than = forms.UUIDField(required=False)

    def __init__(self, data: Mapping[str, str]) -> None:
        """Take the parameters."""
        super().__init__(data)
        self._connection_note = ""

    def criteria(self) -> JobCriteria:
        """Return the valid parameters that are set."""
        self.is_valid()
        return JobCriteria(**{name: value for name, value in self.cleaned_data.items() if value})

    def clean_connection(self) -> Connection | None:
        """Return the connection that is meant: by its ID, its name, or a part of the name that only it has."""
        text = self.cleaned_data["connection"]
        if not text:
            return None
        found = list(_meant(text).only("pk", "name").order_by("name")[: _MOST_NAMES + 1])
        whole = [one for one in found if one.name.lower() == text.lower()] or found
        if len(whole) == 1:
            return whole[0]
        names = ", ".join(f"“{one.name}”" for one in found[:_MOST_NAMES])
        self._connection_note = (
            f"“{as_typed(text)}” fits several connections, such as {names}. Write one name whole." if found else ""
        )
        raise ValidationError("")

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was left out."""
        return list(self._notes())

    def _notes(self) -> Iterator[str]:
        asked = {name: as_typed(str(self.data.get(name, ""))) for name in self.errors}
        for name, text in asked.items():
            if name == "status":
                yield f"No job has the status “{text}”, so that filter was left out."
            elif name == "code":
                yield f"There is no error code “{text}”, so that filter was left out."
            elif name == "connection":
                yield self._connection_note or f"No connection is named “{text}”, so that filter was left out."
            elif name in {"since", "until"}:
                yield f"“{text}” is no time with its zone, such as 2026-11-19T14:30Z, so that filter was left out."
            else:
                yield "The place named in this address is no job. These are the newest."


def _meant(text: str) -> ConnectionQuerySet:
    try:
        return Connection.everything.filter(pk=UUID(text))
    except ValueError:
        exact = Connection.objects.filter(name__iexact=text)
        return exact if exact.exists() else Connection.objects.filter(name__icontains=text)
