"""Sessions: the list of all, and the page of one, which lives while somebody is in it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.pages.session import page_of, read
from dashboard.pages.session_list import counts_of, session_list
from dashboard.pages.session_support import Taken, support_text
from dashboard.views.rendering import render_page, wants_fragment
from sessions_log.models import Session

OK, STOP_POLLING = 200, 286


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show one page of the sessions that the address asks for; the newest one renews itself."""
    now, asked = timezone.now(), request.GET.dict()
    counts = None if wants_fragment(request) else counts_of(asked, now)
    context = {"page": session_list(asked, now), "counts": counts, "now": now}
    return render_page(request, "sessions/list.html", context, fragment="live")


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the story of a session, narrated or raw; a poll gets it anew when it went on, and 286 once it is over."""
    session = get_object_or_404(Session.objects.for_page(), pk=pk)
    now, is_raw = timezone.now(), request.GET.get("view") == "raw"
    page = page_of(read(session), now, is_raw=is_raw)
    address = request.build_absolute_uri(session.get_absolute_url())
    context = {
        "session": session,
        "page": page,
        "now": now,
        "support": support_text(session, page, Taken(address, now)),
        "address": request.get_full_path(),
        "told_href": session.get_absolute_url(),
        "raw_href": f"{session.get_absolute_url()}?view=raw",
    }
    is_over = wants_fragment(request) and not page.is_live
    status = STOP_POLLING if is_over else OK
    return render_page(request, "sessions/detail.html", context, fragment="live", status=status, version=page.version)
