"""The schedule editor: its choices with the line when each fits, and what the chosen one leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from heapq import merge
from itertools import islice
from zoneinfo import ZoneInfo

from connectors.clock_changes import changes_after
from connectors.cron import offered_zones
from connectors.models import Connection, ScheduleKind
from connectors.providers import registry as providers
from connectors.schedules import INTERVALS, Schedule, cron_in_words, in_words, schedule_of, slots
from connectors.services.reschedule import Plan
from dashboard import formatting
from dashboard.forms.schedule import CRON, MANUAL, ScheduleForm
from dashboard.pages.clock_notes import Note, note_of

RUNS, NOTES = 5, 2
_DEFAULT = "21600"
# When each choice fits.
_INTERVALS = {
    "60": ("Every minute", "For small tables that people look at live."),
    "300": ("Every 5 minutes", "For queues and orders. About 290 runs a day."),
    "900": ("Every 15 minutes", "For dashboards during the day."),
    "3600": ("Every hour", "For finance and support tools."),
    "21600": ("Every 6 hours", "The default. Fits payroll and HR data."),
    "86400": ("Every 24 hours", "For large sources that change overnight."),
}
_OTHERS = {
    CRON: ("Cron expression", "For a source with a quiet hour or a nightly close."),
    MANUAL: ("By hand", "Nothing runs until somebody presses Sync now."),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One row of the choices: its line of advice, and whether it is chosen or the usual one."""

    value: str
    label: str
    advice: str
    is_chosen: bool
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One coming run: the day and the time in the schedule's zone, in the reader's, how far ahead, and of whom."""

    day: str
    there: str
    here: str
    ahead: str
    who: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a schedule leads to. `here` is empty where the reader's zone is the schedule's own."""

    words: str
    there: str
    here: str
    runs: tuple[Run, ...]
    notes: tuple[Note, ...]
    spread: str
    has_names: bool


@dataclass(frozen=True, slots=True)
class Editor:
    """Everything that the editor shows. `preview` is None while what was typed cannot be used."""

    intervals: tuple[Choice, ...]
    others: tuple[Choice, ...]
    zones: tuple[str, ...]
    in_force: str
    said: str
    preview: Preview | None


def editor_of(connection: Connection, form: ScheduleForm, now: datetime, zone: tzinfo) -> Editor:
    """Prepare the editor for `form`: of a bound one what was typed, else what is stored. One query."""
    chosen = form["schedule"].value() or ""
    plan = _plan(connection, form)
    return Editor(
        intervals=tuple(_choices(_intervals(connection), chosen)),
        others=tuple(_choices(_OTHERS, chosen)),
        zones=offered_zones(),
        in_force=in_words(connection),
        said=cron_in_words(plan.cron) if plan and plan.schedule_kind == CRON else "",
        preview=preview_of(connection, plan, now, zone) if plan else None,
    )


def preview_of(connection: Connection, plan: Plan, now: datetime, zone: tzinfo) -> Preview:
    """Say what `plan` would lead to for `connection`: its next runs and what is odd about them. One query."""
    planned = _with(connection, plan)
    entities = list(connection.entities.selected().order_by("name", "pk").only("id", "name"))
    is_interval, is_cron = plan.schedule_kind == ScheduleKind.INTERVAL, plan.schedule_kind == CRON
    is_spread = is_interval and len(entities) > 1
    schedules = [(schedule_of(planned, one.pk, is_spread=True), one.name) for one in entities] if is_spread else []
    there = ZoneInfo(plan.time_zone) if is_cron else zone
    runs = _next(schedules or [(schedule_of(planned), "")], now)
    is_here = str(there) == str(zone)
    return Preview(
        words=cron_in_words(plan.cron) if is_cron else in_words(planned),
        there=_city(there),
        here="" if is_here else _city(zone),
        runs=tuple(_run(at, who, now, there, zone) for at, who in runs),
        notes=tuple(_notes(schedule_of(planned), now, zone)) if is_cron else (),
        spread=_spread(connection, plan, len(entities)),
        has_names=is_spread,
    )


def _intervals(connection: Connection) -> dict[str, tuple[str, str]]:
    """The six choices, and before them an interval that was set by other means."""
    seconds = connection.interval_seconds
    if connection.schedule_kind != ScheduleKind.INTERVAL or seconds in INTERVALS:
        return _INTERVALS
    return {str(seconds): (in_words(connection), "What is set now."), **_INTERVALS}


def _choices(rows: dict[str, tuple[str, str]], chosen: str) -> Iterator[Choice]:
    for value, (label, advice) in rows.items():
        yield Choice(value, label, advice, is_chosen=value == chosen, is_default=value == _DEFAULT)


def _plan(connection: Connection, form: ScheduleForm) -> Plan | None:
    if form.is_bound:
        return form.plan() if form.is_valid() else None
    stored = ScheduleForm(form.initial, connection=connection)
    return stored.plan() if stored.is_valid() else None


def _with(connection: Connection, plan: Plan) -> Connection:
    """Return an unsaved copy of `connection` that runs by `plan`."""
    return Connection(
        anchor_at=connection.anchor_at,
        schedule_kind=plan.schedule_kind,
        interval_seconds=plan.interval_seconds,
        cron=plan.cron,
        time_zone=plan.time_zone,
    )


def _next(schedules: Sequence[tuple[Schedule, str]], now: datetime) -> list[tuple[datetime, str]]:
    def of(schedule: Schedule, name: str) -> Iterator[tuple[datetime, str]]:
        return ((slot, name) for slot in slots(schedule, now))

    return list(islice(merge(*(of(*one) for one in schedules)), RUNS))


def _run(at: datetime, who: str, now: datetime, there: tzinfo, here: tzinfo) -> Run:
    local, mine = at.astimezone(there), at.astimezone(here)
    days = (mine.date() - local.date()).days
    other_day = {0: "", 1: " next day", -1: " day before"}[days]
    return Run(
        day=formatting.weekday_and_day(at, there),
        there=f"{local:%H:%M} {_zone_word(local)}",
        here=f"{mine:%H:%M} {_zone_word(mine)}{other_day}",
        ahead=formatting.duration((at - now).total_seconds()),
        who=who,
    )


def _zone_word(moment: datetime) -> str:
    """The short name of a zone where it has one: "CET"; zones without one are said by their distance."""
    name = moment.tzname() or ""
    return name if name.isalpha() else formatting.utc_offset(moment, moment.tzinfo or ZoneInfo("UTC"))


def _city(zone: tzinfo) -> str:
    return str(zone).rpartition("/")[2].replace("_", " ")


def _notes(schedule: Schedule, now: datetime, reader: tzinfo) -> Iterator[Note]:
    """Give what the next changes of the clocks do to the runs, of the schedule's zone and of the reader's."""
    zone = ZoneInfo(schedule.zone)
    changes = {change.at: (zone, change) for change in changes_after(zone, now)}
    mine = ZoneInfo(str(reader)) if str(reader) in {*offered_zones()} else zone
    for change in changes_after(mine, now):
        changes.setdefault(change.at, (mine, change))
    found = (note_of(schedule, changed, change, mine) for _, (changed, change) in sorted(changes.items()))
    return islice((note for note in found if note), NOTES)


def _spread(connection: Connection, plan: Plan, count: int) -> str:
    """Say how the entities of a connection share its slots; nothing for a single one."""
    if count <= 1 or plan.schedule_kind == MANUAL:
        return ""
    provider = providers.manifest(connection.provider)
    names = provider.entities_in_words(count)
    if plan.schedule_kind == CRON:
        return f"{names} start at the same time; workers take them one after the other."
    each = formatting.duration(timedelta(seconds=plan.interval_seconds) / count)
    return f"{names} are spread inside the interval, one about every {each}. A missed run is made up once."
