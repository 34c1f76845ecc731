"""One entity: its drawer beside the job history, which is a page of its own as well, and its own sync."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from dashboard.views.connection_pages import connection_or_404, show_history
from dashboard.views.refusals import CONFLICT, refused
from dashboard.views.rendering import wants_fragment
from jobs.services.enqueue import CannotSync, enqueue_sync

OK = 200


@require_safe
def detail(request: HttpRequest, pk: UUID, entity_pk: UUID) -> HttpResponse:
    """Show the drawer of an entity beside the job history of its connection."""
    connection = connection_or_404(pk)
    entity = get_object_or_404(connection.entities.with_rank(), pk=entity_pk)
    return show_history(request, connection, entity=entity, address=request.get_full_path())


@require_POST
def sync(request: HttpRequest, pk: UUID, entity_pk: UUID) -> HttpResponse:
    """Start a sync of one entity, or say why not (409), and show its drawer again."""
    connection = connection_or_404(pk)
    entity = get_object_or_404(connection.entities.with_rank(), pk=entity_pk)
    status = OK
    try:
        jobs = enqueue_sync(connection=connection, actor=cast("User", request.user), entity=entity)
    except CannotSync as refusal:
        if not wants_fragment(request):
            return refused(request, connection, str(refusal), code=refusal.reason, job_id=refusal.job_id)
        status = CONFLICT
        _tell(request, messages.WARNING, str(refusal), refusal.job_id)
    else:
        _tell(request, messages.SUCCESS, f"{entity.name}: sync queued.", jobs[0].pk)
    address = reverse("connections:entity", args=[pk, entity_pk])
    if not wants_fragment(request):
        return HttpResponseRedirect(address)
    return show_history(request, connection, entity=entity, address=address, status=status)


def _tell(request: HttpRequest, level: int, sentence: str, job_id: UUID | None) -> None:
    """Leave a message, with the job that it is about."""
    if job_id is None:
        messages.add_message(request, level, sentence)
        return
    href = reverse("jobs:detail", args=[job_id])
    messages.add_message(request, level, format_html('{} <a href="{}">Open the job</a>', sentence, href))
