"""Is Patchbay itself well?"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.pages.system import POLL_SECONDS, system_page_at
from dashboard.views.rendering import render_page


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show workers, queues, overdue schedules, the servers and the versions; a poll gets all of it anew."""
    page = system_page_at(timezone.now(), timezone.get_current_timezone())
    return render_page(request, "system/overview.html", {"page": page, "seconds": POLL_SECONDS}, fragment="live")
