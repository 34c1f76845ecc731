"""The files of the hosted flow: what is asked for, what came, and an upload."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from connectors.models import Entity, UploadStatus
from connectors.providers.assisted.declared import Awaited
from connectors.services.uploads import Incoming
from connectors.uploads.store import TooLargeError
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried
from dashboard.connecting.delivering import awaited_files, deliver, entities_of, parts_of, refused_words, tell_refused
from dashboard.connecting.steps import Step, is_open
from dashboard.files import sent_file, takes_file, was_too_large
from dashboard.formatting import file_size
from dashboard.forms.files import UploadForm
from dashboard.pages.connect_upload import upload_of
from dashboard.pages.connect_words import Told
from dashboard.throttle import Limit, wait_seconds
from dashboard.views.connect_show import Shown, note_wrong, show_step
from dashboard.views.connect_visit import (
    GONE,
    INVALID,
    closed,
    go_on,
    is_lost,
    of_flow,
    to_step,
    too_many,
    visit_of,
    without_visit,
)
from sessions_log.models import Session

# Files of one session: a set has twenty at most, and each may be corrected some times.
UPLOADS = Limit("connect-uploads", 120, 3600)


def upload_shown(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    """Return what the page of the files shows."""
    del request
    return _shown(session, carried)


def take_upload(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    """Lead on from the page of the files once they are whole; its files are sent to an address of their own."""
    del request
    return go_on(session, carried)


@takes_file
@of_flow
@require_POST
def upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take in a file, look into it, and lead on once all are there."""
    session = visit_of(request, pk)
    if session is None:
        return without_visit(request, pk)
    if is_lost(session):
        return closed(request, "lost", GONE)
    carried = carrying.read(session)
    if not is_open(Step.UPLOAD, session, carried):
        return go_on(session, carried)
    if wait := wait_seconds(UPLOADS, str(session.pk)):
        return too_many(request, wait)
    known = entities_of(session)
    entities = Entity.objects.filter(pk__in=[one.pk for one in known])
    form = UploadForm(request.POST, awaited=awaited_files(session), entities=entities)
    if not form.is_valid():
        return to_step(session, Step.UPLOAD)
    entity = form.company() or (known[0] if known else None)
    return _take(request, session, carried, form.wanted(), entity)


def _take(
    request: HttpRequest, session: Session, carried: Carried, awaited: Awaited, entity: Entity | None
) -> HttpResponse:
    sent = sent_file(request)
    if sent is None and not was_too_large(request):
        note_wrong(session, Step.UPLOAD, [awaited.name])
        told = Told("No file was chosen", "Choose a file first, then press Upload.")
        return _refused(request, session, carried, awaited, entity, told)
    if sent is None:
        return _is_too_large(request, session, carried, awaited, entity)
    incoming = Incoming(sent.name or "", sent.chunks())
    try:
        done = deliver(session=session, incoming=incoming, awaited=awaited, entity=entity)
    except TooLargeError:
        return _is_too_large(request, session, carried, awaited, entity)
    session.refresh_from_db()
    carried = carrying.read(session)
    if done.status == UploadStatus.REFUSED:
        return _refused(request, session, carried, awaited, entity, refused_words(done))
    return go_on(session, carried)


def _is_too_large(
    request: HttpRequest, session: Session, carried: Carried, awaited: Awaited, entity: Entity | None
) -> HttpResponse:
    largest = file_size(settings.PATCHBAY_UPLOAD_BYTES)
    told = Told("The file is too large", f"It may have {largest}. Split it, or pack it with gzip.")
    tell_refused(session, awaited, told)
    return _refused(request, session, carried, awaited, entity, told)


def _refused(
    request: HttpRequest, session: Session, carried: Carried, awaited: Awaited, entity: Entity | None, told: Told
) -> HttpResponse:
    place = f"{entity.pk}-{awaited.table}" if entity else awaited.table
    shown = {**_shown(session, carried), "told": told, "refused_place": place}
    return show_step(request, session, carried, Step.UPLOAD, shown, status=INVALID)


def _shown(session: Session, carried: Carried) -> Shown:
    return {"upload": upload_of(session, parts_of(session), is_whole=carried.is_accepted)}
