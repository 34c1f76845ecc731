"""The list of all jobs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.pages.job_list import job_list
from dashboard.views.rendering import render_page


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show one page of the jobs that the address asks for; its table renews itself."""
    page = job_list(request.GET.dict(), timezone.now(), timezone.get_current_timezone())
    return render_page(request, "jobs/list.html", {"page": page}, fragment="live")
