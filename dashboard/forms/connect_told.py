"""What the script of the hosted flow may say: few names, and numbers. Words are not taken from a browser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from dashboard.connecting.steps import Step, stage_of
from sessions_log.events import OF_BROWSER, EventName, Source
from sessions_log.services.record import NewEvent

# Milliseconds: from 2020 on, and no later than the year 2100.
_EARLIEST, _LATEST = 1_577_836_800_000, 4_102_444_800_000
# A visit is over by then.
_LONGEST_SECONDS = 24 * 60 * 60
_HOW = ("hidden", "left", "shown")


class NotTellableError(Exception):
    """The script said something that it has no word for. Nothing was stored."""


class _ToldForm(forms.Form):
    name = forms.ChoiceField(choices=[(name.value, name.value) for name in sorted(OF_BROWSER)])
    page = forms.ChoiceField(choices=Step.choices)
    how = forms.ChoiceField(choices=[(how, how) for how in _HOW])
    seconds = forms.IntegerField(min_value=0, max_value=_LONGEST_SECONDS)
    made = forms.IntegerField(min_value=_EARLIEST, max_value=_LATEST)
    after = forms.IntegerField(min_value=0, max_value=_LONGEST_SECONDS * 1000)


def told_in(data: Mapping[str, Any], *, opened_at: datetime, now: datetime) -> NewEvent:
    """Return the event that a message of the script tells. Raises `NotTellableError`.

    Its time is that at which our server made the page and what passed since: it needs no clock of a device, and comes
    after the page was seen and before the next one is. It is held between the opening of the session and now.
    """
    form = _ToldForm(data)
    if not form.is_valid():
        raise NotTellableError
    said = form.cleaned_data
    step = Step(said["page"])
    moment = datetime.fromtimestamp(said["made"] / 1000, UTC) + timedelta(milliseconds=said["after"])
    return NewEvent(
        EventName(said["name"]),
        stage=stage_of(step),
        page=step,
        detail={"how": said["how"], "seconds": said["seconds"]},
        source=Source.BROWSER,
        occurred_at=min(max(moment, opened_at), now),
    )
