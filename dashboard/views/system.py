"""Is Patchbay itself well? The page, and the line that every other page shows of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import context
from dashboard.pages.system import POLL_SECONDS, system_page_at
from dashboard.views.rendering import render_page, wants_fragment


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show queues, overdue schedules, the servers and the versions, with `workers` in the address each worker too.

    A poll gets all of it anew.
    """
    zone, names_workers = timezone.get_current_timezone(), "workers" in request.GET
    page = system_page_at(timezone.now(), zone, names_workers=names_workers)
    known = {
        "page": page,
        "names_workers": names_workers,
        "seconds": POLL_SECONDS,
        "shell_health": context.HealthLine(*page.line),
    }
    return render_page(request, "system/overview.html", known, fragment="live")


@require_safe
def alarm(request: HttpRequest) -> HttpResponse:
    """Answer the poll of every page's frame with what is wrong, if anything; opened as a page, it is the whole one."""
    if not wants_fragment(request):
        return overview(request)
    line = context.health()
    return render_page(request, "system/alarm.html", {"shell_health": line}, fragment="alarm", version=line.version)
