"""One entity: its drawer beside the job history, which is a page of its own as well, its sync, and its exclusion."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.models import Entity
from dashboard.formatting import exact_time
from dashboard.forms.history import HistoryForm
from dashboard.pages.entity import exclusion_of
from dashboard.views.connection_pages import connection_or_404, show_history
from dashboard.views.refusals import CONFLICT, refused
from dashboard.views.rendering import render_page, wants_fragment
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.excluding import exclude_entity, include_entity

OK = 200
QUESTION = ("GET", "HEAD", "POST")


@require_safe
def detail(request: HttpRequest, pk: UUID, entity_pk: UUID) -> HttpResponse:
    """Show the drawer of an entity beside the job history of its connection."""
    return show_history(request, pk, entity_pk=entity_pk)


@require_POST
def sync(request: HttpRequest, pk: UUID, entity_pk: UUID) -> HttpResponse:
    """Start a sync of one entity, or say why not (409), and show its drawer again."""
    connection = connection_or_404(pk)
    entity = get_object_or_404(connection.entities, pk=entity_pk)
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
    return _shown(request, entity, status)


@require_http_methods(QUESTION)
def exclude(request: HttpRequest, pk: UUID, entity_pk: UUID) -> HttpResponse:
    """Say what excluding an entity means, and stop syncing it."""
    connection = connection_or_404(pk)
    entity = get_object_or_404(connection.entities, pk=entity_pk)
    if request.method != "POST":
        page = exclusion_of(entity)
        context = {"connection": connection, "entity": entity, "page": page, "carried": _carried(request)}
        return render_page(request, "connections/entity_exclude.html", context, fragment="question")
    try:
        exclude_entity(connection=connection, entity=entity, actor=cast("User", request.user))
    except CannotSync as refusal:
        return refused(request, connection, str(refusal), code=refusal.reason)
    messages.success(request, f"{entity.name} is excluded. It syncs again once somebody includes it.")
    return _shown(request, entity)


@require_POST
def include(request: HttpRequest, pk: UUID, entity_pk: UUID) -> HttpResponse:
    """Sync an excluded entity again, or say why not (409), and show its drawer again."""
    connection = connection_or_404(pk)
    entity = get_object_or_404(connection.entities, pk=entity_pk)
    try:
        included = include_entity(connection=connection, entity=entity, actor=cast("User", request.user))
    except CannotSync as refusal:
        return refused(request, connection, str(refusal), code=refusal.reason)
    planned, zone = included.next_run_at, timezone.get_current_timezone()
    following = f"Its next sync is planned for {exact_time(planned, zone)}." if planned else "None is planned for it."
    messages.success(request, f"{entity.name} is included again. {following}")
    return _shown(request, entity)


def _carried(request: HttpRequest) -> str:
    """Return the query that keeps the list beside the drawer as it is filtered."""
    return HistoryForm(request.GET).asked().query()


def _shown(request: HttpRequest, entity: Entity, status: int = OK) -> HttpResponse:
    """Lead back to the drawer of an entity after a plain form, or show it anew."""
    address = f"{entity.get_absolute_url()}{_carried(request)}"
    if not wants_fragment(request):
        return HttpResponseRedirect(address)
    return show_history(request, entity.connection_id, entity_pk=entity.pk, address=address, status=status)


def _tell(request: HttpRequest, level: int, sentence: str, job_id: UUID | None) -> None:
    """Leave a message, with the job that it is about."""
    if job_id is None:
        messages.add_message(request, level, sentence)
        return
    href = reverse("jobs:detail", args=[job_id])
    messages.add_message(request, level, format_html('{} <a href="{}">Open the job</a>', sentence, href))
