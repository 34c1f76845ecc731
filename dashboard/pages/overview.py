"""The overview of one connection: four cards of facts, then its entities, or its tables where it has only one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.models import Connection, Entity, Mode, ScheduleKind, Status, Table
from connectors.providers.manifest import shown
from connectors.schedules import in_words, next_runs
from connectors.status import reason_in_words
from dashboard.formatting import exact_time
from dashboard.pages.connection import Head, Subject, head_of
from dashboard.pages.entity_rows import ENTITIES_PER_PAGE, LIST_ORDER, EntityRow, entity_row
from dashboard.pages.flag_evidence import Flag, flags_of
from dashboard.pages.keyset import Slice, cut
from dashboard.pages.waiting import link_of
from jobs.models import Job, JobStatus

_NEXT_RUNS = 5
_EXPLAINED = {Status.PAUSED, Status.INCOMPLETE}
# Statuses in the order in which a sentence names them.
_COUNTED = ("active", "broken", "incomplete", "paused")


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product and whether the connection copies any of its tables."""

    label: str
    tables: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table: how it is written, by which keys, and the rows that the last successful sync loaded."""

    name: str
    schema: str
    mode: str
    keys: str
    cursor: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class NextRun:
    """A run to come, in the schedule's own time zone. `entity` is named where there are several."""

    at: str
    entity: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the four cards say beside the head."""

    reason: str
    integration: str
    entities: str
    products: tuple[ProductLine, ...]
    tables: str
    success_at: datetime | None
    success_note: str
    attempt_at: datetime | None
    attempt_note: str
    next_at: datetime | None
    next_word: str
    next_note: str
    schedule: str
    zone: str
    why: str
    look: tuple[str, str]
    category: str
    created_at: datetime
    created_by: str
    has_credentials: bool
    credentials_at: datetime | None
    credentials_end: date | None
    tested_at: datetime | None
    provider: str
    auth_method: str
    settings: tuple[tuple[str, str], ...]
    owner: str
    runbook: str
    tags: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole page. Either `entities` or `tables` are shown."""

    head: Head
    flags: tuple[Flag, ...]
    facts: Facts
    entities: tuple[EntityRow, ...]
    entity_total: int
    shown: str
    before: str
    after: str
    tables: tuple[TableRow, ...]
    next_runs: tuple[NextRun, ...]


def overview_of(subject: Subject, *, text: str = "", after: str = "", before: str = "") -> Overview:
    """Prepare the page. `text` filters the entities, the cursors turn its pages.

    Raises `ValueError` for a cursor that is none.
    """
    tables = list(subject.connection.tables.for_list())
    page: Slice[Entity] | None = None
    filtered = {"text": text} if text else {}
    if subject.has_entities:
        entities = subject.entities.matching(text).defer("recent_runs")
        page = cut(entities, LIST_ORDER, size=ENTITIES_PER_PAGE, after=after, before=before)
    return Overview(
        head=head_of(subject),
        flags=flags_of(subject),
        facts=_facts(subject, tables),
        entities=tuple(entity_row(one, subject.live.get(one.pk)) for one in page.rows) if page else (),
        entity_total=page.total if page else 0,
        shown=f"{page.first} to {page.last} of {page.total}" if page and page.rows else "",
        before=f"?{urlencode({**filtered, 'before': page.before})}" if page and page.before else "",
        after=f"?{urlencode({**filtered, 'after': page.after})}" if page and page.after else "",
        tables=() if page else tuple(_table_rows(subject.connection, tables)),
        next_runs=tuple(_next_runs(subject)),
    )


def _facts(subject: Subject, tables: list[Table]) -> Facts:
    connection, provider, totals = subject.connection, subject.provider, subject.totals
    chosen = [table for table in tables if table.is_selected]
    is_due = connection.next_run_at is not None and connection.next_run_at <= subject.now
    # The banner says more of what is paused or not finished, and the head of what waits.
    why = None if connection.status in _EXPLAINED or subject.live else subject.reason
    return Facts(
        reason=reason_in_words(connection.status, connection.status_reason) or _how_well(totals),
        integration=provider.integration.capitalize(),
        entities=", ".join(f"{totals[name]} {name}" for name in _COUNTED if totals[name]),
        products=tuple(_products(subject, chosen)),
        tables=f"{len(chosen)} of {len(tables)} chosen" if tables else "None known yet",
        success_at=connection.last_success_at,
        success_note=f"{totals['synced']} of {totals['total']} entities in 24\N{NO-BREAK SPACE}h"
        if subject.has_entities
        else "",
        attempt_at=connection.last_run_at,
        attempt_note=_attempt_note(subject),
        next_at=None if is_due else connection.next_run_at,
        next_word=_next_word(subject, is_due=is_due),
        next_note=_next_note(totals) if connection.next_run_at else "",
        schedule=in_words(connection),
        zone=connection.time_zone if connection.schedule_kind == ScheduleKind.CRON else "",
        why=why.sentence if why else "",
        look=link_of(why),
        category=provider.category,
        created_at=connection.created_at,
        created_by=connection.created_by.get_username() if connection.created_by else "",
        has_credentials=bool(subject.provider.secret_names),
        credentials_at=connection.credentials_set_at,
        credentials_end=connection.credentials_end_on,
        tested_at=connection.tested_at,
        provider=provider.name,
        auth_method=provider.signed_in_by(connection.config) or provider.auth_method,
        settings=tuple(_settings(subject)),
        owner=connection.owner.get_username() if connection.owner else "",
        runbook=connection.runbook_url,
        tags=tuple(connection.tags.values_list("name", flat=True)),
        description=connection.description,
    )


def _how_well(totals: dict[str, int]) -> str:
    """Say how an active connection does."""
    broken, total = totals["broken"], totals["total"]
    return f"Works, but for {broken} of {total} entities" if broken else "Everything works"


def _products(subject: Subject, chosen: list[Table]) -> Iterable[ProductLine]:
    names = {table.name for table in chosen}
    for product in subject.provider.products:
        tables = ", ".join(name.replace("_", " ") for name in product.tables)
        yield ProductLine(product.label, tables, is_on=not names.isdisjoint(product.tables))


def _attempt_note(subject: Subject) -> str:
    totals = subject.totals
    if subject.has_entities:
        waiting = len(subject.live) - subject.running
        counts = (
            (totals["success"], "synced"),
            (totals["failed"], "failed"),
            (subject.running, "syncing"),
            (waiting, "waiting"),
        )
        return ", ".join(f"{count} {word}" for count, word in counts if count) if subject.connection.last_run_at else ""
    runs = subject.connection.recent_runs
    return JobStatus(runs[-1]["status"]).label if runs else ""


def _next_word(subject: Subject, *, is_due: bool) -> str:
    """What stands in place of the next run's time when that has passed, or none is planned."""
    connection = subject.connection
    if is_due:
        return "After this run" if subject.live else "Due now"
    if connection.status == Status.PAUSED:
        return "Paused"
    if connection.status == Status.BROKEN:
        return "On hold"
    if connection.status == Status.INCOMPLETE:
        return "Not scheduled"
    return "Only by hand" if connection.schedule_kind == ScheduleKind.MANUAL else "After this run"


def _next_note(totals: dict[str, int]) -> str:
    """Say how many entities have a next run where not all have one: what is on hold has none."""
    planned = totals["planned"]
    return f"{planned} of {totals['total']} entities" if planned < totals["total"] else ""


def _next_runs(subject: Subject) -> Iterable[NextRun]:
    """Yield the next five runs, as the tick will make them; none where the schedule starts nothing."""
    connection = subject.connection
    if connection.next_run_at is None:
        return
    planned = connection.entities.selected().filter(next_run_at__isnull=False).order_by("next_run_at", "pk")
    first = planned.only("name", "next_run_at", "connection_id")[:_NEXT_RUNS]
    try:
        zone: tzinfo = ZoneInfo(connection.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
    for at, entity in next_runs(connection, first, subject.now, is_spread=subject.has_entities, count=_NEXT_RUNS):
        yield NextRun(exact_time(at, zone), entity.name if subject.has_entities else "")


def _settings(subject: Subject) -> Iterable[tuple[str, str]]:
    """Yield what is set at the source, secrets never: their fields hold nothing here, and are left out besides.

    Nor is a choice that was left as it was, where that is told in words: some providers have ten of them.
    """
    config: dict[str, Any] = subject.connection.config
    for field in subject.provider.fields:
        value = config.get(field.name)
        is_usual = bool(field.labels) and value == field.default
        if not field.is_secret and not is_usual and (words := shown(field, value)):
            yield field.label, words


def _table_rows(connection: Connection, tables: list[Table]) -> Iterable[TableRow]:
    loaded = _last_loaded(connection)
    for table in tables:
        if table.is_selected:
            yield TableRow(
                name=table.name,
                schema=table.source_schema,
                mode=table.get_mode_display(),
                keys=", ".join(table.keys),
                # A table that is replaced is read whole each time.
                cursor=table.cursor if table.mode != Mode.REPLACE else "",
                rows=loaded.get(table.name),
            )


def _last_loaded(connection: Connection) -> dict[str, int]:
    """Return the rows per table of the connection's last successful sync."""
    last = Job.objects.filter(connection=connection).successes().newest_first().values_list("tables", flat=True).first()
    return {table["name"]: table["loaded"] for table in last or []}
