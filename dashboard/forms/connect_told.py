"""What the script of the hosted flow may say: few names, and numbers. Words are not taken from a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms

from dashboard.connecting.steps import Step, stage_of
from sessions_log.events import OF_BROWSER, EventName, Source
from sessions_log.services.record import NewEvent

# Milliseconds: from 2020 on, and no later than the year 2100.
_EARLIEST, _LATEST = 1_577_836_800_000, 4_102_444_800_000
_LONGEST_SECONDS = 24 * 60 * 60
_HOW = ("hidden", "left", "shown")


class TooMuchToldError(Exception):
    """The script said something that it has no word for. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told, and by how many milliseconds our clock is ahead of the device's."""

    events: tuple[NewEvent, ...]
    offset_ms: int


class _ToldForm(forms.Form):
    id = forms.UUIDField(required=False)
    name = forms.ChoiceField(choices=[(name.value, name.value) for name in sorted(OF_BROWSER)])
    page = forms.ChoiceField(choices=Step.choices)
    how = forms.ChoiceField(choices=[(how, how) for how in _HOW])
    seconds = forms.IntegerField(min_value=0, max_value=_LONGEST_SECONDS)
    at = forms.IntegerField(min_value=_EARLIEST, max_value=_LATEST)
    sent_at = forms.IntegerField(min_value=_EARLIEST, max_value=_LATEST)


def told_in(data: Mapping[str, Any], now: datetime) -> Told:
    """Return what a message of the script says. Raises `TooMuchToldError`."""
    form = _ToldForm(data)
    if not form.is_valid():
        raise TooMuchToldError
    said = form.cleaned_data
    step = Step(said["page"])
    event = NewEvent(
        EventName(said["name"]),
        stage=stage_of(step),
        page=step,
        detail={"how": said["how"], "seconds": said["seconds"]},
        source=Source.BROWSER,
        occurred_at=datetime.fromtimestamp(said["at"] / 1000, UTC),
        id=said["id"],
    )
    return Told((event,), round(now.timestamp() * 1000) - said["sent_at"])
