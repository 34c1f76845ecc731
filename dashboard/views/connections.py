"""The list of connections, the choice of its columns, and the press on *Sync now*."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.access import HtmxRequest
from dashboard.forms.connections import ConnectionFilterForm
from dashboard.pages.connection_columns import COLUMNS, COOKIE, columns_of, cookie_of
from dashboard.pages.connection_poll import Poll, refreshed
from dashboard.pages.connection_rows import clock_now
from dashboard.pages.connections import connection_list
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.refusals import CONFLICT, refused
from dashboard.views.rendering import go_back, render_page, wants_fragment
from jobs.models import Job
from jobs.services.enqueue import CannotSync, enqueue_sync

LIST = "connections/list.html"
OK = 200
_YEAR = 365 * 24 * 60 * 60


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show the list, or what changed on it since the asking page was last brought up to date."""
    if wants_fragment(request):
        poll = _poll(request.GET, request.GET.get("rows", ""))
        return render_page(request, LIST, _context(request, poll), fragment="live", version=poll.version)
    page, poll = connection_list(request.GET, clock_now())
    return render_page(request, LIST, {"page": page, **_context(request, poll)}, fragment="live")


@require_POST
def columns(request: HttpRequest) -> HttpResponse:
    """Keep the chosen columns in this browser, and show the list with them; "usual" forgets the choice."""
    back = go_back(request, reverse("connections:list"))
    if "usual" in request.POST:
        back.delete_cookie(COOKIE, samesite="Lax")
    else:
        chosen = cookie_of(request.POST.getlist("column"))
        back.set_cookie(
            COOKIE, chosen, max_age=_YEAR, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
        )
    return back


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
    page = cast("HtmxRequest", request).htmx.current_url_abs_path or ""
    poll = _poll(QueryDict(urlsplit(page).query), request.POST["rows"])
    return render_page(request, LIST, _context(request, poll), fragment="live", status=status)


def _poll(asked: QueryDict, seen: str) -> Poll:
    """Return what changed on the page that asked for this and shows what `seen` names."""
    return refreshed(ConnectionFilterForm(asked).criteria(), seen, clock_now())


def _context(request: HttpRequest, poll: Poll) -> dict[str, Any]:
    return {"poll": poll, "columns": columns_of(request.COOKIES.get(COOKIE, "")), "all_columns": COLUMNS}


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
