"""The list of connections as records for other programs: all that match, in the list's order, a batch at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from connectors.models import Connection
from connectors.schedules import in_words
from dashboard.forms.connections import Criteria
from dashboard.pages.connection_filters import ORDERS, matching
from dashboard.pages.connection_rows import Clock, Row, rows_of

# Connections prepared at once: the memory that an export takes, whatever its length.
_BATCH = 200
# What makes a spreadsheet read a cell as a formula; a quote before it makes the cell a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Record = dict[str, Any]


def records(criteria: Criteria, clock: Clock) -> Iterator[Record]:
    """Give every connection that `criteria` mean, whatever page they name. The order is that of one moment."""
    ordered = matching(criteria, clock.now).with_sort_keys(clock.now).order_by(*ORDERS[criteria.sort].fields())
    ids = list(ordered.values_list("pk", flat=True))
    for start in range(0, len(ids), _BATCH):
        found = Connection.objects.for_list(clock.now).in_bulk(ids[start : start + _BATCH])
        batch = [found[pk] for pk in ids[start : start + _BATCH] if pk in found]
        yield from (_record(one, row) for one, row in zip(batch, rows_of(batch, clock), strict=True))


def as_csv(found: Iterator[Record], names: Sequence[str] | None = None) -> Iterator[str]:
    """Write records as CSV, a line at a time; cells that a spreadsheet would run are made texts.

    `names` are the columns, those of connections unless others are named.
    """
    columns = names or NAMES
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for record in found:
        yield writer.writerow([_cell(record[name]) for name in columns])


def as_json(found: Iterator[Record]) -> Iterator[str]:
    """Write records as one JSON array, a record at a time."""
    before = "[\n"
    for record in found:
        yield before + json.dumps(record, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


NAMES = (
    "id", "name", "status", "reason", "activity", "provider", "destination", "dataset", "entities", "synced_24h",
    "last_run_at", "last_success_at", "next_run_at", "schedule", "owner", "tags", "created_at", "last_runs",
)  # fmt: skip


def _record(connection: Connection, row: Row) -> Record:
    live = row.live
    values = (
        str(connection.pk), row.name, live.status, live.reason, live.activity.words if live.activity else "",
        connection.provider, connection.destination.name if connection.destination else "", row.dataset,
        live.meter.total if live.meter else 0, live.meter.synced if live.meter else 0,
        _moment(connection.last_run_at), _moment(connection.last_success_at), _moment(connection.next_run_at),
        in_words(connection), row.owner, list(row.tags), _moment(connection.created_at), live.runs.label,
    )  # fmt: skip
    return dict(zip(NAMES, values, strict=True))


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(timezone.get_current_timezone()).isoformat(timespec="seconds")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


class _Line:
    """A file that hands back what is written to it, so that the writer's lines can be streamed."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line
