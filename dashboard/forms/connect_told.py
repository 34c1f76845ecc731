"""What the script of the hosted flow may say: few names, and numbers. Words are not taken from a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
# Milliseconds by which whole seconds are off. A page that was shown again counts its seconds from then on.
_ROUNDING = 500
_INSTANT = timedelta(microseconds=1)
# No page takes longer to come. What is left later than that stood open beside the other one.
_SOON = timedelta(seconds=30)


class NotTellableError(Exception):
    """The script said something that it has no word for. Nothing was stored."""


class _ToldForm(forms.Form):
    name = forms.ChoiceField(choices=[(name.value, name.value) for name in sorted(OF_BROWSER)])
    page = forms.ChoiceField(choices=Step.choices)
    how = forms.ChoiceField(choices=[(how, how) for how in _HOW])
    seconds = forms.IntegerField(min_value=0, max_value=_LONGEST_SECONDS)
    made = forms.IntegerField(min_value=_EARLIEST, max_value=_LATEST)
    after = forms.IntegerField(min_value=0, max_value=_LONGEST_SECONDS * 1000)


def told_in(
    data: Mapping[str, Any],
    *,
    opened_at: datetime,
    now: datetime,
    shown_after: Callable[[datetime], datetime | None] = lambda _moment: None,
) -> NewEvent:
    """Return the event that a message of the script tells. Raises `NotTellableError`.

    Its time is that at which our server made the page and what passed since: it needs no clock of a device. It is held
    between the opening of the session and now. A browser leaves a page when the answer with the next one is there, so
    who left for a page of ours did so before that was shown: `shown_after` returns when our server first showed
    something after a moment, None where it did not.
    """
    form = _ToldForm(data)
    if not form.is_valid():
        raise NotTellableError
    said = form.cleaned_data
    step = Step(said["page"])
    made = datetime.fromtimestamp(said["made"] / 1000, UTC)
    moment = made + timedelta(milliseconds=said["after"])
    is_seen_once = abs(said["after"] - 1000 * said["seconds"]) <= _ROUNDING
    shown = shown_after(made) if said["how"] == "left" and is_seen_once else None
    if shown is not None and moment - shown < _SOON:
        moment = min(moment, shown - _INSTANT)
    return NewEvent(
        EventName(said["name"]),
        stage=stage_of(step),
        page=step,
        detail={"how": said["how"], "seconds": said["seconds"]},
        source=Source.BROWSER,
        occurred_at=min(max(moment, opened_at), now),
    )
