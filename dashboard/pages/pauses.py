"""What a person is told before a connection is paused or resumed: from facts, before anything happens."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from cronsim import CronSimError

from connectors.models import Connection, Entity, Pause, ScheduleKind
from connectors.providers import registry as providers
from connectors.schedules import next_slot, schedule_of
from connectors.services.facts import is_planned
from connectors.status import RunFacts, SetupFacts, derive_entity
from dashboard import formatting
from dashboard.forms.actions import Ends, PauseForm, Running, tomorrow_morning
from dashboard.pages.banner import who_paused
from jobs.models import Lease, LeaseState


@dataclass(frozen=True, slots=True)
class Choice:
    """One row of a list of choices: what it is, a line of advice, and a figure at its end."""

    value: str
    label: str
    advice: str
    figure: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PauseQuestion:
    """What is asked. `running` is empty, and so is its title, where no sync runs."""

    ends: tuple[Choice, ...]
    tomorrow: str
    zone: str
    running_title: str
    running: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ResumeQuestion:
    """The pause that would end, and what will happen then, line by line."""

    pause: Pause | None
    actor: str
    lines: tuple[str, ...]


def pause_of(connection_ids: Collection[UUID], form: PauseForm, now: datetime, zone: tzinfo) -> PauseQuestion:
    """Prepare the question about one connection or several, with what was answered so far."""
    live = Lease.objects.syncs().filter(connection__in=connection_ids, state=LeaseState.RUNNING)
    running = list(live.only("progress"))
    several = f"{len(running)} syncs are in progress"
    typed = form["until"].value()
    morning = tomorrow_morning(now)
    return PauseQuestion(
        ends=tuple(_ends(form["ends"].value() or (Ends.AT if typed else Ends.BY_HAND), morning, now)),
        tomorrow=morning.strftime("%Y-%m-%dT%H:%M"),
        zone=formatting.zone_label(zone, now),
        running_title=several if len(running) > 1 else "A sync is in progress" if running else "",
        running=tuple(_running(form["running"].value() or Running.FINISH, running)) if running else (),
    )


def resume_of(connection: Connection, now: datetime, zone: tzinfo) -> ResumeQuestion:
    """Prepare the question: the pause with its reason, and what will run."""
    pause = connection.pauses.open().select_related("created_by").first()
    return ResumeQuestion(pause=pause, actor=who_paused(pause), lines=tuple(_after(connection, now, zone)))


def _ends(chosen: str, morning: datetime, now: datetime) -> Iterator[Choice]:
    left = formatting.relative_time(morning, now)
    rows = (
        (Ends.BY_HAND, "It stays paused until somebody resumes it", ""),
        (Ends.TOMORROW, "Then it goes on with its schedule by itself", left),
        (Ends.AT, "", ""),
    )
    for value, advice, figure in rows:
        label = f"{value.label}, {morning:%H:%M}" if value == Ends.TOMORROW else str(value.label)
        yield Choice(value, label, advice, figure, is_chosen=value == chosen)


def _running(chosen: str, running: Sequence[Lease]) -> Iterator[Choice]:
    rows = sum(extracted or 0 for lease in running for extracted, _ in lease.progress.get("tables", {}).values())
    so_far = f"{formatting.number(rows)} rows read so far" if rows else "It has just begun"
    rest = "Finished tables stay, the next run goes on from the same position"
    for value, advice in ((Running.FINISH, so_far), (Running.CANCEL, rest)):
        yield Choice(value, str(value.label), advice, "", is_chosen=value == chosen)


def _after(connection: Connection, now: datetime, zone: tzinfo) -> Iterator[str]:
    """Yield what a resume leads to."""
    entities = list(connection.entities.selected().only("last_error_code", "failure_streak"))
    going = [one for one in entities if _will_run(connection, one)]
    words = providers.manifest(connection.provider).entities_in_words
    if connection.schedule_kind == ScheduleKind.MANUAL:
        yield "It has no schedule: nothing runs until somebody presses Sync now."
    elif going:
        slots = [_next(connection, one, now, is_spread=len(entities) > 1) for one in going]
        first = min((slot for slot in slots if slot), default=None)
        at = f", first on {formatting.exact_time(first, zone)}" if first else ""
        yield f"{words(len(going))} will sync again at the next time of the schedule{at}."
    if held := len(entities) - len(going) if connection.schedule_kind != ScheduleKind.MANUAL else 0:
        verb = "stays" if held == 1 else "stay"
        yield f"{words(held)} {verb} on hold: nothing is tried until a person mends what failed."
    yield "What was loaded stays, and each table goes on where it was: nothing is cleared or copied twice."
    yield "Runs left out meanwhile are not made up one by one: the next one reads all that is new."


def _will_run(connection: Connection, entity: Entity) -> bool:
    """Whether the entity has a next run once nothing pauses it."""
    runs = RunFacts(entity.last_error_code, entity.failure_streak)
    return is_planned(connection, derive_entity(SetupFacts(), runs))


def _next(connection: Connection, entity: Entity, now: datetime, *, is_spread: bool) -> datetime | None:
    try:
        return next_slot(schedule_of(connection, entity.pk, is_spread=is_spread), now)
    except (CronSimError, ZoneInfoNotFoundError):
        return None
