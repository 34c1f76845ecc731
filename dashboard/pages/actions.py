"""What a person is told before a connection is resumed, re-synced or purged: from facts, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from django.db.models import Sum

from connectors.models import Connection, ScheduleKind, Table
from connectors.providers import registry as providers
from dashboard import formatting
from jobs.models import Job

# As many successful runs are looked at: enough for each entity's last one, and bounded.
_RUNS_READ = 200


@dataclass(frozen=True, slots=True)
class TableLine:
    """One table that can be read again, with the rows it had last."""

    pk: UUID
    name: str
    rows: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Resync:
    """What a historical re-sync would do. `took` says how long a run usually takes, empty if none was."""

    scope: str
    tables: tuple[TableLine, ...]
    took: str
    has_entities: bool


def resync_of(connection: Connection, tables: Iterable[Table], chosen: Sequence[str]) -> Resync:
    """Prepare the question; `chosen` are the ids of the tables that are ticked."""
    entities = connection.entities.selected().count()
    runs = list(Job.objects.filter(connection=connection).successes().newest_first()[:_RUNS_READ])
    rows = _rows_by_table(runs)
    return Resync(
        scope=_scope(connection, entities),
        tables=tuple(_line(table, rows, chosen) for table in tables),
        took=_usual_duration(runs),
        has_entities=entities > 1,
    )


def purge_scope(connection: Connection) -> str:
    """Say what a purge would remove: "3 companies with 4 tables", and the rows of the last runs if known."""
    entities = connection.entities.count()
    rows = connection.entities.aggregate(total=Sum("last_rows"))["total"]
    tables = connection.tables.filter(is_selected=True).count()
    told = f"{_scope(connection, entities)} with {formatting.number(tables)} table{'' if tables == 1 else 's'}"
    return f"{told}, {formatting.number(rows)} rows in the last runs" if rows else told


def resume_sentence(connection: Connection) -> str:
    """Say what will run once a paused connection is resumed, and that nothing is cleared."""
    entities = connection.entities.selected().count()
    kept = "What was loaded stays, and each table goes on where it was."
    if connection.schedule_kind == ScheduleKind.MANUAL:
        return f"It has no schedule, so nothing runs until somebody presses Sync now. {kept}"
    return f"{_scope(connection, entities)} will sync again at the next time of the schedule. {kept}"


def _scope(connection: Connection, count: int) -> str:
    return providers.manifest(connection.provider).entities_in_words(count)


def _line(table: Table, rows: dict[str, int], chosen: Sequence[str]) -> TableLine:
    # A table that is merged reads only changes, so its last run says less than an earlier one or the source did.
    known = max(rows.get(table.name, 0), table.estimated_rows or 0)
    told = f"{formatting.number(known)} rows" if known else "rows not known"
    return TableLine(table.pk, table.name, told, str(table.pk) in chosen)


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
