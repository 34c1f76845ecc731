"""Files that people upload: taken in, checked, sent, claimed by a job, loaded. Every change of an upload's status.

Each is a conditional update, under the lock of the connection's row where there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors.ids import new_id
from connectors.models import (
    GOOD,
    Connection,
    Entity,
    Upload,
    UploadStatus,
    with_whole_set,
)
from connectors.providers.assisted.declared import Awaited, awaited_in
from connectors.services import activity, facts
from connectors.services.changing import refuse_deleted
from connectors.uploads import store
from connectors.uploads.checking import Found, RefusedFileError, look_into

_NAME_LENGTH = 200
_END_USER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Sender:
    """Who uploads: a member of ours, or an end user in his session."""

    user: User | None = None
    session_id: UUID | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file as it comes: what its device calls it, and its bytes."""

    name: str
    chunks: Iterable[bytes]


class FilesMissingError(Exception):
    """Not every chosen file is there. `names` are those that are missing."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"Still missing: {', '.join(names)}.")
        self.names = tuple(names)


def take_in(*, incoming: Incoming, awaited: Awaited, sender: Sender, entity: Entity | None, is_sent: bool) -> Upload:
    """Store a file, look into it at once, and return what became of it: checked, or refused with the reason.

    It belongs to the connection of its `entity` where `is_sent`; else it waits for its end user to send it. Raises
    `TooLargeError`, and then nothing is kept, and `ConnectionDeletedError`.
    """
    pk = new_id()
    kept = store.keep(pk, incoming.chunks)
    upload = Upload.objects.create(
        pk=pk,
        connection=entity.connection if entity and is_sent else None,
        entity=entity,
        table=awaited.table,
        name=shown_name(incoming.name),
        size=kept.size,
        sha256=kept.sha256,
        uploaded_by=sender.user,
        session_id=sender.session_id,
        end_user_name=sender.name[:_END_USER_LENGTH],
    )
    try:
        found = look_into(store.path_of(pk), name=upload.name, awaited=awaited, known=_known_columns(upload))
    except RefusedFileError as refusal:
        return _refuse(upload, refusal)
    return _accept(upload, found, sender.user)


def _known_columns(upload: Upload) -> list[dict[str, str]]:
    """Return the columns that earlier files gave the table, with their types; none before the first load."""
    if upload.entity_id is None:
        return []
    loaded = Upload.objects.filter(entity=upload.entity_id, table=upload.table, status=UploadStatus.LOADED)
    return next(iter(loaded.order_by("-pk").values_list("columns", flat=True)[:1]), [])


def shown_name(name: str) -> str:
    """Return a file's name as it can be shown: without the folders of the device, and without control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(one for one in last if one.isprintable()).strip()
    return plain[-_NAME_LENGTH:] or "without a name"


def _refuse(upload: Upload, refusal: RefusedFileError) -> Upload:
    """Store why a file was refused; its content goes at once."""
    waiting = Upload.objects.filter(pk=upload.pk, status=UploadStatus.WAITING)
    now = timezone.now()
    waiting.update(
        status=UploadStatus.REFUSED, reason=refusal.reason, line=refusal.line, checked_at=now, removed_at=now
    )
    store.remove(upload.pk)
    upload.refresh_from_db()
    return upload


@transaction.atomic
def _accept(upload: Upload, found: Found, actor: User | None) -> Upload:
    locked = facts.lock(upload.connection_id) if upload.connection_id else None
    if locked is not None:
        refuse_deleted(locked)
    waiting = Upload.objects.filter(pk=upload.pk, status=UploadStatus.WAITING)
    waiting.update(
        status=UploadStatus.CHECKED,
        format=found.format,
        encoding=found.encoding,
        rows=found.rows,
        columns=list(found.columns),
        checked_at=timezone.now(),
    )
    upload.refresh_from_db()
    _replace_older(upload)
    if locked is not None:
        facts.refresh(locked)
        activity.record("connection.file_uploaded", actor=actor, connection=locked, note=_in_words(upload))
        upload.refresh_from_db()
    return upload


def _in_words(upload: Upload) -> str:
    return f"{upload.table}: {upload.name}, {upload.rows:,} rows"


def _replace_older(upload: Upload) -> None:
    """Of the files that wait for one table the newest one counts, whichever was checked first."""
    same = Upload.objects.ready().filter(table=upload.table, job_id=None)
    if upload.connection_id:
        same = same.filter(connection=upload.connection_id, entity=upload.entity_id)
    else:
        same = same.unsent().filter(session_id=upload.session_id, entity=upload.entity_id)
    _set_replaced(same.order_by("-pk").values_list("pk", flat=True)[1:])


def _set_replaced(ids: Iterable[UUID]) -> None:
    gone = list(ids)
    changed = Upload.objects.ready().filter(pk__in=gone)
    changed.update(status=UploadStatus.REPLACED, removed_at=timezone.now())
    transaction.on_commit(partial(_remove_all, gone))


def _remove_all(ids: Iterable[UUID]) -> None:
    for pk in ids:
        store.remove(pk)


@transaction.atomic
def withdraw(*, upload: Upload, actor: User | None) -> bool:
    """Take a checked file back before it is loaded. Returns False where it was loaded, claimed or replaced already."""
    if upload.connection_id is None:
        return False
    locked = facts.lock(upload.connection_id)
    mine = Upload.objects.ready().filter(pk=upload.pk, job_id=None)
    if mine.update(status=UploadStatus.REPLACED, removed_at=timezone.now()) != 1:
        return False
    activity.record("connection.file_withdrawn", actor=actor, connection=locked, note=_in_words(upload))
    facts.refresh(locked)
    transaction.on_commit(lambda: store.remove(upload.pk))
    return True


@transaction.atomic
def send(*, session_id: UUID, connection: Connection, entity: Entity | None = None) -> list[UUID]:
    """Hand the checked files of an end user's session to a connection. Returns the entities that got some.

    Files that say no entity get `entity`. Raises `ConnectionDeletedError`.
    """
    locked = facts.lock(connection.pk)
    refuse_deleted(locked)
    mine = list(Upload.objects.of_visit(session_id).unsent().ready().order_by("pk").select_for_update(of=("self",)))
    reached: dict[UUID, None] = {}
    for upload in mine:
        target = upload.entity_id or (entity.pk if entity else None)
        if target is None:
            continue
        Upload.objects.filter(pk=upload.pk).update(connection=locked, entity=target)
        upload.connection, upload.entity_id = locked, target
        _replace_older(upload)
        reached[target] = None
    if mine:
        names = ", ".join(one.table for one in mine)
        activity.record(
            "connection.files_delivered",
            actor=None,
            connection=locked,
            note=f"{mine[0].end_user_name or 'an end user'}: {names}",
        )
    facts.refresh(locked)
    return list(reached)


def missing_files(entity: Entity, awaited: Sequence[Awaited]) -> list[Awaited]:
    """Return which of the awaited files that are chosen wait for an upload of an entity. Two queries."""
    chosen = set(entity.connection.tables.filter(is_selected=True).values_list("name", flat=True))
    ready = set(Upload.objects.ready().filter(entity=entity, connection__isnull=False).values_list("table", flat=True))
    return [one for one in awaited if one.table in chosen and one.table not in ready]


def ready_entities(ids: Collection[UUID]) -> set[UUID]:
    """Return those of some entities of which every chosen file is there and waits to be loaded. One query."""
    found = with_whole_set(Entity.objects.filter(pk__in=ids), (UploadStatus.CHECKED,))
    return set(found.values_list("pk", flat=True))


@transaction.atomic
def claim(*, entity: Entity, job_id: UUID, tables: Collection[str], is_afresh: bool) -> dict[str, Upload]:
    """Let a job have the newest files of some tables, and return them by table.

    A re-sync (`is_afresh`) takes the files that were loaded last where none waits. Raises `FilesMissingError`; then
    nothing is claimed. Older files that wait are not loaded any more.
    """
    facts.lock(entity.connection_id)
    mine = Upload.objects.filter(entity=entity, table__in=tables, removed_at=None)
    waiting = {one.table: one for one in mine.ready().newest()}
    again = Q(status=UploadStatus.LOADED, job_id=job_id)
    if is_afresh:
        again = Q(status=UploadStatus.LOADED)
    for one in mine.filter(again).newest():
        waiting.setdefault(one.table, one)
    if missing := [table for table in tables if table not in waiting]:
        raise FilesMissingError(missing)
    taken = [one.pk for one in waiting.values() if one.status == UploadStatus.CHECKED]
    Upload.objects.ready().filter(pk__in=taken).update(job_id=job_id)
    _set_replaced(mine.ready().exclude(pk__in=taken).values_list("pk", flat=True))
    return waiting


def read_from(upload: Upload) -> dict[str, Any]:
    """Return what a source needs to read an upload."""
    return {
        "path": str(store.path_of(upload.pk)),
        "name": upload.name,
        "format": upload.format,
        "encoding": upload.encoding,
        "columns": upload.columns,
    }


def record_loaded(*, job_id: UUID) -> int:
    """Mark what a job claimed as loaded, once. Returns how many files it were."""
    claimed = Upload.objects.ready().filter(job_id=job_id)
    return claimed.update(status=UploadStatus.LOADED, loaded_at=timezone.now())


def awaited_of(connection: Connection) -> tuple[Awaited, ...]:
    """Return the files that a connection awaits: those of its chosen tables. One query."""
    chosen = set(connection.tables.filter(is_selected=True).values_list("name", flat=True))
    return tuple(one for one in awaited_in(connection.config) if one.table in chosen)


def was_delivered(entity: Entity, awaited: Awaited) -> bool:
    """Whether a good file of this kind came once."""
    return Upload.objects.filter(entity=entity, table=awaited.table, status__in=GOOD).exists()


def described(upload: Upload) -> dict[str, Any]:
    """Return what an event of a session tells of a file: its table and numbers, never what is in it."""
    return {"file": upload.table, "rows": upload.rows, "bytes": upload.size}
