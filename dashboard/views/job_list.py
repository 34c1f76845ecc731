"""The list of all jobs, and what it shows as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.job_list import JobFilterForm
from dashboard.pages.connection_export import as_csv
from dashboard.pages.job_export import MOST_EXPORTED, NAMES, records
from dashboard.pages.job_list import job_list
from dashboard.views.rendering import render_page


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show one page of the jobs that the address asks for; the newest one renews itself."""
    now = timezone.now()
    page = job_list(request.GET.dict(), now, timezone.get_current_timezone())
    context = {"page": page, "now": now, "most_exported": MOST_EXPORTED}
    return render_page(request, "jobs/list.html", context, fragment="live")


@require_safe
def csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the matching jobs as CSV; refuse what is not valid (400), for a file cannot say what was left out."""
    form = JobFilterForm(request.GET.dict())
    criteria, notes = form.criteria(), form.notes()
    if notes:
        text = "\n".join(["There is no file for this address:", *notes, ""])
        return HttpResponseBadRequest(text, content_type="text/plain; charset=utf-8")
    now, zone = timezone.now(), timezone.get_current_timezone()
    found = as_csv(records(criteria, now, zone), NAMES)
    response = StreamingHttpResponse(found, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="jobs-{now:%Y-%m-%d}.csv"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
