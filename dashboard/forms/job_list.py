"""What the list of all jobs can be asked for in its address: the form, and a sentence per error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from connectors.errors import REGISTRY
from connectors.ids import ids_beginning, short_id
from connectors.models import Connection, ConnectionQuerySet, Entity
from connectors.providers import registry as providers
from dashboard.formatting import as_typed
from dashboard.forms.job_criteria import PERIODS, JobCriteria
from jobs.models import JobStatus, JobType, Trigger

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# So many names are told where a text fits several connections.
_MOST_NAMES = 3
# The filters that have one of a few values, and how a note calls such a value.
_FEW = {
    "status": "No job has the status",
    "type": "There is no type of job",
    "trigger": "Nothing starts jobs by the name",
    "code": "There is no error code",
    "provider": "There is no provider",
    "period": "The list knows no period",
}


class _MomentField(forms.CharField):
    """A time with its zone, in a year that jobs can have been made in."""

    def clean(self, value: str) -> datetime | None:
        text = super().clean(value)
        # A "+" that was typed into an address is a blank when it arrives.
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+")) if text else None
        except ValueError as error:
            raise ValidationError("") from error
        if moment:
            moment = self.placed(moment)
            if moment.tzinfo is None or not _FIRST <= moment <= _LAST:
                raise ValidationError("")
        return moment

    def placed(self, moment: datetime) -> datetime:
        """Return the moment with its zone, if it has one."""
        return moment


class _WallClockField(_MomentField):
    """A time as a person types it: without a zone it is meant in the page's."""

    def clean(self, value: str) -> datetime | None:
        # A day and a time may be typed with a blank between them.
        text = (value or "").strip()
        return super().clean(text if "T" in text else text.replace(" ", "T", 1))

    def placed(self, moment: datetime) -> datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.get_current_timezone())


def _choice(values: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=values, required=False)


class JobFilterForm(forms.Form):
    """The parameters of the list's address. What is not valid is left out of `criteria`, and `notes` says so."""

    status = _choice(JobStatus.choices)
    type = _choice(JobType.choices)
    trigger = _choice(Trigger.choices)
    code = _choice([(code, code) for code in REGISTRY])
    provider = _choice(lambda: [(one.kind, one.name) for one in providers.all_manifests()])
    connection = forms.CharField(max_length=200, required=False)
    entity = forms.CharField(max_length=200, required=False)
    period = _choice([(name, name) for name in PERIODS])
    since = _MomentField(max_length=40, required=False)
    until = _MomentField(max_length=40, required=False)
    at = _WallClockField(max_length=40, required=False)
    older_than = forms.UUIDField(required=False)
    newer_than = forms.UUIDField(required=False)

    def __init__(self, data: Mapping[str, str]) -> None:
        """Take the parameters."""
        super().__init__(data)
        self._found_notes: dict[str, str] = {}

    def criteria(self) -> JobCriteria:
        """Return the valid parameters that are set."""
        self.is_valid()
        return JobCriteria(**{name: value for name, value in self.cleaned_data.items() if value})

    def clean_connection(self) -> Connection | None:
        """Return the connection that is meant: by its ID or its beginning, its name, or a part that only it has.

        One that was deleted is meant where none that is kept is.
        """
        text = self.cleaned_data["connection"]
        if not text:
            return None
        found = _meant(text)
        whole = [one for one in found if one.name.lower() == text.lower()] or found
        if len(whole) == 1:
            return whole[0]
        if found:
            names = ", ".join(map(_called, found[:_MOST_NAMES]))
            way = "Write the ID of one" if found[0].deleted_at else "Write one name whole"
            self._found_notes["connection"] = f"“{as_typed(text)}” fits several connections, such as {names}. {way}."
        raise ValidationError("")

    def clean_entity(self) -> Entity | None:
        """Return the entity that is meant: by its ID, or by its whole name within the chosen connection."""
        text, connection = self.cleaned_data["entity"], self.cleaned_data.get("connection")
        if not text:
            return None
        entities = Entity.objects.only("pk", "name", "connection_id")
        of_connection = entities.filter(connection=connection.pk) if connection else entities
        named = list(of_connection.filter(name__iexact=text)[:2]) if connection else []
        found = list(of_connection.filter(pk=pk)) if (pk := _as_id(text)) else named
        if len(found) == 1:
            return found[0]
        raise ValidationError("")

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was left out."""
        return list(self._notes())

    def _notes(self) -> Iterator[str]:
        asked = {name: as_typed(str(self.data.get(name, ""))) for name in self.errors}
        for name, text in asked.items():
            if name in _FEW:
                yield f"{_FEW[name]} “{text}”, so that filter was left out."
            elif name == "connection":
                yield self._found_notes.get(name) or f"No connection is named “{text}”, so that filter was left out."
            elif name == "entity":
                yield f"No entity {self._where()} “{text}”, so that filter was left out."
            elif name == "at":
                yield f"“{text}” is no day and time, such as 2026-11-19T14:30. These are the newest."
            elif name in {"since", "until"}:
                yield f"“{text}” is no time with its zone, such as 2026-11-19T14:30Z, so that filter was left out."
            else:
                yield "The place named in this address is no job. These are the newest."
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until <= since:
            yield "The period named in this address ends before it begins, so no job can match."

    def _where(self) -> str:
        connection = self.cleaned_data.get("connection")
        return f"of {connection.name} has the name or ID" if connection else "has the ID"


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _called(one: Connection) -> str:
    return f"“{one.name}” (deleted, {short_id(one.pk)})" if one.deleted_at else f"“{one.name}”"


def _meant(text: str) -> list[Connection]:
    """Return the connections that a text may mean, at most one more than are told. The kept ones hide the others."""
    if beginning := ids_beginning(text):
        by_id = _first(Connection.everything.filter(pk__range=beginning))
        if by_id or _as_id(text):
            return by_id
    kept, gone = Connection.objects.all(), Connection.everything.filter(deleted_at__isnull=False)
    for whose in (kept, gone):
        if found := _first(whose.filter(name__iexact=text)) or _first(whose.filter(name__icontains=text)):
            return found
    return []


def _first(found: ConnectionQuerySet) -> list[Connection]:
    return list(found.only("pk", "name", "deleted_at").order_by("name", "pk")[: _MOST_NAMES + 1])
