"""The files of a connection that people deliver: what is awaited, what came, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from connectors.models import FAR_AHEAD, Connection, Entity, Status, Upload, UploadStatus
from connectors.providers.assisted.declared import Awaited, DeclarationError, awaited_in
from dashboard.formatting import file_size
from dashboard.pages.connection import Subject
from dashboard.pages.session_link import invite_of
from jobs.models import Lease
from jobs.text import counted

UPLOADS_PER_PAGE = 50
# From so many on the companies are chosen from a list of their own.
MOST_ENTITIES = 500


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One upload: who brought it, what it is, and what became of it."""

    pk: UUID
    name: str
    file: str
    entity: str
    who: str
    at: datetime
    size: str
    rows: int | None
    sha256: str
    status: str
    reason: str
    line: int | None
    job_id: UUID | None
    is_removed: bool
    can_withdraw: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """One awaited file of a company: what is asked of it, and the newest upload."""

    table: str
    name: str
    asks: str
    newest: UploadRow | None
    is_missing: bool


@dataclass(frozen=True, slots=True)
class FilesPage:
    """All of it. `since` is when the awaited files were due, `due_at` when the next set is."""

    slots: tuple[Slot, ...]
    delivered: int
    since: datetime | None
    due_at: datetime | None
    entity: UUID | None
    entity_name: str
    entities: tuple[tuple[UUID, str, bool], ...]
    has_entities: bool
    rows: tuple[UploadRow, ...]
    older_href: str
    newest_href: str
    invite: str
    upload_href: str
    largest: str
    days: int
    wrong: str
    is_taking: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the files that are awaited."""
        return tuple(slot.name for slot in self.slots if slot.is_missing)

    @property
    def told(self) -> str:
        """How many of the files are there, in words."""
        return f"{self.delivered} of {counted(len(self.slots), 'file')} of this set"


def files_of(subject: Subject, asked: Mapping[str, Any]) -> FilesPage:
    """Prepare the page, for one of the companies. Six queries, however many files and companies there are."""
    connection = subject.connection
    entities = list(connection.entities.selected().order_by("name", "pk")[:MOST_ENTITIES])
    entity = next((one for one in entities if one.pk == asked.get("entity")), entities[0] if entities else None)
    chosen = set(connection.tables.filter(is_selected=True).values_list("name", flat=True))
    wrong, awaited = _declared(connection)
    names = {one.table: one.name for one in awaited}
    newest = {one.table: one for one in Upload.objects.filter(entity=entity).newest()} if entity else {}
    ready = _ready(entity)
    slots = tuple(_slot(one, newest.get(one.table), ready) for one in awaited if one.table in chosen)
    delivered = sum(not slot.is_missing for slot in slots)
    rows, more = _history(connection, names, asked)
    return FilesPage(
        slots=slots,
        delivered=delivered,
        since=_since(entity) if delivered < len(slots) else None,
        due_at=entity.next_run_at if entity else None,
        entity=entity.pk if entity else None,
        entity_name=entity.name if entity else "",
        entities=tuple((one.pk, one.name, one == entity) for one in entities),
        has_entities=len(entities) > 1,
        rows=rows,
        older_href=_address(connection, asked, older_than=rows[-1].pk) if more else "",
        newest_href=_address(connection, asked) if "older_than" in asked else "",
        invite=invite_of(connection),
        upload_href=reverse("connections:upload", args=[connection.pk]),
        largest=file_size(settings.PATCHBAY_UPLOAD_BYTES),
        days=settings.PATCHBAY_UPLOAD_DAYS,
        wrong=wrong,
        is_taking=not connection.setup_step and connection.status != Status.PAUSED,
    )


def _declared(connection: Connection) -> tuple[str, tuple[Awaited, ...]]:
    try:
        return "", awaited_in(connection.config)
    except DeclarationError as error:
        return str(error), ()


def _ready(entity: Entity | None) -> set[str]:
    """Return the tables of a company whose file is there and waits to be loaded. One query."""
    if entity is None:
        return set()
    return set(Upload.objects.ready().filter(entity=entity, job_id=None).values_list("table", flat=True))


def _since(entity: Entity | None) -> datetime | None:
    """Return since when a company's files are awaited: since its set was due, or since it is there. One query."""
    if entity is None:
        return None
    held = Lease.objects.syncs().pending().filter(entity=entity, available_at__gte=FAR_AHEAD).select_related("job")
    if lease := held.first():
        return lease.slot_at or lease.job.created_at
    return None if entity.last_success_at else entity.status_since


def _slot(one: Awaited, newest: Upload | None, ready: set[str]) -> Slot:
    asks = [one.format or "CSV, JSON Lines or Parquet"]
    if one.columns:
        asks.append(f"with {', '.join(one.columns)}")
    if one.keys:
        asks.append(f"merged by {', '.join(one.keys)}")
    return Slot(
        table=one.table,
        name=one.name,
        asks=", ".join(asks),
        newest=_row(newest, {one.table: one.name}) if newest else None,
        is_missing=one.table not in ready,
    )


def _history(
    connection: Connection, names: Mapping[str, str], asked: Mapping[str, Any]
) -> tuple[tuple[UploadRow, ...], bool]:
    found = connection.uploads.for_list()
    if older_than := asked.get("older_than"):
        found = found.filter(pk__lt=older_than)
    page = list(found[: UPLOADS_PER_PAGE + 1])
    return tuple(_row(one, names) for one in page[:UPLOADS_PER_PAGE]), len(page) > UPLOADS_PER_PAGE


def _row(one: Upload, names: Mapping[str, str]) -> UploadRow:
    by_member = one.uploaded_by.get_username() if one.uploaded_by else ""
    return UploadRow(
        pk=one.pk,
        name=one.name,
        file=names.get(one.table, one.table),
        entity=one.entity.name if one.entity else "",
        who=by_member or one.end_user_name or ("an end user" if one.session_id else "a former member"),
        at=one.uploaded_at,
        size=file_size(one.size),
        rows=one.rows,
        sha256=one.sha256,
        status=one.status,
        reason=one.reason,
        line=one.line,
        job_id=one.job_id,
        is_removed=one.removed_at is not None,
        can_withdraw=one.status == UploadStatus.CHECKED and one.job_id is None,
    )


def _address(connection: Connection, asked: Mapping[str, Any], **changes: Any) -> str:
    kept = {name: str(value) for name, value in asked.items() if name == "entity"}
    query = urlencode({**kept, **{name: str(value) for name, value in changes.items()}})
    address = reverse("connections:files", args=[connection.pk])
    return f"{address}?{query}" if query else address


def names_of(slots: Sequence[Slot]) -> str:
    """Return the names of files in a line."""
    return ", ".join(slot.name for slot in slots)
