"""When a connection runs, as a person chooses it: one of the intervals, by hand, or a cron expression with a zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from connectors.cron import ScheduleError, read_cron, read_zone
from connectors.models import Connection, ScheduleKind
from connectors.schedules import INTERVALS
from connectors.services.reschedule import Plan

CRON, MANUAL = ScheduleKind.CRON.value, ScheduleKind.MANUAL.value
CHOICES = (*(str(seconds) for seconds in INTERVALS), MANUAL, CRON)


class ScheduleForm(forms.Form):
    """The schedule of `connection`. Expression and zone count, and are checked, only where cron is chosen."""

    # The fields do not check by themselves: what is wrong is said by those who read schedules, in their words.
    schedule = forms.CharField(required=False)
    cron = forms.CharField(
        required=False,
        strip=False,
        label="Expression",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-mono": True}),
    )
    time_zone = forms.CharField(
        required=False,
        strip=False,
        label="Time zone",
        help_text="Of the source, not yours.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "zones"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection) -> None:
        """Start with what is stored of `connection`; an expression that was never set begins in the reader's zone."""
        self.connection = connection
        kind = connection.schedule_kind
        chosen = str(connection.interval_seconds) if kind == ScheduleKind.INTERVAL else kind
        zone = connection.time_zone if connection.cron else str(timezone.get_current_timezone())
        super().__init__(data, initial={"schedule": chosen, "cron": connection.cron, "time_zone": zone})
        for field in self.fields.values():
            # A NUL byte is told in a sentence, too.
            field.validators = []

    def clean(self) -> dict[str, Any]:
        """Check the choice, and what belongs to it."""
        known = super().clean() or self.cleaned_data
        chosen = known.get("schedule", "")
        if not chosen:
            self.add_error("schedule", "Choose when it runs.")
        elif chosen not in CHOICES and chosen != self.initial["schedule"]:
            self.add_error("schedule", "There is no such choice. Choose one of the list.")
        elif chosen == CRON:
            for name, read in (("cron", read_cron), ("time_zone", read_zone)):
                try:
                    known[name] = read(known.get(name, ""))
                except ScheduleError as error:
                    self.add_error(name, str(error))
        return known

    def plan(self) -> Plan:
        """Return what was chosen. Of a valid form only."""
        known, stored = self.cleaned_data, self.connection
        if known["schedule"] == CRON:
            return Plan(CRON, stored.interval_seconds, known["cron"], known["time_zone"])
        if known["schedule"] == MANUAL:
            return Plan(MANUAL, stored.interval_seconds, stored.cron, stored.time_zone)
        return Plan(ScheduleKind.INTERVAL.value, int(known["schedule"]), stored.cron, stored.time_zone)
