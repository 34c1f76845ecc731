"""The last step: the real test of what was signed in to, the connection that it makes or mends, and its first sync."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from uuid import UUID

from django.db import transaction

from connectors.models import Connection, Destination
from connectors.plan import SyncError
from connectors.providers.manifest import Manifest
from connectors.services import connected
from connectors.services.asking import ask_in_time
from connectors.services.connected import Examined, NewConnection, NotAllowedError, Wanted
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried, Refusal
from dashboard.connecting.delivering import hand_over
from dashboard.connecting.steps import Step, manifest_of, stage_of, waiting_at
from dashboard.connecting.telling import refused, tell
from jobs.models import Job
from jobs.services.first_sync import sync_signed_in
from sessions_log.events import EventName
from sessions_log.models import Session, SessionKind
from sessions_log.services import progress
from sessions_log.services.record import NewEvent

# With these the sign-in itself is over, and another one is needed.
_SIGNED_OUT = frozenset({"invalid_credentials", "account_locked", "token_revoked", "token_expired"})
_REFUSED = frozenset({"insufficient_permissions", "insufficient_scope", "entity_access_lost"})


def choose(*, session: Session, carried: Carried, refs: Collection[str]) -> Carried:
    """Store which entities were chosen, and tell how many; the same choice once more changes nothing."""
    known = carried.entities or ()
    chosen = tuple(one.ref for one in known if one.ref in set(refs))
    if chosen == carried.chosen:
        return carried
    with transaction.atomic():
        detail = {"count": len(chosen), "of": len(known)}
        tell(session, NewEvent(EventName.ENTITY_SELECTED, page=Step.COMPANIES, detail=detail))
        known_now = replace(carried, chosen=chosen, refusal=None)
        carrying.write(session, known_now)
    return known_now


def connect(*, session_id: UUID) -> Refusal | None:
    """Ask the source for everything that will be read, and connect. Returns the refusal, None once it is connected.

    A second press finds the connection that the first one made.
    """
    with progress.turn(session_id) as session:
        carried, manifest = carrying.read(session), manifest_of(session)
        if manifest is None or waiting_at(session, carried) != Step.CHECK:
            return None
        try:
            destination = _destination(session)
            if manifest.is_assisted:
                hand_over(session, manifest, carried, destination)
                return None
            wanted = _wanted(session, carried)
            endpoint = carried.endpoint(manifest.kind)
            found = ask_in_time(partial(connected.examine, endpoint, wanted))
        except SyncError as error:
            return _refuse(session, manifest, carried, error)
        _connect(session, manifest, carried, destination, found, wanted)
        return None


def _connect(
    session: Session,
    manifest: Manifest,
    carried: Carried,
    destination: Destination | None,
    found: Examined,
    wanted: Wanted,
) -> None:
    """Make or mend the connection, start its first sync and end the session: all of it, or nothing."""
    note = f"{session.end_user_name or session.reference or 'An end user'}, through a connect link"
    with transaction.atomic():
        if destination is None:
            assert session.connection is not None  # noqa: S101 - for the type checker: `_destination` has seen to it
            failed = connected.mend(
                connection=session.connection,
                config=carried.config,
                credentials=carried.secrets,
                found=found,
                note=note,
            )
            connection = Connection.objects.get(pk=session.connection.pk)
        else:
            new = NewConnection(
                name=f"{session.end_user_name or session.reference or 'End user'} · {manifest.name}",
                provider=manifest.kind,
                destination=destination,
                refs=wanted.refs,
                config=carried.config,
                secrets=carried.secrets,
            )
            connection, failed = connected.make(new=new, found=found, note=note, created_by=session.created_by), []
        jobs: list[Job] = sync_signed_in(connection=connection, entity_ids=failed)
        verified = NewEvent(
            EventName.PERMISSIONS_VERIFIED,
            stage=stage_of(Step.CHECK),
            page=Step.CHECK,
            detail={"entities": len(wanted.refs), "tables": len(found.copied)},
        )
        job_id = jobs[0].pk if jobs else None
        progress.complete(session=session, connection=connection, job_id=job_id, events=[verified])


def _refuse(session: Session, manifest: Manifest, carried: Carried, error: SyncError) -> Refusal:
    missing = error.missing if isinstance(error, NotAllowedError) else ()
    if error.code in _SIGNED_OUT:
        refusal = Refusal(Step.SIGN_IN, error.code, is_news=True)
        tell(session, refused(EventName.LOGIN_FAILED, refusal, manifest))
        carrying.write(session, Carried(method=carried.method, refusal=refusal))
        return refusal
    refusal = Refusal(Step.CHECK, error.code, missing=missing)
    name = EventName.PERMISSIONS_MISSING if error.code in _REFUSED else EventName.ERROR_SHOWN
    tell(session, refused(name, refusal, manifest))
    carrying.write(session, carried.refused(refusal))
    return refusal


def _destination(session: Session) -> Destination | None:
    """Return where a new connection lands; None for one that is there. Raises `SyncError` where there is no place."""
    if session.kind == SessionKind.RECONNECT:
        if session.connection is None or session.connection.deleted_at is not None:
            raise SyncError("misconfigured", "The connection was deleted.")
        return None
    if session.destination is None:
        only = Destination.objects.all()[:2]
        if len(only) != 1:
            raise SyncError("misconfigured", "The link has no destination.")
        return only[0]
    return session.destination


def _wanted(session: Session, carried: Carried) -> Wanted:
    """Return what is asked for; what a connection has already is asked for again."""
    every = [one.ref for one in carried.entities or ()]
    if session.kind == SessionKind.RECONNECT and session.connection is not None:
        refs = list(session.connection.entities.selected().values_list("ref", flat=True))
        tables = session.connection.tables.filter(is_selected=True).values_list("source_schema", "name")
        return Wanted(refs or every, session.products, list(tables) if refs else ())
    return Wanted(list(carried.chosen) or every, session.products)
