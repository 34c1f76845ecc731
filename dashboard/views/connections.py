"""The list of connections, and the press on *Sync now*."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.pages.connections import clock_now, connection_list, refreshed
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.refusals import CONFLICT, refused
from dashboard.views.rendering import go_back, render_page, wants_fragment
from jobs.models import Job
from jobs.services.enqueue import CannotSync, enqueue_sync

LIST = "connections/list.html"
OK = 200


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show the list, or what changed on it since the asking page was last brought up to date."""
    if wants_fragment(request):
        poll = refreshed(request.GET.dict(), clock_now())
        return render_page(request, LIST, {"poll": poll}, fragment="live", version=poll.version)
    page, poll = connection_list(request.GET.dict(), clock_now())
    return render_page(request, LIST, {"page": page, "poll": poll}, fragment="live")


@require_POST
def sync(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Start a sync of every selected entity, or say why not (409), on the page where it was asked for."""
    connection = connection_or_404(pk)
    is_row = wants_fragment(request) and "rows" in request.POST
    try:
        jobs = enqueue_sync(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        if not is_row:
            return refused(request, connection, str(refusal), code=refusal.reason, job_id=refusal.job_id)
        _tell_refusal(request, refusal)
        status = CONFLICT
    else:
        _tell_start(request, connection, jobs)
        status = OK
    back = go_back(request, reverse("connections:list"))
    if not wants_fragment(request):
        return back
    if not is_row:
        # Asked for on a page other than the list.
        return HttpResponseClientRedirect(back.url)
    poll = refreshed(request.POST.dict(), clock_now())
    return render_page(request, LIST, {"poll": poll}, fragment="live", status=status)


def _tell_start(request: HttpRequest, connection: Connection, jobs: list[Job]) -> None:
    """Leave a message that names what was started and leads to it."""
    if not jobs:
        messages.warning(request, f"{connection.name} has nothing selected to sync. Nothing was started.")
        return
    word = providers.manifest(connection.provider).entity_word
    scope = f", one job per {word} ({len(jobs)})" if len(jobs) > 1 else ""
    text, link = ("{}: sync queued{}. ", '<a href="{}">{}</a>')
    label = "Open the first job" if len(jobs) > 1 else "Open the job"
    message = format_html(text + link, connection.name, scope, jobs[0].get_absolute_url(), label)
    messages.success(request, message)


def _tell_refusal(request: HttpRequest, refusal: CannotSync) -> None:
    """Leave a message with the reason, and with the job that is in the way."""
    if refusal.job_id is None:
        messages.warning(request, str(refusal))
        return
    href = reverse("jobs:detail", args=[refusal.job_id])
    messages.warning(request, format_html('{} <a href="{}">Open that job</a>', str(refusal), href))
