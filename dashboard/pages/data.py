"""What was loaded of a connection: the tables at its destination, one close up, and what the last job brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q

from connectors.destinations.previews import LoadedTable, Preview
from connectors.errors import told
from connectors.models import Connection, Entity, Mode
from connectors.plan import Endpoint, SyncError
from connectors.secrets import UnreadableSecretError
from connectors.services import loaded
from connectors.services.connect import destination_of
from dashboard.formatting import number
from dashboard.pages.job import entry_of
from jobs.models import SYNC_TYPES, Job, JobStatus

# The last loads of tables are looked for in so many runs.
_RUNS_READ = 30
_PROTECTED = {"hash": "Hashed before it was stored", "mask": "Masked before it was stored"}
_NUMBERS = (
    "int", "numeric", "decimal", "double", "real", "float", "hugeint", "smallint", "bigint", "ubigint", "number",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableLink:
    """A table of the list. `rows` are empty where nobody counted."""

    name: str
    rows: str
    href: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class ColumnHead:
    """A column, with its type at the destination, and what was done to its values before they were stored."""

    name: str
    kind: str
    protection: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text; None for NULL."""

    text: str | None
    column: ColumnHead


@dataclass(frozen=True, slots=True)
class Rows:
    """The first rows of a table, ready to print."""

    cells: tuple[tuple[Cell, ...], ...]
    is_cut: bool
    said: str


@dataclass(frozen=True, slots=True)
class Close:
    """One table close up. `load` is the job that last read it, None where none of the last ones did."""

    name: str
    how: str
    rows: str
    rows_note: str
    columns: tuple[ColumnHead, ...]
    load: Job | None
    brought: str
    rows_shown: Rows | None


@dataclass(frozen=True, slots=True)
class Brought:
    """What a job brought to one table. `new` is empty where new rows and changed ones are not told apart."""

    name: str
    how: str
    read: str
    written: str
    new: str
    after: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Why the destination could not be asked; `words` are its own."""

    title: str
    cause: str
    words: str


@dataclass(frozen=True, slots=True)
class DataPage:
    """The whole page."""

    place: str
    dataset: str
    entities: tuple[tuple[UUID, str, bool], ...]
    entity: Entity | None
    tables: tuple[TableLink, ...]
    total: str
    table: Close | None
    job: Job | None
    brought: tuple[Brought, ...]
    left_out: int
    failed: Failed | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What the destination answered: its tables, and the first rows of one where those were asked for."""

    tables: tuple[LoadedTable, ...] = ()
    preview: Preview | None = None
    failed: Failed | None = None


def look_at(connection: Connection, entity: Entity | None, table: str, *, with_rows: bool) -> Look:
    """Ask the destination what it holds of an entity, and with `with_rows` for the first rows of `table`."""
    if entity is None or connection.destination is None:
        return Look()
    tables: tuple[LoadedTable, ...] = ()
    try:
        endpoint: Endpoint = destination_of(connection)
        tables = loaded.tables_at(endpoint, entity.dataset)
        preview = loaded.first_rows(endpoint, entity.dataset, table) if with_rows and table else None
    except SyncError as error:
        return Look(tables, failed=_failed(connection, error))
    except UnreadableSecretError as error:
        return Look(tables, failed=_failed(connection, SyncError("misconfigured", str(error))))
    return Look(tables, preview)


def entity_of(connection: Connection, asked: UUID | None) -> Entity | None:
    """Return the entity that is asked for, else the first one that has loaded something, else the first one."""
    known = connection.entities.order_by("-last_success_at", "name", "pk")
    found = known.filter(pk=asked).first() if asked else None
    return found or known.filter(last_success_at__isnull=False).first() or known.first()


def data_of(
    connection: Connection, entity: Entity | None, table: str, look: Look, *, address: str, now: datetime
) -> DataPage:
    """Prepare the page of what `look` found. Three queries, and one for the entities."""
    runs = _runs(entity)
    last = runs[0] if runs else None
    names = [one.name for one in look.tables]
    chosen = table if table in names else names[0] if names else ""
    close = next((one for one in look.tables if one.name == chosen), None)
    everything = [one.rows for one in look.tables if one.rows is not None]
    rows_after = {one.name.casefold(): _rows(one) for one in look.tables}
    brought = list(_brought(last, rows_after)) if last else []
    entities = list(connection.entities.order_by("name", "pk").values_list("pk", "name"))
    query = {"entity": str(entity.pk)} if entity and len(entities) > 1 else {}
    return DataPage(
        place=connection.destination.name if connection.destination else "",
        dataset=entity.dataset if entity else connection.dataset,
        entities=tuple((pk, name, entity is not None and pk == entity.pk) for pk, name in entities)
        if len(entities) > 1
        else (),
        entity=entity,
        tables=tuple(
            TableLink(one.name, _rows(one), f"{address}?{urlencode({**query, 'table': one.name})}", one.name == chosen)
            for one in look.tables
        ),
        total=number(sum(everything)) if everything else "",
        table=_close(connection, close, runs, look.preview) if close else None,
        job=last,
        brought=tuple(one for one in brought if one.written != "0"),
        left_out=sum(one.written == "0" for one in brought),
        failed=look.failed,
        read_at=now,
    )


def chosen_in(look: Look, table: str) -> str:
    """Return the table that is looked at close up: `table` where it is there, else the first one; empty for none."""
    names = [one.name for one in look.tables]
    return table if table in names else names[0] if names else ""


def _runs(entity: Entity | None) -> list[Job]:
    if entity is None:
        return []
    # What was purged is not there any more, whatever was loaded before.
    good = Q(type__in=SYNC_TYPES, status=JobStatus.SUCCESS)
    return list(Job.objects.filter(good, entity=entity).newest_first()[:_RUNS_READ])


def _close(connection: Connection, table: LoadedTable, runs: Sequence[Job], preview: Preview | None) -> Close:
    known = connection.tables.filter(name__iexact=table.name).first()
    protected: Mapping[str, str] = (known.protected if known else None) or {}
    columns = tuple(_column(name, kind, protected) for name, kind in table.columns)
    load, counts = _last_load(table.name, runs)
    return Close(
        name=table.name,
        how=_how(known.mode, known.cursor) if known else "",
        rows=_rows(table) or "Not counted",
        rows_note="" if table.is_exact else "an estimate of the destination",
        columns=columns,
        load=load,
        brought=f"{number(counts.get('loaded', 0))} rows written" if load else "",
        rows_shown=_shown(preview, columns, table) if preview else None,
    )


def _shown(preview: Preview, columns: Sequence[ColumnHead], table: LoadedTable) -> Rows:
    known = {column.name: column for column in columns}
    heads = [known.get(name) or _column(name, kind, {}) for name, kind in preview.columns]
    cells = tuple(tuple(Cell(value, head) for value, head in zip(row, heads, strict=False)) for row in preview.rows)
    of_rows = f"{len(cells)} of {_rows(table) or 'unknown many'} rows"
    of_columns = f"{len(heads)} of {len(columns)} columns" if len(heads) < len(columns) else f"{len(columns)} columns"
    return Rows(cells, preview.is_cut, f"{of_rows}, {of_columns}")


def _column(name: str, kind: str, protected: Mapping[str, str]) -> ColumnHead:
    plain = kind.lower()
    is_number = plain.startswith(_NUMBERS) and "[" not in plain and "interval" not in plain
    return ColumnHead(name, kind, _PROTECTED.get(str(protected.get(name, "")), ""), is_number)


def _last_load(table: str, runs: Sequence[Job]) -> tuple[Job | None, Mapping[str, Any]]:
    """Return the newest run that wrote to a table, and what it counted there."""
    for run in runs:
        for counts in run.tables:
            if counts["name"].casefold() == table.casefold() and counts.get("loaded"):
                return run, counts
    return None, {}


def _brought(job: Job, rows_after: Mapping[str, str]) -> Iterator[Brought]:
    for table in job.tables:
        written = table.get("loaded") or 0
        # A table that is appended to gets new rows only; one that is replaced, all of them.
        is_known = table.get("mode") == Mode.APPEND
        yield Brought(
            name=table["name"],
            how=dict(Mode.choices).get(table.get("mode", ""), ""),
            read=number(table.get("extracted") or 0),
            written=number(written),
            new=number(written) if is_known else "",
            after=rows_after.get(table["name"].casefold(), ""),
        )


def _how(mode: str, cursor: str) -> str:
    label = str(dict(Mode.choices).get(mode, mode)).lower()
    if mode == Mode.APPEND:
        return f"{label} {cursor}"
    return f"{label}, cursor {cursor}" if cursor and mode != Mode.REPLACE else label


def _rows(table: LoadedTable) -> str:
    if table.rows is None:
        return ""
    return number(table.rows) if table.is_exact else f"about {number(table.rows)}"


def _failed(connection: Connection, error: SyncError) -> Failed:
    entry, place = entry_of(error.code), connection.destination.name if connection.destination else "the destination"
    title, cause = (told(text, source=place, destination=place) for text in (entry.title, entry.cause))
    return Failed(title, cause, error.detail)
