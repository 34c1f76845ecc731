"""What the address of a job's page may ask of its log."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms

LEVELS = (("", "All"), ("info", "Info"), ("warning", "Warn"), ("error", "Error"))


@dataclass(frozen=True, slots=True)
class LogCriteria:
    """Which log lines are meant: those newer than `after` or older than `before`, of a level, holding a text."""

    level: str = ""
    text: str = ""
    after: int | None = None
    before: int | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether some lines are left out on purpose."""
        return bool(self.level or self.text)


class LogFilterForm(forms.Form):
    """The log's filter. What cannot be read is left out, so that an old address still shows the log."""

    level = forms.ChoiceField(choices=LEVELS, required=False)
    q = forms.CharField(max_length=200, required=False)
    after = forms.IntegerField(min_value=0, max_value=2_000_000_000, required=False)
    before = forms.IntegerField(min_value=0, max_value=2_000_000_000, required=False)

    def criteria(self) -> LogCriteria:
        """Return what was asked, without the parts that are not valid."""
        self.is_valid()
        data = self.cleaned_data
        return LogCriteria(
            level=data.get("level", ""), text=data.get("q", ""), after=data.get("after"), before=data.get("before")
        )
