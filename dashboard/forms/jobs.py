"""What the address of a job's page may ask of its log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django import forms

LEVELS = (("", "All"), ("info", "Info"), ("warning", "Warn"), ("error", "Error"))
UTC_ZONE = "utc"
_MOST = 2_000_000_000


@dataclass(frozen=True, slots=True)
class LogCriteria:
    """Which log lines are meant: of a level, a step and an attempt, holding a text; and which page of them.

    The newest ones, unless it is those newer than `after`, older than `before`, or around `line`, whatever the filter.
    A poll says what the open page has: the day of its last line, and how many lines were `shown` live.
    """

    level: str = ""
    step: str = ""
    attempt: int | None = None
    text: str = ""
    zone: str = ""
    after: int | None = None
    before: int | None = None
    line: int | None = None
    shown: int = 0
    day: date | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether some lines are left out on purpose."""
        return bool(self.level or self.step or self.attempt or self.text)

    @property
    def filter_query(self) -> dict[str, str | int | None]:
        """The filter and the time zone, as the address carries them."""
        return {"level": self.level, "step": self.step, "attempt": self.attempt, "q": self.text, "zone": self.zone}


class LogFilterForm(forms.Form):
    """The log's filter. What cannot be read is left out, so that an old address still shows the log."""

    level = forms.ChoiceField(choices=LEVELS, required=False)
    step = forms.SlugField(max_length=20, required=False)
    attempt = forms.IntegerField(min_value=1, max_value=_MOST, required=False)
    q = forms.CharField(max_length=200, required=False)
    zone = forms.ChoiceField(choices=[("", ""), (UTC_ZONE, "UTC")], required=False)
    after = forms.IntegerField(min_value=0, max_value=_MOST, required=False)
    before = forms.IntegerField(min_value=1, max_value=_MOST, required=False)
    line = forms.IntegerField(min_value=1, max_value=_MOST, required=False)
    shown = forms.IntegerField(min_value=0, max_value=_MOST, required=False)
    day = forms.DateField(required=False)

    def criteria(self) -> LogCriteria:
        """Return what was asked, without the parts that are not valid. A line is shown among all others."""
        self.is_valid()
        data = self.cleaned_data
        if data.get("line"):
            return LogCriteria(line=data["line"], zone=data.get("zone", ""))
        return LogCriteria(
            level=data.get("level", ""),
            step=data.get("step", ""),
            attempt=data.get("attempt"),
            text=data.get("q", ""),
            zone=data.get("zone", ""),
            after=data.get("after"),
            before=data.get("before"),
            shown=data.get("shown") or 0,
            day=data.get("day"),
        )
