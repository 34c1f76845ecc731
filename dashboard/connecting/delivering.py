"""An end user delivers files in place of a sign-in: each is checked as it comes, and all are sent at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from connectors.models import Connection, Destination, Entity, Upload, UploadStatus
from connectors.plan import Endpoint, FoundEntity
from connectors.providers import registry
from connectors.providers.assisted.declared import Awaited, DeclarationError, awaited_in
from connectors.providers.manifest import Manifest
from connectors.services import connected, uploads
from connectors.services.connected import NewConnection, Wanted
from connectors.services.uploads import Incoming, Sender
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried
from dashboard.connecting.signing_in import base_config
from dashboard.connecting.steps import Step, stage_of
from dashboard.connecting.telling import tell
from dashboard.pages.connect_words import Told
from jobs.models import Trigger
from jobs.services.delivered import sync_delivered
from sessions_log.events import EventName
from sessions_log.models import Session, SessionKind, SessionStatus
from sessions_log.services import progress
from sessions_log.services.record import NewEvent

METHOD, REFUSED = "upload", "file_refused"
# The one set of a connection that is still to be made.
_WHOLE = FoundEntity("", "")


@dataclass(frozen=True, slots=True)
class Part:
    """The files of one company: which are awaited, and the newest upload of each in this session, None before one."""

    entity: Entity | None
    files: tuple[tuple[Awaited, Upload | None], ...]

    @property
    def is_begun(self) -> bool:
        """Whether a good file of it is there."""
        return any(_is_good(upload) for _, upload in self.files)

    @property
    def missing(self) -> tuple[Awaited, ...]:
        """The files that are still to come."""
        return tuple(one for one, upload in self.files if not _is_good(upload))

    @property
    def found(self) -> FoundEntity:
        """The company as a step carries it on."""
        return FoundEntity(self.entity.ref, self.entity.name) if self.entity else _WHOLE


def _is_good(upload: Upload | None) -> bool:
    return upload is not None and upload.status == UploadStatus.CHECKED


def awaited_files(session: Session) -> tuple[Awaited, ...]:
    """Return the files that a session asks for; none where its declaration cannot be used."""
    try:
        if session.kind == SessionKind.RECONNECT and session.connection is not None:
            return uploads.awaited_of(session.connection)
        return awaited_in(session.config)
    except DeclarationError:
        return ()


def entities_of(session: Session) -> list[Entity]:
    """Return the companies that files can be delivered for; none for a connection that is still to be made."""
    if session.kind != SessionKind.RECONNECT or session.connection is None:
        return []
    return list(session.connection.entities.selected().order_by("name", "pk"))


def parts_of(session: Session) -> tuple[Part, ...]:
    """Return what is asked for and what came, company by company. Four queries at most."""
    awaited = awaited_files(session)
    found = Upload.objects.of_visit(session.pk).exclude(status=UploadStatus.REPLACED).order_by("pk")
    newest: dict[tuple[UUID | None, str], Upload] = {}
    for upload in found:
        key = (upload.entity_id, upload.table)
        if upload.status != UploadStatus.REFUSED or not _is_good(newest.get(key)):
            newest[key] = upload
    entities: Sequence[Entity | None] = entities_of(session) or [None]
    return tuple(
        Part(one, tuple((file, newest.get((one.pk if one else None, file.table))) for file in awaited))
        for one in entities
    )


def is_whole(parts: Sequence[Part]) -> bool:
    """Whether what was begun is whole, and something was."""
    begun = [part for part in parts if part.is_begun]
    return bool(begun) and not any(part.missing for part in begun)


def deliver(*, session: Session, incoming: Incoming, awaited: Awaited, entity: Entity | None) -> Upload:
    """Take in a file of a session, tell what came of it, and carry on what is whole. Raises `TooLargeError`."""
    sender = Sender(session_id=session.pk, name=session.end_user_name or session.reference)
    upload = uploads.take_in(incoming=incoming, awaited=awaited, sender=sender, entity=entity, is_sent=False)
    with progress.turn(session.pk) as current:
        if current.status == SessionStatus.COMPLETED:
            return upload
        submitted = _event(EventName.FILE_SUBMITTED, {"file": awaited.name, "bytes": upload.size})
        tell(current, submitted, _answer(awaited, upload))
        parts = parts_of(current)
        manifest = registry.manifest(current.provider)
        carrying.write(current, _carried(current, manifest, parts) if is_whole(parts) else Carried(method=METHOD))
    return upload


def tell_refused(session: Session, awaited: Awaited, told: Told) -> None:
    """Tell that a file was refused before anything of it was kept."""
    tell(session, _event(EventName.FILE_REFUSED, {"file": awaited.name}, told))


def refused_words(upload: Upload) -> Told:
    """Return how a refused file is told to whoever uploaded it."""
    return Told(f"{upload.name} cannot be used", upload.reason)


def _answer(awaited: Awaited, upload: Upload) -> NewEvent:
    if upload.status == UploadStatus.REFUSED:
        return _event(EventName.FILE_REFUSED, {"file": awaited.name}, refused_words(upload))
    return _event(EventName.FILE_ACCEPTED, {"file": awaited.name, "rows": upload.rows})


def _event(name: EventName, detail: dict[str, object], told: Told | None = None) -> NewEvent:
    return NewEvent(
        name,
        stage=stage_of(Step.UPLOAD),
        page=Step.UPLOAD,
        error_code=REFUSED if told else "",
        words=told.words if told else "",
        detail=detail,
    )


def _carried(session: Session, manifest: Manifest, parts: Sequence[Part]) -> Carried:
    entities = tuple(part.found for part in parts if part.is_begun)
    return Carried(method=METHOD, config=base_config(session, manifest), entities=entities)


def hand_over(session: Session, manifest: Manifest, carried: Carried, destination: Destination | None) -> None:
    """Send the files to their connection, or make it; start what is whole, and end the session: all or nothing.

    Raises `ConnectionDeletedError`.
    """
    whose = session.end_user_name or session.reference or "An end user"
    with transaction.atomic():
        connection, entity = _connection(session, manifest, carried, destination, f"{whose}, through a connect link")
        reached = uploads.send(session_id=session.pk, connection=connection, entity=entity)
        connection.refresh_from_db()
        jobs = sync_delivered(connection=connection, entity_ids=reached, trigger=Trigger.SESSION)
        count = Upload.objects.of_visit(session.pk).exclude(connection=None).count()
        verified = NewEvent(
            EventName.PERMISSIONS_VERIFIED,
            stage=stage_of(Step.CHECK),
            page=Step.CHECK,
            detail={"entities": len(reached), "tables": count},
        )
        job_id = jobs[0].pk if jobs else None
        progress.complete(session=session, connection=connection, job_id=job_id, events=[verified])


def _connection(
    session: Session, manifest: Manifest, carried: Carried, destination: Destination | None, note: str
) -> tuple[Connection, Entity | None]:
    """Return the connection that gets the files, and whose those are that name no company."""
    if destination is None:
        assert session.connection is not None  # noqa: S101 - for the type checker: whoever calls has seen to it
        return Connection.objects.get(pk=session.connection.pk), None
    endpoint = Endpoint(manifest.kind, carried.config)
    found = connected.examine(endpoint, Wanted([""]))
    new = NewConnection(
        name=f"{session.end_user_name or session.reference or 'End user'} · {manifest.name}",
        provider=manifest.kind,
        destination=destination,
        refs=[""],
        config=carried.config,
        secrets={},
    )
    made = connected.make(new=new, found=found, note=note, created_by=session.created_by)
    return made, made.entities.selected().first()
