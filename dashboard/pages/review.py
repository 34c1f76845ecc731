"""The last step of a setup: everything at a glance, before anything is copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from connectors.destinations import registry as destinations
from connectors.models import Connection, ScheduleKind, SetupStep
from connectors.providers import registry as providers
from connectors.providers.manifest import shown
from connectors.schedules import in_words, next_slot, schedule_of
from connectors.services.setting_up import setup_version
from dashboard import formatting
from dashboard.pages.setup_link import step_href
from jobs.text import counted

# Settings that name the account or database at the source, and so many tables by name.
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what it is, its value, a second line below, and where it is changed."""

    label: str
    value: str
    detail: str
    href: str
    is_place: bool = False


_AWAITED = "It waits for the files: each set is loaded as soon as all of them are there."


@dataclass(frozen=True, slots=True)
class Review:
    """The lines of the page, and what starting will do, sentence by sentence. `seen` names this state of the setup."""

    facts: tuple[Fact, ...]
    lines: tuple[str, ...]
    seen: str
    is_assisted: bool


def review_of(connection: Connection, now: datetime, zone: tzinfo) -> Review:
    """Prepare the page. Three queries."""
    tables = list(connection.tables.filter(is_selected=True).order_by("name").only("name", "estimated_rows"))
    ids = list(connection.entities.selected().values_list("pk", flat=True))
    entities = len(ids)
    manifest = providers.manifest(connection.provider)
    scope = manifest.entities_in_words(entities)
    rows = sum(table.estimated_rows or 0 for table in tables)
    about = f", about {formatting.number(rows)} rows" if rows else ""
    plan = _plan(connection, ids, now, zone)
    return Review(
        facts=(*_facts(connection, [table.name for table in tables], f"{scope}{about}", now, zone), plan),
        lines=(
            f"{counted(len(tables), 'table')} of {scope} are copied{about}."
            if len(tables) > 1
            else f"1 table of {scope} is copied{about}.",
            f"Everything lands in the schema {connection.dataset}, which nothing else writes to."
            if entities <= 1
            else f"Each lands in a schema of its own, named {connection.dataset}__ and the source's own id.",
            _AWAITED if manifest.is_assisted else "Nothing is changed at the source: Patchbay only reads.",
        ),
        seen=setup_version(connection),
        is_assisted=manifest.is_assisted,
    )


def _facts(connection: Connection, tables: list[str], scope: str, now: datetime, zone: tzinfo) -> Iterator[Fact]:
    def href(step: SetupStep) -> str:
        return step_href(connection, step)

    config = connection.config
    manifest, target = providers.manifest(connection.provider), connection.destination
    yield Fact("Name", connection.name, "", href(SetupStep.CONFIGURE))
    told = ((one.label, shown(one, config.get(one.name))) for one in manifest.fields)
    settings = " · ".join(f"{label}: {words}" for label, words in told if words)
    yield Fact("Source", manifest.name, settings, href(SetupStep.CONFIGURE))
    place = f"{destinations.manifest(target.kind).name}, schema {connection.dataset}" if target else ""
    yield Fact("Destination", target.name if target else "None", place, href(SetupStep.CONFIGURE))
    tested = formatting.relative_time(connection.tested_at, now, zone) if connection.tested_at else ""
    yield Fact("Test", f"Passed {tested}" if tested else "Not tested", "", href(SetupStep.TEST))
    more = len(tables) - _NAMED
    names = ", ".join(tables[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    yield Fact("Tables", f"{counted(len(tables), 'table')} of {scope}", names, href(SetupStep.TABLES), is_place=True)


def _plan(connection: Connection, entities: Sequence[UUID], now: datetime, zone: tzinfo) -> Fact:
    """Say when it runs. Several entities are spread inside the interval, so the first of them gives the first run."""
    is_spread = connection.schedule_kind == ScheduleKind.INTERVAL and len(entities) > 1
    plans = (
        [schedule_of(connection, one, is_spread=True) for one in entities] if is_spread else [schedule_of(connection)]
    )
    slot = min(filter(None, (next_slot(plan, now) for plan in plans)), default=None)
    first = f"First by schedule: {formatting.exact_time(slot, zone)}" if slot else "Each run is started by a person"
    return Fact("Schedule", in_words(connection), first, step_href(connection, SetupStep.SCHEDULE))
