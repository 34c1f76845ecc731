"""The files of a connection that people deliver: what is awaited, an upload by a member, and taking one back."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from connectors.models import Connection, Entity, Upload, UploadStatus
from connectors.providers.assisted.declared import Awaited, DeclarationError
from connectors.services import uploads
from connectors.services.uploads import Incoming, Sender
from connectors.uploads.store import TooLargeError
from dashboard.files import sent_file, takes_file, was_too_large
from dashboard.formatting import file_size
from dashboard.forms.files import FilePlaceForm, UploadForm
from dashboard.pages.connection import Subject, head_of
from dashboard.pages.files import files_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page
from jobs.models import Trigger
from jobs.services.delivered import sync_delivered

OK, INVALID = 200, 422


@require_safe
def files(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show which files are awaited and which came."""
    return _show(request, _assisted_or_404(pk))


@takes_file
@require_POST
def upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take in a file, look into it, and start the sync where its set is whole now."""
    connection = _assisted_or_404(pk)
    try:
        awaited = uploads.awaited_of(connection)
    except DeclarationError as error:
        return _show(request, connection, refusal=str(error))
    form = UploadForm(request.POST, awaited=awaited, entities=connection.entities.selected())
    if not form.is_valid():
        said = [str(one) for errors in form.errors.values() for one in errors]
        return _show(request, connection, refusal=" ".join(said))
    entity = form.company() or connection.entities.selected().first()
    if entity is None or connection.setup_step:
        return _show(request, connection, refusal="The setup of this connection is not finished. Finish it first.")
    entity.connection = connection
    return _take(request, entity, form.wanted())


def _take(request: HttpRequest, entity: Entity, awaited: Awaited) -> HttpResponse:
    connection, sent = entity.connection, sent_file(request)
    if sent is None:
        refusal = _too_large() if was_too_large(request) else "Choose a file first."
        return _show(request, connection, entity, awaited.table, refusal)
    try:
        done = uploads.take_in(
            incoming=Incoming(sent.name or "", sent.chunks()),
            awaited=awaited,
            sender=Sender(user=cast("User", request.user)),
            entity=entity,
            is_sent=True,
        )
    except TooLargeError:
        return _show(request, connection, entity, awaited.table, _too_large())
    if done.status == UploadStatus.REFUSED:
        return _show(request, connection, entity, awaited.table, f"{done.name}: {done.reason}")
    _tell(request, connection, entity, done)
    return HttpResponseRedirect(_address(connection, entity))


@require_POST
def withdraw(request: HttpRequest, pk: UUID, upload_pk: UUID) -> HttpResponse:
    """Take a file back that was not loaded yet."""
    connection = _assisted_or_404(pk)
    found = get_object_or_404(connection.uploads, pk=upload_pk)
    if uploads.withdraw(upload=found, actor=cast("User", request.user)):
        messages.success(request, f"{found.name} is taken back, and its content is removed.")
    else:
        messages.warning(request, f"{found.name} was loaded or replaced already. Nothing was changed.")
    return HttpResponseRedirect(_address(connection, found.entity))


def _tell(request: HttpRequest, connection: Connection, entity: Entity, done: Upload) -> None:
    """Start what can start now, and say what follows."""
    jobs = sync_delivered(
        connection=connection, entity_ids=[entity.pk], trigger=Trigger.USER, actor=cast("User", request.user)
    )
    if jobs:
        text = '{} is checked: {} rows. The set is whole, and its sync is queued. <a href="{}">Open the job</a>'
        messages.success(request, format_html(text, done.name, f"{done.rows:,}", jobs[0].get_absolute_url()))
        return
    missing = uploads.missing_files(entity, uploads.awaited_of(connection))
    follows = f"Still awaited: {', '.join(one.name for one in missing)}." if missing else "Its set is whole."
    messages.success(request, f"{done.name} is checked: {done.rows:,} rows. {follows}")


def _too_large() -> str:
    largest = file_size(settings.PATCHBAY_UPLOAD_BYTES)
    return f"The file is larger than {largest}, the most that can be uploaded. Split it, or pack it with gzip."


def _show(
    request: HttpRequest, connection: Connection, entity: Entity | None = None, table: str = "", refusal: str = ""
) -> HttpResponse:
    subject = Subject(connection, timezone.now())
    form = FilePlaceForm(request.GET)
    asked = form.criteria()
    if entity is not None:
        asked["entity"] = entity.pk
    context = {
        "section": "files",
        "form": form,
        "head": head_of(subject),
        "address": reverse("connections:files", args=[connection.pk]),
        "page": files_of(subject, asked),
        "refusal": refusal,
        "refused_table": table,
        "now": subject.now,
    }
    return render_page(request, "connections/files.html", context, fragment="live", status=INVALID if refusal else OK)


def _assisted_or_404(pk: UUID) -> Connection:
    connection = connection_or_404(pk)
    if not Subject(connection, timezone.now()).provider.is_assisted:
        message = "Nobody delivers files for this connection."
        raise Http404(message)
    return connection


def _address(connection: Connection, entity: Entity | None) -> str:
    query = f"?{urlencode({'entity': entity.pk})}" if entity else ""
    return f"{reverse('connections:files', args=[connection.pk])}{query}"
