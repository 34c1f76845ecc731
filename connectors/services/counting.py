"""Asks a source how many rows a filter keeps, while a person waits: a bounded look, which stores nothing."""

from __future__ import annotations

from collections.abc import Sequence

from connectors import secrets
from connectors.models import Connection, Table
from connectors.plan import RowFilter, SyncError
from connectors.providers import registry
from connectors.services.asking import ask_in_time
from connectors.services.connect import source_of


def can_count(connection: Connection) -> bool:
    """Whether the connection's source can say how many rows a filter keeps."""
    return connection.credentials_set_at is not None and registry.counting(connection.provider) is not None


def count_kept(*, connection: Connection, table: Table, filters: Sequence[RowFilter]) -> tuple[int, int]:
    """Return how many rows of a table were looked at, and how many of them meet all `filters`. Raises `SyncError`."""
    counting = registry.counting(connection.provider)
    if counting is None:
        raise SyncError("misconfigured", "This source cannot say how many rows a filter keeps.")
    ref = connection.entities.selected().order_by("pk").values_list("ref", flat=True).first() or ""
    endpoint = source_of(Connection.everything.get(pk=connection.pk))
    place = (table.source_schema, table.name)
    try:
        return ask_in_time(lambda: counting.count_kept(endpoint, ref, place, filters))
    except SyncError as error:
        hide = secrets.Redactor(endpoint.secrets.values())
        raise SyncError(error.code, hide(error.detail), retry_after=error.retry_after) from None
