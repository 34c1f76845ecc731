"""What a person is told before a connection is re-synced, purged or deleted: from facts, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, Sum

from connectors.models import Connection, Table
from connectors.providers import registry as providers
from dashboard import formatting
from jobs.models import Job, Lease, LeaseState, Queue
from jobs.text import counted

# As many successful runs are looked at: enough for each entity's last one, and bounded.
_RUNS_READ = 200
_JOBS_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class TableLine:
    """One table that can be read again, with the rows it had last."""

    pk: UUID
    name: str
    rows: str
    known: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Resync:
    """What a historical re-sync would do, line by line, and what it can be restricted to."""

    source: str
    lines: tuple[str, ...]
    tables: tuple[TableLine, ...]
    has_entities: bool


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge would remove; `rows` is empty where none is known."""

    scope: str
    tables: str
    rows: str


@dataclass(frozen=True, slots=True)
class Delete:
    """What deleting takes away and what it leaves; `rows` says what stays at the destination."""

    gone: tuple[str, ...]
    kept: tuple[str, ...]
    rows: str
    has_loaded: bool


def resync_of(connection: Connection, tables: Iterable[Table], chosen: Sequence[str]) -> Resync:
    """Prepare the question; `chosen` are the ids of the tables that are ticked."""
    entities = connection.entities.selected().count()
    runs = list(Job.objects.filter(connection=connection).successes().newest_first()[:_RUNS_READ])
    rows = _rows_by_table(runs)
    lines = tuple(_line(table, rows, chosen) for table in tables)
    return Resync(
        source=providers.manifest(connection.provider).name,
        lines=tuple(_what_happens(connection, entities, lines, _usual_duration(runs))),
        tables=lines,
        has_entities=entities > 1,
    )


def _what_happens(connection: Connection, entities: int, tables: Sequence[TableLine], took: str) -> Iterator[str]:
    word = providers.manifest(connection.provider).entity_word
    known = sum(table.known for table in tables)
    rows = f"about {formatting.number(known)} rows" if known else "all rows"
    every = f"All {counted(len(tables), 'table')}" if len(tables) > 1 else "1 table"
    yield f"{every} of {_scope(connection, entities)}: {rows} are read again, into {_target(connection)}."
    if took:
        yield f"A run usually takes {took}; reading everything can take longer."
    yield "The rows that are there stay readable until the new ones are complete, then they swap."
    waiting = Lease.objects.pending().filter(queue=Queue.BULK).count()
    behind = f"It waits in the queue bulk behind {counted(waiting, 'job')}" if waiting else "No job waits before it"
    yield f"{behind}. Syncs of the same {word} wait until it has ended, all others go on."


def _target(connection: Connection) -> str:
    return connection.destination.name if connection.destination else "its destination"


def purge_of(connection: Connection) -> Purge:
    """Say what a purge would remove: "3 companies", "4 tables", and the rows of the last runs if known."""
    rows = connection.entities.aggregate(total=Sum("last_rows"))["total"]
    tables = connection.tables.filter(is_selected=True).count()
    return Purge(
        scope=_scope(connection, connection.entities.count()),
        tables=counted(tables, "table"),
        rows=f"{formatting.number(rows)} rows in the last runs" if rows else "",
    )


def delete_of(connection: Connection) -> Delete:
    """Say what deleting a connection does, from what runs, waits and was loaded now. Four queries."""
    live = Lease.objects.filter(connection=connection).aggregate(
        waiting=Count("pk", filter=Q(state=LeaseState.PENDING)), running=Count("pk", filter=Q(state=LeaseState.RUNNING))
    )
    jobs = Job.objects.filter(connection=connection).order_by().values("pk")[: _JOBS_COUNTED + 1].count()
    days = counted(settings.PATCHBAY_RETENTION_DAYS, "day")
    many = f"More than {formatting.number(_JOBS_COUNTED)} jobs" if jobs > _JOBS_COUNTED else counted(jobs, "job")
    rows = connection.entities.aggregate(total=Sum("last_rows"))["total"]
    return Delete(
        gone=(_stops(live["running"], live["waiting"]), "Credentials, settings and tags are removed"),
        kept=(f"{many} {'stays' if jobs == 1 else 'stay'} readable for {days} after their end",),
        rows=f"{formatting.number(rows)} rows of the last runs" if rows else "What was loaded",
        has_loaded=connection.last_success_at is not None or bool(rows),
    )


def _stops(running: int, waiting: int) -> str:
    parts = ["The schedule stops at once"]
    if running:
        parts.append(f"{counted(running, 'job')} in progress {'is' if running == 1 else 'are'} asked to stop")
    if waiting:
        parts.append(f"{counted(waiting, 'job')} that {'waits is' if waiting == 1 else 'wait are'} cancelled")
    return ", ".join(parts)


def _scope(connection: Connection, count: int) -> str:
    return providers.manifest(connection.provider).entities_in_words(count)


def _line(table: Table, rows: dict[str, int], chosen: Sequence[str]) -> TableLine:
    # A table that is merged reads only changes, so its last run says less than an earlier one or the source did.
    known = max(rows.get(table.name, 0), table.estimated_rows or 0)
    told = formatting.number(known or None)
    return TableLine(table.pk, table.name, told, known, is_chosen=str(table.pk) in chosen)


def _rows_by_table(runs: Sequence[Job]) -> dict[str, int]:
    """Return the most rows that a run of each entity read of each table, added up over the entities."""
    most: dict[tuple[UUID | None, str], int] = {}
    for run in runs:
        for table in run.tables:
            key = (run.entity_id, table["name"])
            most[key] = max(most.get(key, 0), table.get("extracted") or 0)
    totals: dict[str, int] = {}
    for (_, name), rows in most.items():
        totals[name] = totals.get(name, 0) + rows
    return totals


def _usual_duration(runs: Sequence[Job]) -> str:
    took = [run.duration_ms for run in runs if run.duration_ms is not None]
    return formatting.duration(median(took) / 1000) if took else ""
